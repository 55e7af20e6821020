/* SPDX-License-Identifier: BSD-2-Clause */
/* What the operator wants of guests. */
#ifndef HOST_OPERATE_H
#define HOST_OPERATE_H

#include "guest.h"

/* The guest of that name; one that runs. NULL, or what is wrong. */
const char *operate_find(const char *name, struct guest **out);
const char *operate_running(const char *name, struct guest **out);

/* Is the machine to be switched off? Changes *status (unless NULL) only if the
 * operator named one. */
bool operate_off(unsigned *status);

#endif
