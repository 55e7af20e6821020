/* SPDX-License-Identifier: BSD-2-Clause */
/* An emulated 8254 timer at ports 0x40 to 0x43 of an unported guest, with the
 * gate of its channel 2 at port 0x61 (Intel 8254 data sheet). */
#ifndef HOST_PIT_H
#define HOST_PIT_H

#include <stdbool.h>
#include <stdint.h>

#define PIT_PORT 0x40u
#define PIT_GATE_PORT 0x61u
#define PIT_HZ 1193182u
#define PIT_CHANNELS 3u

struct pit_channel {
	uint8_t control; /* RW, mode and BCD bits of its control word */
	uint8_t low;	 /* first byte of a count of two */
	bool half_written, half_read;
	bool loaded; /* it counts, or would if its gate were open */
	bool open;   /* the gate */
	uint16_t latch;
	uint8_t latched; /* bytes of it that are not read yet */
	bool status_latched;
	uint8_t status;
	uint32_t from;	/* what it counts down from: 1 to 65536 */
	uint64_t since; /* tick at which it began, or its gate opened */
	uint64_t done;	/* ticks counted before */
	uint64_t told;	/* rising edges of its output since the load */
};

struct pit {
	struct pit_channel channel[PIT_CHANNELS];
	uint8_t gate; /* bits 0 to 3 of port 0x61 */
};

void pit_init(struct pit *p);
/* reg is 0 to 3, ns any clock that does not go back. */
uint8_t pit_read(struct pit *p, unsigned reg, uint64_t ns);
void pit_write(struct pit *p, unsigned reg, uint8_t v, uint64_t ns);
/* Has the output of channel 0 gone up since this was asked, or its count was
 * loaded? However often. */
bool pit_edge(struct pit *p, uint64_t ns);
/* When it will the next time; 0: never. Behind pit_edge. */
uint64_t pit_next(const struct pit *p);
/* Is there a count in channel 0? */
bool pit_counts(const struct pit *p);
uint8_t pit_gate_read(const struct pit *p, uint64_t ns);
void pit_gate_write(struct pit *p, uint8_t v, uint64_t ns);

#endif
