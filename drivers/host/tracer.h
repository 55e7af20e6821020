/* SPDX-License-Identifier: BSD-2-Clause */
/* Traces guests on the console, as the configuration asks. */
#ifndef HOST_TRACER_H
#define HOST_TRACER_H

#include "guest.h"

/* Before the first guest starts. NULL, or what is wrong. */
const char *tracer_init(const struct config *c);
/* The guest's partition has been made: from now on it is traced. NULL, or what
 * is wrong. */
const char *tracer_begin(struct guest *g);
/* From now on a guest that runs is traced: PV_TRACE_*. The same. */
const char *tracer_set(struct guest *g, unsigned what);
/* Shows what has come since the last time, if anything is traced. */
void tracer_run(void);
/* Ends it, if it is traced: shows the rest, and what did not return. */
void tracer_end(struct guest *g);

#endif
