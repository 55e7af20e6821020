/* SPDX-License-Identifier: BSD-2-Clause */
/* What the scheduler is told of a vCPU at run time, and its moves to another
 * CPU: because it may not stay, or because one is idle. */
#include "core/sched.h"

#define PULL_LOOK 16u /* vCPUs of a CPU's queue that an idle one looks at */

/* Nothing of v is in its CPU s, nor on its way there. */
static bool movable_locked(const struct sched_cpu *s, const struct vcpu *v)
{
	return s->running != v && s->firing != v && load_seq(&s->loaded) != v;
}

static void both_take(struct sched_cpu *a, struct sched_cpu *b)
{
	bool swap = b->index < a->index;

	lock_take(swap ? &b->lock : &a->lock);
	lock_take(swap ? &a->lock : &b->lock);
}

static void move_locked(struct vcpu *v, struct sched_cpu *from,
			struct sched_cpu *to)
{
	u64 at[TIMER_COUNT], first = to->timer_first;

	for (u32 i = 0; i < TIMER_COUNT; i++) {
		at[i] = v->timers[i].at;
		timer_set_locked(from, v, i, 0);
	}
	list_del(&v->leave);
	if (v->state == VCPU_READY)
		sched_dequeue_locked(from, v);
	__atomic_fetch_sub(&from->load, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&to->load, 1, __ATOMIC_RELAXED);
	store_seq(&v->cpu, to->index);
	v->moves++;
	for (u32 i = 0; i < TIMER_COUNT; i++)
		timer_set_locked(to, v, i, at[i]);
	if (v->state == VCPU_READY)
		sched_queue_locked(to, v);
	if (to->timer_first < first)
		sched_resched_locked(to);
}

/* False: v is elsewhere by now, is still in use, or may not go there. */
static bool move(struct vcpu *v, struct sched_cpu *from, struct sched_cpu *to)
{
	bool good;

	if (from == to)
		return false;
	both_take(from, to);
	good = v->cpu == from->index && movable_locked(from, v) &&
	       v->cpu_mask >> to->index & 1;
	if (good)
		move_locked(v, from, to);
	lock_drop(&to->lock);
	lock_drop(&from->lock);
	return good;
}

/* The first of s that must leave; it is there until this CPU takes an
 * interrupt, as any object. */
static struct vcpu *first_leaving(struct sched_cpu *s)
{
	lock_scope(&s->lock);
	return list_empty(&s->leaving) ?
		       NULL :
		       list_item(s->leaving.next, struct vcpu, leave);
}

void sched_leave(struct sched_cpu *s)
{
	struct vcpu *v;

	store_seq(&s->running, NULL);
	while ((v = first_leaving(s))) {
		if (s->loaded == v) {
			virt_leave(&v->hw);
			store_seq(&s->loaded, NULL);
		}
		/* if its CPUs have changed meanwhile, look at it again */
		(void)move(v, s,
			   sched_of(sched_place(load_relaxed(&v->cpu_mask))));
	}
}

/* What `to` may take of what waits here, the highest priority first. */
static struct vcpu *candidate(struct sched_cpu *s, const struct sched_cpu *to)
{
	u32 looks = 0, bits;

	lock_scope(&s->lock);
	for (bits = s->bitmap; bits;
	     bits &= ~(1u << (31 - __builtin_clz(bits)))) {
		struct list *q = &s->queue[31 - __builtin_clz(bits)];

		for (struct list *l = q->next; l != q; l = l->next) {
			struct vcpu *v = list_item(l, struct vcpu, run);

			if (looks++ == PULL_LOOK)
				return NULL;
			if (v->cpu_mask >> to->index & 1 &&
			    movable_locked(s, v))
				return v;
		}
	}
	return NULL;
}

bool sched_pull(struct sched_cpu *s)
{
	or_seq(&sched_idle, 1ull << s->index);
	for (u32 i = 1; i < cpu_count; i++) {
		struct sched_cpu *from = sched_of((s->index + i) % cpu_count);
		struct vcpu *v = NULL;

		if (load_relaxed(&from->queued) > 1)
			v = candidate(from, s);
		if (v && move(v, from, s)) {
			sched_awake(s);
			return true;
		}
	}
	return false;
}

void sched_awake(struct sched_cpu *s)
{
	and_seq(&sched_idle, ~(1ull << s->index));
}

static void priority_set_locked(struct sched_cpu *s, struct vcpu *v,
				u32 priority)
{
	bool queued = v->state == VCPU_READY || s->running == v;

	if (v->priority == priority)
		return;
	if (queued)
		sched_dequeue_locked(s, v);
	v->priority = priority;
	if (queued)
		sched_enqueue_locked(s, v);
	sched_resched_locked(s);
}

void sched_set(struct vcpu *v, u32 priority, u64 slice, u64 cpus)
{
	cpu_scope(s, v);
	if (s->running != v)
		v->budget_left = slice;
	v->slice = slice;
	v->cpu_mask = cpus;
	priority_set_locked(s, v, priority);
	list_del(&v->leave);
	if (!(cpus >> s->index & 1)) {
		list_add_tail(&s->leaving, &v->leave);
		sched_resched_locked(s);
	}
}

int sched_yield_to(struct vcpu *v, struct vcpu *to)
{
	struct sched_cpu *s = sched_this();
	u64 now = rdtsc();

	lock_scope(&s->lock);
	if (to == v || to->cpu != s->index || to->state != VCPU_READY ||
	    to->priority != v->priority)
		return PV_ESTATE;
	list_del(&to->run); /* to the head, and v goes to the end */
	list_add_tail(s->queue[to->priority].next, &to->run);
	if (v->budget_end > now)
		to->budget_left = v->budget_end - now;
	v->budget_end = 0;
	vcpu_pend(v, PEND_RESCHED);
	return PV_OK;
}
