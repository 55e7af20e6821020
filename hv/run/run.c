/* SPDX-License-Identifier: BSD-2-Clause */
/* The vCPU loop: pick, switch, pending work, enter, dispatch. */
#include "run/run.h"
#include "arch/irq.h"
#include "lib/x86.h"
#include "core/event.h"
#include "core/sched.h"
#include "core/trace.h"
#include "core/vapic.h"
#include "trap/trap.h"

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
static bool run_pending(struct vcpu *v)
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
	if (x->kind == EXIT_WINDOW) {
		virt->window(&v->hw, false);
		event_retry(v);
	}
	if (x->kind == EXIT_DEADLINE)
		vcpu_pend(v, PEND_RESCHED);
	trap_handle(v, x);
}

/* Runs v until it leaves this CPU. */
static void run_vcpu(struct vcpu *v)
{
	virt->deadline_arm(&v->hw, sched_deadline(v));
	while (run_pending(v)) {
		v->hw.enter(&v->hw);
		v->hw.decode(&v->hw, &v->last);
		v->hw.exits[v->last.kind]++;
		run_exit(v, &v->last);
	}
	if (unlikely(v->traced & PV_TRACE_SWITCHES))
		trace_switch(v);
}

/* Takes the vCPU whose state this CPU holds off it, and v on it. */
static void run_load(struct vcpu *v)
{
	struct sched_cpu *s = sched_this();
	struct vcpu *old = s->loaded;

	if (old == v)
		return;
	if (old)
		virt_switch_out(&old->hw);
	store_seq(&s->loaded, v);
	if (old)
		sched_offer(old);
	if (v)
		virt_switch_in(&v->hw);
}

/* Sleeps until an interrupt. The state of a vCPU that only waits stays. */
static void run_idle(void)
{
	struct sched_cpu *s = sched_this();
	const struct vcpu *v = s->loaded;
	u64 t0;

	if (v &&
	    (v->state == VCPU_STOPPED || v->part->state != PV_STATE_RUNNING))
		run_load(NULL);
	lapic_timer_arm(sched_deadline(NULL));
	t0 = rdtsc();
	irq_idle();
	s->idle_tsc += rdtsc() - t0;
	sched_awake(s);
	lapic_timer_arm(TIMER_NEVER);
	cpu_this()->need_resched = 0;
}

noreturn_fn void run_cpu(void)
{
	struct vcpu *v = NULL;

	for (;;) {
		v = sched_switch(v);
		if (!v) {
			run_idle();
			continue;
		}
		run_load(v);
		run_vcpu(v);
	}
}
