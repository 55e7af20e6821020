/* SPDX-License-Identifier: BSD-2-Clause */
/* The console on UEFI's frame buffer, with a PS/2 keyboard. */
#ifndef HOST_SCREEN_H
#define HOST_SCREEN_H

#include "config.h"
#include "scroll.h"

/* Says on the console what it finds; the screen begins with what came before.
 * Keys go to typed, in ordinary context. */
void screen_init(const struct config *c, const struct scroll *before,
		 void (*typed)(const char *text, size_t n));

/* These do nothing where there is none. Text is drawn later: */
void screen_put(const char *text, size_t n);
/* some time after the last drawing; */
void screen_pump(void);
/* at once. */
void screen_flush(void);

#endif
