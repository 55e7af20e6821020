/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace rings of all CPUs: mapping, and merging by time. */
#include "rings.h"

#include "host.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "pvabi/calls.h"

#define CPUS 64u

static struct trace_reader readers[CPUS];
static unsigned nr_rings;
static uint64_t lost_told;

uint64_t rings_map(void)
{
	uint64_t size = sizeof(struct pv_trace_ring), err = PV_OK;

	while (nr_rings < CPUS) {
		uint64_t at = HOST_TRACE + nr_rings * size;

		err = pv_trace_map(kit_info()->self, nr_rings, at,
				   HOST_PORT_TRACE);
		if (err)
			break;
		if (!kit_map(at, at, size, KIT_READ))
			return PV_ENOMEM;
		readers[nr_rings++].ring = kit_ptr(at);
	}
	return nr_rings && err == PV_EINVAL ? PV_OK : err; /* no more CPUs */
}

/* Records are written when what they tell of ends. */
static uint64_t end_of(const struct pv_trace_record *r)
{
	return r->tsc + r->ticks;
}

bool rings_next(struct pv_trace_record *out)
{
	struct trace_reader *best = NULL;
	struct pv_trace_record r = { .seq = 0 };

	for (unsigned i = 0; i < nr_rings; i++)
		if (trace_read_peek(&readers[i], &r) &&
		    (!best || end_of(&r) < end_of(out))) {
			best = &readers[i];
			*out = r;
		}
	if (best)
		trace_read_skip(best);
	return best;
}

uint64_t rings_lost(void)
{
	uint64_t sum = 0, since;

	for (unsigned i = 0; i < nr_rings; i++)
		sum += readers[i].lost;
	since = sum - lost_told;
	lost_told = sum;
	return since;
}
