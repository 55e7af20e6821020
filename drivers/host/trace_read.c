/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a trace ring that its CPU may write at the same time; pure. */
#include "trace_read.h"

static uint64_t seq_of(const struct pv_trace_record *r)
{
	return __atomic_load_n(&r->seq, __ATOMIC_ACQUIRE);
}

bool trace_read_peek(struct trace_reader *t, struct pv_trace_record *out)
{
	const struct pv_trace_record *r;
	uint64_t head = __atomic_load_n(&t->ring->head, __ATOMIC_ACQUIRE);

	if (head - t->next > PV_TRACE_RECORDS) {
		t->lost += head - t->next - PV_TRACE_RECORDS;
		t->next = head - PV_TRACE_RECORDS;
	}
	for (; t->next < head; t->next++, t->lost++) {
		r = &t->ring->record[t->next % PV_TRACE_RECORDS];
		if (seq_of(r) != t->next + 1)
			continue; /* a later one has taken its place */
		*out = *r;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (seq_of(r) == t->next + 1)
			return true;
	}
	return false;
}
