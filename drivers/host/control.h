/* SPDX-License-Identifier: BSD-2-Clause */
/* The control channel: commands and events for programs, on COM2. */
#ifndef HOST_CONTROL_H
#define HOST_CONTROL_H

#include "guest.h"

/* Starts it, if the configuration asks for it. */
void control_init(const struct config *c);

/* Carries out what has come. */
void control_run(void);

/* Gives the line what it takes; before sleeping. */
void control_pump(void);

/* Tells of a guest's new state. */
void control_state(const struct guest *g);

/* The machine goes off: tells of it, and waits until all is out. */
void control_end(unsigned status);

#endif
