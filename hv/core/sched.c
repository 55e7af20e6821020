/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler: per-CPU run queues by priority, round robin in each. */
#include "core/sched.h"
#include "arch/irq.h"
#include "core/event.h"
#include "lib/panic.h"

u64 sched_idle;

void sched_init_cpu(struct cpu *c)
{
	struct sched_cpu *s = c->sched;

	for (u32 i = 0; i < SCHED_PRIORITIES; i++)
		list_init(&s->queue[i]);
	s->timer_first = TIMER_NEVER;
	list_init(&s->leaving);
	s->index = c->index;
	s->apic_id = c->apic_id;
	sched_awake(s);
}

u64 sched_cpus(u64 cpu_mask)
{
	u64 all = ~0ull >> (64 - cpu_count);

	return cpu_mask ? cpu_mask & all : all;
}

u32 sched_place(u64 cpu_mask)
{
	u32 best = 0, load = ~0u;

	for (u32 i = 0; i < cpu_count; i++) {
		u32 l = load_relaxed(&sched_of(i)->load);

		if (cpu_mask >> i & 1 && l < load) {
			best = i;
			load = l;
		}
	}
	return best;
}

void sched_admit(struct vcpu *v)
{
	const struct partition *p = v->part;

	v->priority = p->priority;
	v->slice = v->budget_left = tsc_from_us(p->slice_us);
	v->cpu_mask = p->cpu_mask;
	v->cpu = sched_place(v->cpu_mask);
	list_init(&v->leave);
	for (u32 i = 0; i < TIMER_COUNT; i++)
		v->timers[i].owner = v;
	__atomic_fetch_add(&sched_of(v->cpu)->load, 1, __ATOMIC_RELAXED);
}

/* Another CPU takes an interrupt, so it leaves its guest or its sleep. */
static void kick_cpu(const struct sched_cpu *s)
{
	if (s != sched_this())
		lapic_ipi(s->apic_id, VEC_KICK);
}

void sched_dequeue_locked(struct sched_cpu *s, struct vcpu *v)
{
	list_del(&v->run);
	s->queued--;
	if (list_empty(&s->queue[v->priority]))
		s->bitmap &= ~(1u << v->priority);
}

void sched_enqueue_locked(struct sched_cpu *s, struct vcpu *v)
{
	u32 priority = v->priority;

	list_add_tail(&s->queue[priority], &v->run);
	s->bitmap |= 1u << priority;
	s->queued++;
}

void sched_resched_locked(struct sched_cpu *s)
{
	if (s->running)
		vcpu_pend(s->running, PEND_RESCHED);
	kick_cpu(s);
}

/* Where v waits behind another one, a CPU that is idle may take it. */
static void offer(const struct vcpu *v)
{
	u64 cpus = load_relaxed(&sched_idle) & v->cpu_mask;

	if (unlikely(cpus))
		kick_cpu(sched_of((u32)__builtin_ctzll(cpus)));
}

void sched_offer(const struct vcpu *v)
{
	if (unlikely(load_relaxed(&sched_idle)) && v && v->state == VCPU_READY)
		offer(v);
}

void sched_queue_locked(struct sched_cpu *s, struct vcpu *v)
{
	struct vcpu *r = s->running;

	hv_assert(lock_held(&s->lock));
	v->state = VCPU_READY;
	sched_enqueue_locked(s, v);
	if (!r)
		return kick_cpu(s);
	if (r->priority <= v->priority)
		sched_resched_locked(s);
	if (r->priority >= v->priority)
		offer(v);
}

static void ready_locked(struct sched_cpu *s, struct vcpu *v)
{
	v->ready_since = rdtsc();
	sched_queue_locked(s, v);
}

static void wake_locked(struct sched_cpu *s, struct vcpu *v)
{
	if (v->state >= VCPU_READY)
		return;
	if (v->timers[TIMER_WAKE].at)
		timer_set_locked(s, v, TIMER_WAKE, 0);
	if (s->running == v) { /* between its block and its leaving the CPU */
		v->state = VCPU_RUNNING;
		vcpu_unpend(v, PEND_BLOCK);
	} else {
		ready_locked(s, v);
	}
}

void sched_wake(struct vcpu *v)
{
	cpu_scope(s, v);
	wake_locked(s, v);
}

