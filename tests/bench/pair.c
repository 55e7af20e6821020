/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two vCPUs that send to each other and sleep in between: there and back is
 * two operations. Interrupts stay off outside of the wait, as in kit_wait. And
 * one way alone, from a vCPU to one of a higher priority.
 */
#include "bench.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/ops.h"
#include "kit/time.h"

#define BIT_PING 2u

static uint32_t got[2], ready, quit, by_event;
static uint64_t events[2]; /* to vCPU n */

static void ping(void *arg)
{
	(void)arg;
	got[kit_vcpu_id()] = 1;
}

static void got_wait(unsigned me)
{
	while (!__atomic_load_n(&got[me], __ATOMIC_ACQUIRE))
		kit_ops.wait(0);
	got[me] = 0;
}

/* Sends an event and sleeps in one call; without hypercalls it is an IPI and
 * HLT. */
static void send_and_wait(unsigned me)
{
	struct pv_vcpu_page *page;

	if (!by_event) {
		kit_ops.ipi(!me, BIT_PING);
		got_wait(me);
		return;
	}
	page = kit_ptr(PV_VCPU_PAGE(me));
	__atomic_store_n(&page->masked, 1, __ATOMIC_SEQ_CST);
	pv_event_send_wait(events[!me], 0);
	__atomic_store_n(&page->masked, 0, __ATOMIC_SEQ_CST);
	kit_event_scan();
	got_wait(me);
}

static void second(void *arg)
{
	(void)arg;
	kit_irq_off();
	__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	got_wait(1);
	while (!quit)
		send_and_wait(1);
	kit_ops.ipi(0, BIT_PING);
	kit_irq_on();
}

static bool pair_run(void (*other)(void *))
{
	quit = by_event = ready = got[0] = got[1] = 0;
	kit_ipi_register(BIT_PING, ping, NULL);
	if (kit_vcpus() < 2 || kit_vcpu_start(1, other, NULL))
		return false;
	while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
		kit_sleep_ns(KIT_MS);
	return true;
}

bool pair_start(void) { return pair_run(second); }

bool pair_event_start(void)
{
	unsigned v;
	int port;

	for (v = 0; v < 2 && !events[1]; v++) {
		port = kit_event_alloc();
		kit_event_register(port, ping, NULL);
		if (port < 0 || kit_event_bind(port, v, &events[v]))
			return false;
	}
	if (!pair_start())
		return false;
	by_event = kit_op_path(KIT_OP_EVENT) == KIT_CALL;
	return true;
}

void pair_stop(void)
{
	kit_irq_off();
	quit = 1;
	kit_ops.ipi(1, BIT_PING);
	got_wait(0);
	kit_irq_on();
	while (!kit_vcpu_stopped(1))
		kit_sleep_ns(KIT_MS);
}

void ipi_run(uint32_t n)
{
	kit_irq_off();
	while (n--)
		send_and_wait(0);
	kit_irq_on();
}

void event_wait_run(uint32_t n) { ipi_run(n); }

/* ---- one way ---- */

static uint32_t sends;	   /* that the sender still has to do */
static uint32_t call_tick; /* TSC before its last one, lower half */

/* Of the receiver's count, RDTSC, both MOVs, and the jump of its other end are
 * the guest's: table.KNOWN["event_wake"], with the call itself where it counts. */
static void event_send_exact(void)
{
	__asm__ volatile("jmp 1f; 1: rdtsc\n\tmovl %%eax, %0\n\t"
			 "movl %1, %%eax\n\t" PV_CALL_INSN
			 : "=m"(call_tick)
			 : "i"(PV_CALL_event_send), "D"(events[0])
			 : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11",
			   "cc", "memory");
}

/* Sleeps; the TSC right behind the call, lower half. */
static uint32_t wait_exact(void)
{
	uint64_t call = PV_CALL_vcpu_wait, none = 0;

	__asm__ volatile(PV_CALL_INSN "\n\tjmp 1f; 1: rdtsc"
			 : "+a"(call), "+D"(none)
			 :
			 : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "cc",
			   "memory");
	return (uint32_t)call;
}

static void sender(void *arg)
{
	(void)arg;
	kit_irq_off();
	__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	for (;;) {
		got_wait(1);
		if (quit)
			break;
		for (; sends; sends--)
			event_send_exact();
	}
	kit_ops.ipi(0, BIT_PING);
	kit_irq_on();
}

bool wake_start(void)
{
	if (kit_op_path(KIT_OP_EVENT) != KIT_CALL || !pair_event_start())
		return false;
	pair_stop();
	if (pv_vcpu_sched_set(PV_SELF, 1, 0, PV_SLICE_US_MIN, 0))
		return false;
	return pair_run(sender);
}

void wake_stop(void)
{
	pair_stop();
	pv_vcpu_sched_set(PV_SELF, 1, 1, 5000, 0);
}

void wake_run(uint32_t n)
{
	struct pv_vcpu_page *page = kit_ptr(PV_VCPU_PAGE(0));

	bench_ticks = 0;
	kit_irq_off();
	sends = n;
	kit_ops.ipi(1, BIT_PING);
	__atomic_store_n(&page->masked, 1, __ATOMIC_SEQ_CST);
	while (n--) {
		bench_ticks += (uint32_t)(wait_exact() - call_tick);
		kit_event_scan();
	}
	__atomic_store_n(&page->masked, 0, __ATOMIC_SEQ_CST);
	kit_irq_on();
}
