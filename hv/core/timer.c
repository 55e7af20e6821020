/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers: one sorted list per CPU, with up to two timers of each vCPU. */
#include "core/event.h"
#include "core/sched.h"
#include "core/vapic.h"

static struct timer *timer_of(const struct list *l)
{
	return list_item(l, struct timer, link);
}

void timer_set_locked(struct sched_cpu *s, struct vcpu *v, enum vcpu_timer t,
		      u64 at)
{
	struct timer *n = &v->timers[t];
	struct list *l;

	if (n->at == at)
		return;
	if (n->at)
		list_del(&n->link);
	n->at = at;
	if (at) {
		for (l = s->timers.next; l != &s->timers; l = l->next)
			if (timer_of(l)->at > at)
				break;
		list_add_tail(l, &n->link);
	}
	store_relaxed(&s->timer_first, list_empty(&s->timers) ?
					       TIMER_NEVER :
					       timer_of(s->timers.next)->at);
}

void sched_timer_set(struct vcpu *v, u64 tsc)
{
	struct sched_cpu *s = sched_of(v->cpu);

	lock_take(&s->lock);
	timer_set_locked(s, v, TIMER_GUEST, tsc);
	lock_drop(&s->lock);
	/* the CPU's next forced exit may have to come sooner */
	if (tsc && s->running == v && tsc < v->hw.deadline)
		virt->deadline_arm(&v->hw, tsc);
}

/*
 * Takes the first timer off the list if it has expired, and says whose it was.
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
	n = timer_of(s->timers.next);
	v = n->owner;
	*t = (enum vcpu_timer)(n - v->timers);
	timer_set_locked(s, v, *t, 0);
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
	}
}