/* Has what v waits for come already? Checked after v->state says it waits:
 * whoever makes it true sets it first and then takes the lock to wake. */
static bool came_already(const struct vcpu *v, enum vcpu_state why)
{
	u32 p = load_seq(&v->hw.pending);

	if (why == VCPU_IO)
		return load_seq(&v->io_done);
	return why == VCPU_WAITING &&
	       (p & (PEND_EVENT | PEND_APIC | PEND_INJECT) || event_pending(v));
}

void sched_block(struct vcpu *v, enum vcpu_state why, u64 deadline)
{
	struct sched_cpu *s = sched_this();

	lock_scope(&s->lock);
	store_seq(&v->state, why);
	if (came_already(v, why)) {
		v->state = VCPU_RUNNING;
		event_retry(v); /* STI; HLT: there is no need for a window */
	} else {
		vcpu_pend(v, PEND_BLOCK);
		timer_set_locked(s, v, TIMER_WAKE, deadline);
	}
}

void sched_yield(struct vcpu *v)
{
	if (!sched_shares(v))
		return;
	v->budget_end = 0;
	vcpu_pend(v, PEND_RESCHED);
}

/* The CPU that v is on, or NULL. */
static struct sched_cpu *cpu_of(const struct vcpu *v)
{
	struct sched_cpu *s = sched_of(load_seq(&v->cpu));

	return load_seq(&s->running) == v || load_seq(&s->loaded) == v ? s :
									 NULL;
}

bool sched_on_cpu(const struct vcpu *v) { return cpu_of(v); }

void sched_kick(struct vcpu *v)
{
	struct sched_cpu *s;

	vcpu_pend(v, PEND_RESCHED);
	s = cpu_of(v);
	if (s)
		kick_cpu(s);
}

/*
 * The caller has made work visible, then looks at the state; a vCPU that blocks
 * sets its state, then looks for work (came_already): one of them sees it. One
 * that has moved since that look was not in its guest meanwhile, and looks.
 */
void sched_poke(struct vcpu *v)
{
	if (load_seq(&v->state) == VCPU_RUNNING)
		return kick_cpu(sched_of(load_seq(&v->cpu)));
	cpu_scope(s, v);
	if (v->state == VCPU_WAITING)
		wake_locked(s, v);
	else if (v->state == VCPU_RUNNING)
		kick_cpu(s); /* only since that look: nobody has kicked it */
}

void sched_unpark(struct vcpu *v)
{
	cpu_scope(s, v);
	if (v->state == VCPU_PARKED)
		ready_locked(s, v);
}

void sched_forget(struct vcpu *v)
{
	cpu_scope(s, v);
	if (v->state == VCPU_READY)
		sched_dequeue_locked(s, v);
	for (u32 i = 0; i < TIMER_COUNT; i++)
		timer_set_locked(s, v, i, 0);
	list_del(&v->leave);
	v->state = VCPU_STOPPED;
	__atomic_fetch_sub(&s->load, 1, __ATOMIC_RELAXED);
}

/* What is left of v's slice, or its next one, less what it has overrun. One
 * that it has given up, or not used up before it blocked, owes nothing. */
static u64 budget(const struct vcpu *v, u64 now)
{
	u64 least = v->slice / 8, over = now - v->budget_end;

	if (likely(v->budget_end > now && v->state == VCPU_RUNNING))
		return v->budget_end - now;
	if (!v->budget_end || v->budget_end > now)
		return v->slice;
	return over < v->slice - least ? v->slice - over : least;
}

/* Where v stands in its queue when it comes back, and for how long it runs. */
static inline void put_locked(struct sched_cpu *s, struct vcpu *v, u64 now)
{
	v->run_tsc += now - v->run_since;
	v->ready_since = now;
	v->budget_left = budget(v, now);
	if (unlikely(v->state != VCPU_RUNNING))
		return sched_dequeue_locked(s, v);
	v->state = VCPU_READY;
	if (unlikely(v->budget_end <= now)) {
		list_del(&v->run);
		list_add_tail(&s->queue[v->priority], &v->run);
	}
}

static void run_locked(struct vcpu *v, u64 now)
{
	v->state = VCPU_RUNNING;
	v->run_since = now;
	v->budget_end = now + v->budget_left;
}

