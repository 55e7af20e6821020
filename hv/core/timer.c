/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers: one heap per CPU, with up to two timers of each vCPU. */
#include "core/event.h"
#include "core/sched.h"
#include "core/vapic.h"

/*
 * A pairing heap: each timer is due no earlier than the one above it, and one
 * that is set or taken back costs the same however many there are; only to take
 * the first away pairs those below it (log n of them, amortized).
 */
static struct timer *meld(struct timer *a, struct timer *b)
{
	if (!a || !b)
		return a ? a : b;
	if (b->at < a->at)
		return meld(b, a);
	b->prev = a;
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	a->child = b;
	return a;
}

/* One heap of all from n on: by twos, then, the last first, with the rest. */
static struct timer *meld_all(struct timer *n)
{
	struct timer *pairs = NULL, *all = NULL, *a, *b;

	while (n) {
		a = n;
		b = a->next;
		n = b ? b->next : NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	for (; pairs; pairs = n) {
		n = pairs->next;
		all = meld(all, pairs);
	}
	return all;
}

static struct timer *without(struct timer *top, struct timer *n)
{
	struct timer *below = meld_all(n->child);

	n->child = NULL;
	if (n == top)
		return below;
	if (n->prev->child == n)
		n->prev->child = n->next;
	else
		n->prev->next = n->next;
	if (n->next)
		n->next->prev = n->prev;
	return meld(top, below);
}

void timer_set_locked(struct sched_cpu *s, struct vcpu *v, enum vcpu_timer t,
		      u64 at)
{
	struct timer *n = &v->timers[t];

	if (n->at == at)
		return;
	if (n->at)
		s->timers = without(s->timers, n);
	n->at = at;
	n->next = NULL;
	if (at)
		s->timers = meld(s->timers, n);
	store_relaxed(&s->timer_first, s->timers ? s->timers->at : TIMER_NEVER);
}

void sched_timer_set(struct vcpu *v, u64 tsc)
{
	struct sched_cpu *s = sched_lock(v);

	timer_set_locked(s, v, TIMER_GUEST, tsc);
	lock_drop(&s->lock);
	/* the CPU's next forced exit may have to come sooner */
	if (tsc && s->running == v && tsc < v->hw.deadline)
		virt->deadline_arm(&v->hw, tsc, rdtsc());
}

/*
 * Takes the first timer off the heap if it has expired, and says whose it was.
 * Not of a partition that is being destroyed: its vCPUs may go as soon as the
 * lock is dropped. (Destruction waits for a CPU that has not seen it dying.)
 */
static struct vcpu *take_expired(struct sched_cpu *s, u64 now,
				 enum vcpu_timer *t)
{
	struct timer *n;
	struct vcpu *v;

	lock_scope(&s->lock);
	if (now < s->timer_first)
		return NULL;
	n = s->timers;
	v = n->owner;
	*t = (enum vcpu_timer)(n - v->timers);
	timer_set_locked(s, v, *t, 0);
	s->firing = v;
	return load_seq(&v->part->dying) ? NULL : v;
}

void sched_timers_run(u64 now)
{
	struct sched_cpu *s = sched_this();
	enum vcpu_timer t;
	struct vcpu *v;

	while (now >= load_relaxed(&s->timer_first)) {
		v = take_expired(s, now, &t);
		if (v && t == TIMER_WAKE)
			sched_wake(v);
		else if (v && v->apic && v->apic->armed)
			vapic_timer_fired(v);
		else if (v)
			event_timer(v);
		store_release(&s->firing, NULL);
	}
}
