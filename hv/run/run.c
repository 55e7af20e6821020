/* SPDX-License-Identifier: BSD-2-Clause */
/* The vCPU loop: pick, switch, pending work, enter, dispatch. */
#include "run/run.h"
#include "arch/irq.h"
#include "core/event.h"
#include "core/sched.h"
#include "core/trace.h"
#include "core/vapic.h"
#include "trap/trap.h"

static struct virt_vcpu *run_next(struct virt_vcpu *hw);

static void run_note(u32 vector)
{
	if (vector != VEC_TIMER)
		return;
	cpu_this()->timer_at = TIMER_NEVER;
	cpu_this()->need_resched = true;
}

void run_init(void)
{
	irq_register(VEC_TIMER, run_note);
	irq_register(VEC_KICK, run_note);
	if (!(mitigations & MIT_L1D)) /* which enter() does */
		virt_next = run_next;
}

/* What the next entry delivers. An event that was cut short goes first. */
static void run_deliver(struct vcpu *v, u32 work)
{
	vcpu_unpend(v, work & (PEND_FLUSH | PEND_LINEAR | PEND_INJECT |
			       PEND_EVENT | PEND_VECTOR | PEND_APIC |
			       PEND_WINDOW));
	if (work & PEND_FLUSH)
		virt_flush(&v->hw);
	if (work & PEND_LINEAR)
		virt_flush_linear(&v->hw);
	if (work & PEND_INJECT) {
		virt->inject(&v->hw, &v->hw.reinject);
		v->injected = 1;
	}
	if (work & PEND_EVENT)
		event_deliver(v);
	if (work & PEND_VECTOR)
		vector_deliver(v);
	if (v->apic &&
	    (work & PEND_APIC || load_relaxed(&v->hw.pending) & PEND_APIC)) {
		vcpu_unpend(v, PEND_APIC);
		vapic_deliver(v);
	}
}

/* Does all pending work; false when v leaves its CPU. */
static inline __attribute__((always_inline)) bool run_pending(struct vcpu *v)
{
	u32 work;

	while ((work = load_seq(&v->hw.pending))) {
		if (work & (PEND_DIED | PEND_BLOCK | PEND_RESCHED))
			return false;
		if (work & PEND_CALL) { /* it may make more */
			vcpu_unpend(v, PEND_CALL);
			v->call_finish(v);
		} else {
			run_deliver(v, work);
		}
	}
	return true;
}

static void run_exit(struct vcpu *v, struct exit *x)
{
	v->injected = 0;
	irq_window();
	if (unlikely(cpu_this()->need_resched))
		vcpu_pend(v, PEND_RESCHED);
	cpu_this()->need_resched = 0;
	if (x->kind == EXIT_HCALL)
		return; /* what is left of it is pending */
	if (x->kind == EXIT_WINDOW)
		event_retry(v);
	if (x->kind == EXIT_DEADLINE)
		vcpu_pend(v, PEND_RESCHED);
	trap_handle(v, x);
}

static noinline_fn bool run_begin_pending(struct vcpu *v)
{
	return run_pending(v);
}

static void run_left(struct vcpu *v)
{
	if (unlikely(v->traced & PV_TRACE_SWITCHES))
		trace_switch(v);
}

/* v is what runs from now on, in the place of old, whose state this CPU holds.
 * False: it leaves this CPU before its entry. */
static inline __attribute__((always_inline)) bool
run_begin(struct sched_cpu *s, struct vcpu *old, struct vcpu *v)
{
	if (old != v) {
		virt_switch((struct virt_vcpu *)old, &v->hw); /* NULL stays */
		store_seq(&s->loaded, v);
		sched_offer(old);
	}
	virt->deadline_arm(&v->hw, sched_deadline(s, v), v->run_since);
	if (likely(!load_seq(&v->hw.pending)) || run_begin_pending(v))
		return true;
	run_left(v);
	return false;
}

/*
 * The short way from one vCPU to the next: the first leaves by a call, and all
 * its registers are saved. Interrupts that wait end the stay that it begins.
 */
static struct virt_vcpu *run_next(struct virt_vcpu *hw)
{
	struct sched_cpu *s = sched_this();
	struct vcpu *old = (struct vcpu *)hw, *v = s->running;
	struct vcpu *loaded = old;

	if (unlikely(old->traced))
		old->hw.decode(hw, &old->last);
	old->hw.exits[EXIT_HCALL]++;
	old->injected = 0;
	run_left(old);
	if (v == old) { /* else the call has put another one there */
		v = sched_switch(old);
		if (!v)
			return NULL;
		loaded = s->loaded; /* old may have been sent away */
	}
	if (unlikely(!run_begin(s, loaded, v)))
		return NULL;
	v->hw.entries++;
	return &v->hw;
}

/* Runs v, and those that run_next puts in its place, until one of them leaves
 * this CPU. */
static void run_vcpu(struct vcpu *v)
{
	do {
		v = (struct vcpu *)v->hw.enter(&v->hw);
		if (!v)
			return;
		v->hw.decode(&v->hw, &v->last);
		v->hw.exits[v->last.kind]++;
		run_exit(v, &v->last);
	} while (run_pending(v));
	run_left(v);
}

/* Sleeps until an interrupt. The state of a vCPU that only waits stays. */
static void run_idle(void)
{
	struct sched_cpu *s = sched_this();
	struct vcpu *v = s->loaded;
	u64 t0;

	if (v &&
	    (v->state == VCPU_STOPPED || v->part->state != PV_STATE_RUNNING)) {
		virt_leave(&v->hw);
		store_seq(&s->loaded, NULL);
		sched_offer(v);
	}
	lapic_timer_arm(load_relaxed(&s->timer_first));
	t0 = rdtsc();
	irq_idle();
	s->idle_tsc += rdtsc() - t0;
	sched_awake(s);
	lapic_timer_arm(TIMER_NEVER);
	cpu_this()->need_resched = 0;
}

noreturn_fn void run_cpu(void)
{
	struct sched_cpu *s = sched_this();
	struct vcpu *v;

	for (;;) {
		v = sched_switch(s->running);
		if (!v)
			run_idle();
		else if (run_begin(s, s->loaded, v))
			run_vcpu(v);
	}
}
