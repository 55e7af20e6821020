/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests: the program dies where the configuration says (`crash`). */
#ifndef HOST_CRASH_H
#define HOST_CRASH_H

#include "config.h"

/* Before any device is made. With step 0 the instructions count from here on. */
void crash_init(const struct config *c);
/* Does this life end so? */
bool crash_comes(void);
/* One of the steps that are counted. */
void crash_step(void);

#endif
