/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler: per-CPU run queues by priority, round robin in each. */
#include "core/sched.h"
#include "arch/irq.h"
#include "lib/machine.h"
#include "lib/x86.h"
#include "core/event.h"
#include "lib/panic.h"

static u64 slice_tsc;

void sched_init_cpu(struct cpu *c)
{
	struct sched_cpu *s = c->sched;

	for (u32 i = 0; i < SCHED_PRIORITIES; i++)
		list_init(&s->queue[i]);
	s->timer_first = TIMER_NEVER;
	s->apic_id = c->apic_id;
	slice_tsc = tsc_from_us(SCHED_SLICE_US);
}

u32 sched_place(u64 cpu_mask)
{
	u32 best = 0, load = ~0u;

	if (cpu_count < 64 && !(cpu_mask & ((1ull << cpu_count) - 1)))
		cpu_mask = ~0ull; /* no such CPU: any will do */
	for (u32 i = 0; i < cpu_count; i++) {
		u32 l = load_relaxed(&sched_of(i)->load);

		if (cpu_mask >> i & 1 && l < load) {
			best = i;
			load = l;
		}
	}
	__atomic_fetch_add(&sched_of(best)->load, 1, __ATOMIC_RELAXED);
	return best;
}

/* Does another vCPU of v's priority wait for the end of v's slice? v runs, and
 * so stands at the head of its queue. */
static bool shares(const struct vcpu *v)
{
	return load_relaxed(&v->run.next) != load_relaxed(&v->run.prev);
}

/* Another CPU takes an interrupt, so it leaves its guest or its sleep. */
static void kick_cpu(const struct sched_cpu *s)
{
	if (s != sched_this())
		lapic_ipi(s->apic_id, VEC_KICK);
}

static void dequeue_locked(struct sched_cpu *s, struct vcpu *v)
{
	list_del(&v->run);
	if (list_empty(&s->queue[v->priority]))
		s->bitmap &= ~(1u << v->priority);
}

/* Queues v; what runs on s has to look again unless it goes before v. */
static void ready_locked(struct sched_cpu *s, struct vcpu *v)
{
	hv_assert(lock_held(&s->lock));
	v->state = VCPU_READY;
	v->ready_since = rdtsc();
	list_add_tail(&s->queue[v->priority], &v->run);
	s->bitmap |= 1u << v->priority;
	if (s->running && s->running->priority > v->priority)
		return;
	if (s->running)
		vcpu_pend(s->running, PEND_RESCHED);
	kick_cpu(s);
}

static void wake_locked(struct sched_cpu *s, struct vcpu *v)
{
	if (v->state >= VCPU_READY)
		return;
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
	struct sched_cpu *s = sched_of(v->cpu);

	lock_scope(&s->lock);
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
	} else {
		vcpu_pend(v, PEND_BLOCK);
		timer_set_locked(s, v, TIMER_WAKE, deadline);
	}
}

void sched_yield(struct vcpu *v)
{
	if (!shares(v))
		return;
	v->budget_end = 0;
	vcpu_pend(v, PEND_RESCHED);
}

void sched_kick(struct vcpu *v)
{
	vcpu_pend(v, PEND_RESCHED);
	if (sched_on_cpu(v))
		kick_cpu(sched_of(v->cpu));
}

/*
 * The caller has made work visible, then looks at the state; a vCPU that blocks
 * sets its state, then looks for work (came_already): one of them sees it.
 */
void sched_poke(struct vcpu *v)
{
	struct sched_cpu *s = sched_of(v->cpu);

	if (load_seq(&v->state) == VCPU_RUNNING)
		return kick_cpu(s);
	lock_scope(&s->lock);
	if (v->state == VCPU_WAITING)
		wake_locked(s, v);
	else if (v->state == VCPU_RUNNING)
		kick_cpu(s); /* only since that look: nobody has kicked it */
}

bool sched_on_cpu(const struct vcpu *v)
{
	struct sched_cpu *s = sched_of(v->cpu);

	return load_seq(&s->running) == v || load_seq(&s->loaded) == v;
}

void sched_unpark(struct vcpu *v)
{
	struct sched_cpu *s = sched_of(v->cpu);

	lock_scope(&s->lock);
	if (v->state == VCPU_PARKED)
		ready_locked(s, v);
}

void sched_forget(struct vcpu *v)
{
	struct sched_cpu *s = sched_of(v->cpu);

	lock_scope(&s->lock);
	if (v->state == VCPU_READY)
		dequeue_locked(s, v);
	for (u32 i = 0; i < TIMER_COUNT; i++)
		timer_set_locked(s, v, i, 0);
	v->state = VCPU_STOPPED;
	__atomic_fetch_sub(&s->load, 1, __ATOMIC_RELAXED);
}

/* Where v stands in its queue when it comes back, and for how long it runs. */
static void put_locked(struct sched_cpu *s, struct vcpu *v, u64 now)
{
	bool left = v->state == VCPU_RUNNING && v->budget_end > now;

	v->run_tsc += now - v->run_since;
	v->ready_since = now;
	v->budget_left = left ? v->budget_end - now : 0;
	if (v->state != VCPU_RUNNING)
		return dequeue_locked(s, v);
	v->state = VCPU_READY;
	if (!left) {
		list_del(&v->run);
		list_add_tail(&s->queue[v->priority], &v->run);
	}
}

static void start_locked(struct vcpu *v, u64 now)
{
	v->state = VCPU_RUNNING;
	v->run_since = now;
	v->steal_tsc += now - v->ready_since;
	v->page->steal_tsc = v->steal_tsc;
	v->budget_end = now + (v->budget_left ? v->budget_left : slice_tsc);
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
		dequeue_locked(s, v);
		v->state = VCPU_PARKED;
	}
	return NULL;
}

struct vcpu *sched_switch(struct vcpu *old)
{
	struct sched_cpu *s = sched_this();
	u64 now = rdtsc();
	struct vcpu *v;

	if (unlikely(now >= load_relaxed(&s->timer_first)))
		sched_timers_run(now);
	lock_scope(&s->lock);
	now = rdtsc(); /* behind that of the last wake */
	if (old)
		put_locked(s, old, now);
	v = pick_locked(s);
	if (v)
		start_locked(v, now);
	/* before the next look at v's pending word: see sched_kick */
	store_seq(&s->running, v);
	return v;
}

u64 sched_deadline(const struct vcpu *v)
{
	const struct sched_cpu *s = sched_this();
	u64 t = load_relaxed(&s->timer_first);

	if (v && shares(v) && v->budget_end < t)
		return v->budget_end;
	return t;
}
