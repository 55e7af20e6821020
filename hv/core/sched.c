/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler: per-CPU run queues by priority, round robin in each. */
#include "core/sched.h"
#include "lib/early.h"
#include "arch/irq.h"
#include "lib/machine.h"
#include "lib/x86.h"
#include "core/event.h"
#include "core/sched_cpu.h"
#include "lib/panic.h"

static u64 slice_tsc;

struct sched_cpu *sched_of(u32 cpu)
{
	return cpu_table[cpu]->sched;
}

static struct sched_cpu *sched_this(void)
{
	return cpu_this()->sched;
}

void sched_init_cpu(struct cpu *c)
{
	struct sched_cpu *s = early_alloc(1, PAGE_SIZE);

	for (u32 i = 0; i < SCHED_PRIORITIES; i++)
		list_init(&s->queue[i]);
	list_init(&s->sleepers);
	list_init(&s->guest_timers);
	s->index = c->index;
	s->apic_id = c->apic_id;
	slice_tsc = tsc_from_us(SCHED_SLICE_US);
	c->sched = s;
}

u32 sched_place(u64 cpu_mask)
{
	u32 best = 0, load = ~0u;

	if (cpu_count < 64 && !(cpu_mask & ((1ull << cpu_count) - 1)))
		cpu_mask = 0; /* no such CPU: any will do */
	for (u32 i = 0; i < cpu_count; i++) {
		u32 l = load_relaxed(&sched_of(i)->load);

		if (cpu_mask && !(cpu_mask >> i & 1))
			continue;
		if (l < load) {
			best = i;
			load = l;
		}
	}
	__atomic_fetch_add(&sched_of(best)->load, 1, __ATOMIC_RELAXED);
	return best;
}

static bool runs(const struct vcpu *v)
{
	return load_relaxed(&v->part->state) == PV_STATE_RUNNING;
}

/* Another CPU takes an interrupt, so it leaves its guest or its sleep. */
static void kick_cpu(const struct sched_cpu *s)
{
	if (s->index != cpu_this()->index)
		lapic_ipi(s->apic_id, VEC_KICK);
}

static void enqueue_locked(struct sched_cpu *s, struct vcpu *v, bool front)
{
	struct list *q = &s->queue[v->priority];

	hv_assert(lock_held(&s->lock));
	v->state = VCPU_READY;
	v->parked = 0;
	v->ready_since = rdtsc();
	list_add_tail(front ? q->next : q, &v->run);
	s->bitmap |= 1u << v->priority;
}

static void dequeue_locked(struct sched_cpu *s, struct vcpu *v)
{
	list_del(&v->run);
	if (list_empty(&s->queue[v->priority]))
		s->bitmap &= ~(1u << v->priority);
}

/* What runs on s has to look again: a new vCPU of this priority is ready. */
static void preempt_locked(struct sched_cpu *s, u32 priority)
{
	if (!s->running) {
		kick_cpu(s);
	} else if (s->running->priority <= priority) {
		vcpu_pend(s->running, PEND_RESCHED);
		kick_cpu(s);
	}
}

void sched_wake_locked(struct sched_cpu *s, struct vcpu *v)
{
	if (v->state == VCPU_RUNNING || v->state == VCPU_READY)
		return;
	if (v->wake_at)
		timer_drop_locked(&v->timer_link, &v->wake_at);
	vcpu_unpend(v, PEND_BLOCK);
	if (s->running == v) {
		/* woken between its block and its leaving the CPU */
		v->state = VCPU_RUNNING;
		return;
	}
	v->budget_left = 0;
	enqueue_locked(s, v, false);
	preempt_locked(s, v->priority);
}

void sched_wake(struct vcpu *v)
{
	struct sched_cpu *s = sched_of(v->cpu);

	lock_take(&s->lock);
	sched_wake_locked(s, v);
	lock_drop(&s->lock);
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

	lock_take(&s->lock);
	store_seq(&v->state, why);
	if (came_already(v, why)) {
		v->state = VCPU_RUNNING;
	} else {
		vcpu_pend(v, PEND_BLOCK);
		if (deadline)
			timer_add_locked(&s->sleepers, v, deadline);
	}
	lock_drop(&s->lock);
}

void sched_yield(struct vcpu *v)
{
	struct sched_cpu *s = sched_of(v->cpu);

	if (!(load_relaxed(&s->bitmap) >> v->priority))
		return;
	v->budget_end = 0;
	vcpu_pend(v, PEND_RESCHED);
}

void sched_kick(struct vcpu *v)
{
	struct sched_cpu *s = sched_of(v->cpu);

	vcpu_pend(v, PEND_RESCHED);
	if (sched_on_cpu(v))
		kick_cpu(s);
}

/*
 * The caller has made work visible, then looks at the state; a vCPU that blocks
 * sets its state, then looks for work (came_already): one of them sees it.
 */
