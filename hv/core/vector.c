/* SPDX-License-Identifier: BSD-2-Clause */
/* Events as vectors of their own: what is pending, and what is in service. */
#include "core/event.h"
#include "core/sched.h"

/* Vectors 0 to 31 are exceptions: those bits of the first word mean nothing. */
#define WORD0 (~0ull << 32)

/* The highest pending vector, 0: none. The guest can write these words, too. */
static u32 highest(const struct pv_vcpu_page *pg)
{
	for (u32 i = array_size(pg->vector_pending); i--;) {
		u64 w = load_seq(&pg->vector_pending[i]) & (i ? ~0ull : WORD0);

		if (w)
			return i * 64 + 63 - (u32)__builtin_clzll(w);
	}
	return 0;
}

/* The same, if neither its class nor a higher one is in service. */
static u32 deliverable(const struct pv_vcpu_page *pg)
{
	u32 vector = highest(pg);

	return load_relaxed(&pg->in_service) >> vector / 16 ? 0 : vector;
}

bool vector_pending(const struct vcpu *v) { return deliverable(v->page); }

/* Ordered as post() in event.c: first what is pending, then the look. */
void vector_raise(struct vcpu *v, u32 vector)
{
	u64 bit = 1ull << vector % 64;

	if (!load_relaxed(&v->vectors))
		store_seq(&v->vectors, 1);
	if (or_seq(&v->page->vector_pending[vector / 64], bit) & bit)
		return;
	vcpu_pend(v, PEND_VECTOR);
	sched_poke(v);
}

static void begin(struct pv_vcpu_page *pg, u32 vector)
{
	and_seq(&pg->vector_pending[vector / 64], ~(1ull << vector % 64));
	store_relaxed(&pg->in_service,
		      load_relaxed(&pg->in_service) | 1u << vector / 16);
}

/*
 * The guest stands still meanwhile. So what it finds in vector_waits when it has
 * ended a vector is complete: whoever sends later interrupts it anew.
 */
void vector_deliver(struct vcpu *v)
{
	struct pv_vcpu_page *pg = v->page;
	u32 vector = deliverable(pg);

	v->vector_due = vector && !event_inject(v, vector);
	if (vector && !v->vector_due)
		begin(pg, vector);
	/* one that waits for the window is looked at again there */
	store_relaxed(&pg->vector_waits, v->vector_due ? 0 : highest(pg));
}