static void start_locked(struct vcpu *v, u64 now)
{
	run_locked(v, now);
	if (now >
	    v->ready_since) /* another CPU may have read its clock later */
		v->steal_tsc += now - v->ready_since;
	v->page->steal_tsc = v->steal_tsc;
}

static struct vcpu *pick_locked(struct sched_cpu *s)
{
	while (s->bitmap) {
		int p = 31 - __builtin_clz(s->bitmap);
		struct vcpu *v = list_item(s->queue[p].next, struct vcpu, run);

		/* a kick that comes before this has changed the state before */
		vcpu_unpend(v, PEND_RESCHED | PEND_BLOCK);
		if (load_seq(&v->part->state) == PV_STATE_RUNNING)
			return v;
		sched_dequeue_locked(s, v);
		v->state = VCPU_PARKED;
	}
	return NULL;
}

static struct vcpu *next_locked(struct sched_cpu *s, u64 now)
{
	struct vcpu *v;

	while (unlikely(!list_empty(&s->leaving))) {
		lock_drop(&s->lock);
		sched_leave(s);
		lock_take(&s->lock);
	}
	v = pick_locked(s);
	if (likely(v))
		start_locked(v, now);
	/* before the next look at v's pending word: see sched_kick */
	store_seq(&s->running, v);
	return v;
}

struct vcpu *sched_switch(struct vcpu *old)
{
	struct sched_cpu *s = sched_this();
	u64 now = rdtsc();
	struct vcpu *v;

	if (unlikely(now >= load_relaxed(&s->timer_first))) {
		sched_timers_run(now);
		now = rdtsc();
	}
	lock_take(&s->lock);
	if (old)
		put_locked(s, old, now);
	v = next_locked(s, now);
	lock_drop(&s->lock);
	if (unlikely(!v) && sched_pull(s))
		return sched_switch(NULL);
	return v;
}

/* v, which waits here, goes before the running me, and so before all that wait
 * with me; nothing else sends me away. */
static inline bool preempts_locked(const struct sched_cpu *s,
				   const struct vcpu *v, const struct vcpu *me)
{
	return v->state == VCPU_WAITING && v->cpu == s->index &&
	       v->priority > me->priority && !load_relaxed(&me->hw.pending) &&
	       load_relaxed(&v->part->state) == PV_STATE_RUNNING;
}

/* v runs in the place of me, which has been put back; drops the lock. */
static noinline_fn void replace(struct sched_cpu *s, struct vcpu *v,
				struct vcpu *me, u64 now)
{
	vcpu_pend(me, PEND_RESCHED);
	sched_enqueue_locked(s, v);
	if (likely(v->page->masked)) /* it looks when it unmasks */
		vcpu_unpend(v, PEND_RESCHED | PEND_BLOCK | PEND_EVENT);
	else
		vcpu_unpend(v, PEND_RESCHED | PEND_BLOCK);
	run_locked(v, now);
	store_seq(&s->running, v);
	lock_drop(&s->lock);
}

static noinline_fn void replace_any(struct sched_cpu *s, struct vcpu *v,
				    struct vcpu *me, u64 now)
{
	timer_set_locked(s, v, TIMER_WAKE, 0);
	put_locked(s, me, now);
	replace(s, v, me, now);
}

/* Wake and sched_switch in one step. Each way ends in a jump, so that there is
 * nothing to save; where v has no timer and me something left of its slice,
 * what put_locked does is here. */
void sched_poke_last(struct vcpu *v)
{
	struct sched_cpu *s = sched_this();
	struct vcpu *me;
	u64 now;

	if (load_seq(&v->state) != VCPU_WAITING)
		return sched_poke(v);
	lock_take(&s->lock);
	me = s->running;
	if (unlikely(!preempts_locked(s, v, me))) {
		lock_drop(&s->lock);
		return sched_poke(v);
	}
	now = rdtsc();
	if (unlikely(v->timers[TIMER_WAKE].at || me->budget_end <= now))
		return replace_any(s, v, me, now);
	me->run_tsc += now - me->run_since;
	me->ready_since = now;
	me->budget_left = me->budget_end - now;
	me->state = VCPU_READY;
	replace(s, v, me, now);
}
