/* SPDX-License-Identifier: BSD-2-Clause */
/* Driver of a keyboard at an i8042 controller: scan codes of set 1, as the
 * controller translates them; the letters of a US keyboard. */
#ifndef DRIVERS_PS2_H
#define DRIVERS_PS2_H

#include "env.h"

#define PS2_DATA 0x60u
#define PS2_STATUS 0x64u /* read */
#define PS2_COMMAND 0x64u

#define PS2_STATUS_OUT 0x01u /* a byte waits for us */
#define PS2_STATUS_IN 0x02u  /* it has not taken ours yet */
#define PS2_STATUS_AUX 0x20u /* the byte is the mouse's */
#define PS2_STATUS_TIMEOUT 0x40u
#define PS2_STATUS_PARITY 0x80u

struct ps2 {
	struct env *env;
	bool present;
	bool shift, control, caps;
	bool extended; /* E0 came before */
	unsigned skip; /* bytes of a Pause key that are left */
};

/* false: there is no controller, or none that answers. */
bool ps2_init(struct ps2 *p, struct env *e);

/* What was typed, as a terminal sends it: at most n bytes, of which keys with a
 * sequence take 4. On an interrupt: until it gives nothing. */
size_t ps2_get(struct ps2 *p, char *to, size_t n);

#endif
