/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace rings of all CPUs, mapped, and read in the order of time. */
#ifndef HOST_RINGS_H
#define HOST_RINGS_H

#include "trace_read.h"

/* Maps them, if they are not yet; HOST_PORT_TRACE is told. PV_* status. */
uint64_t rings_map(void);
/* The oldest record of all rings; false: there is none. */
bool rings_next(struct pv_trace_record *out);
/* Records lost since the last call. */
uint64_t rings_lost(void);

#endif
