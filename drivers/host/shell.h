/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keyboard: it is a guest's, or the operator's, who has a shell. One key
 * (SHELL_KEY) goes from the one to the other.
 */
#ifndef HOST_SHELL_H
#define HOST_SHELL_H

#include "guest.h"

#define SHELL_KEY 0x1d /* Ctrl-] */

/* Behind guests_init(). */
void shell_init(const struct config *c);

/* What was typed since the last time, and what else is due. */
void shell_run(void);

/* shell_run is to be called in each round, as a table comes again and again. */
extern bool shell_repeats;

/* Does the machine stay on without a guest? */
bool shell_stays(void);

/* The guest's state has changed. */
void shell_state(const struct guest *g);

/* A guest gets the keyboard, and the screen; once the command is done. */
void shell_console(struct guest *g);

/* `stats` comes again and again, until a key is pressed. */
void shell_repeat_stats(uint64_t seconds);

/* The screen is somebody else's now, for good. */
void shell_end(void);

#endif