void sched_poke(struct vcpu *v)
{
	struct sched_cpu *s = sched_of(v->cpu);

	if (load_seq(&v->state) == VCPU_RUNNING) {
		kick_cpu(s);
		return;
	}
	lock_take(&s->lock);
	if (v->state == VCPU_WAITING)
		sched_wake_locked(s, v);
	else if (v->state == VCPU_RUNNING)
		kick_cpu(s); /* only since that look: nobody has kicked it */
	lock_drop(&s->lock);
}

bool sched_on_cpu(const struct vcpu *v)
{
	struct sched_cpu *s = sched_of(v->cpu);

	return load_seq(&s->running) == v || load_seq(&s->loaded) == v;
}

void sched_unpark(struct vcpu *v)
{
	struct sched_cpu *s = sched_of(v->cpu);

	lock_take(&s->lock);
	if (v->parked) {
		enqueue_locked(s, v, false);
		preempt_locked(s, v->priority);
	}
	lock_drop(&s->lock);
}

void sched_forget(struct vcpu *v)
{
	struct sched_cpu *s = sched_of(v->cpu);

	lock_take(&s->lock);
	if (v->state == VCPU_READY && !v->parked)
		dequeue_locked(s, v);
	if (v->wake_at)
		timer_drop_locked(&v->timer_link, &v->wake_at);
	if (v->timer_at)
		timer_drop_locked(&v->guest_timer_link, &v->timer_at);
	v->state = VCPU_STOPPED;
	v->parked = 0;
	lock_drop(&s->lock);
	__atomic_fetch_sub(&s->load, 1, __ATOMIC_RELAXED);
}

static void start_running(struct sched_cpu *s, struct vcpu *v, u64 now)
{
	store_seq(&s->running, v);
	v->state = VCPU_RUNNING;
	v->run_since = now;
	v->steal_tsc += now - v->ready_since;
	v->budget_end = now + (v->budget_left ? v->budget_left : slice_tsc);
	v->budget_left = 0;
}

struct vcpu *sched_pick(void)
{
	struct sched_cpu *s = sched_this();
	struct vcpu *v = NULL;

	lock_take(&s->lock);
	while (s->bitmap && !v) {
		u32 p = 31 - (u32)__builtin_clz(s->bitmap);

		v = list_item(s->queue[p].next, struct vcpu, run);
		dequeue_locked(s, v);
		if (!runs(v)) {
			v->parked = 1;
			v = NULL;
		}
	}
	if (v)
		start_running(s, v, rdtsc());
	lock_drop(&s->lock);
	if (v && v->page)
		v->page->steal_tsc = v->steal_tsc;
	return v;
}

void sched_put(struct vcpu *v)
{
	struct sched_cpu *s = sched_this();
	u64 now = rdtsc();

	lock_take(&s->lock);
	v->run_tsc += now - v->run_since;
	store_seq(&s->running, NULL);
	if (v->state == VCPU_RUNNING) {
		bool left = v->budget_end > now;

		v->budget_left = left ? v->budget_end - now : 0;
		enqueue_locked(s, v, left);
	}
	lock_drop(&s->lock);
}

bool sched_must_leave(struct vcpu *v)
{
	struct sched_cpu *s = sched_this();
	u32 above = load_relaxed(&s->bitmap) >> v->priority;

	if (!runs(v) || above > 1)
		return true;
	if (rdtsc() < v->budget_end)
		return false;
	if (!above)
		v->budget_end = rdtsc() + slice_tsc;
	return above;
}

/*
 * A longest stay: where a CPU lets a guest that it enters with IF = 0 hold
 * interrupts off, they wait for this at most.
 */
static u64 longest_stay(struct vcpu *v)
{
	bool held = virt->ends_held &&
		    !(virt->reg_get(&v->hw, VREG_RFLAGS) & RFLAGS_IF);

	return rdtsc() + (held ? 1 : SCHED_LONGEST) * slice_tsc;
}

u64 sched_next_deadline(struct vcpu *v)
{
	struct sched_cpu *s = sched_this();
	u64 t, longest;

	lock_take(&s->lock);
	t = timer_first_locked(s);
	if (v && s->bitmap >> v->priority && v->budget_end < t)
		t = v->budget_end;
	lock_drop(&s->lock);
	if (!v)
		return t == ~0ull ? 0 : t;
	longest = longest_stay(v);
	return t < longest ? t : longest;
}

u64 sched_idle_tsc(u32 cpu)
{
	return sched_of(cpu)->idle_tsc;
}

void sched_idle_add(u64 ticks)
{
	sched_this()->idle_tsc += ticks;
}

void sched_set_loaded(struct vcpu *v)
{
	store_seq(&sched_this()->loaded, v);
}

struct vcpu *sched_loaded(void)
{
	return sched_this()->loaded;
}
