/* SPDX-License-Identifier: BSD-2-Clause */
/* What the switches forward, as a capture file on COM3. */
#ifndef HOST_CAPTURE_H
#define HOST_CAPTURE_H

#include "config.h"

/* Begins, if the configuration says so; behind nets_init. */
void capture_init(const struct config *c);

/* Gives the line what it takes; before sleeping. */
void capture_pump(void);

/* Waits until everything is out, within bounds. */
void capture_end(void);

#endif
