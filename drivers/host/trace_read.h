/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a trace ring: the reader's half of its protocol (pvabi/manual.md). */
#ifndef HOST_TRACE_READ_H
#define HOST_TRACE_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "pvabi/abi.h"

struct trace_reader {
	const struct pv_trace_ring *ring;
	uint64_t next; /* number of the next record, less 1 */
	uint64_t lost; /* records that were overwritten before they were read */
};

/* Copies the next record; true: there was one. It stays the next one until
 * trace_read_skip(). */
bool trace_read_peek(struct trace_reader *t, struct pv_trace_record *out);
static inline void trace_read_skip(struct trace_reader *t) { t->next++; }

#endif
