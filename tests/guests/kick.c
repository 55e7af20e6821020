/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an event costs a vCPU that runs on another CPU: one exit, of kind
 * HOST_IRQ; and none where its upcall is due already, or somebody else's.
 */
#include "check.h"
#include "kit/call.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/smp.h"
#include "kit/time.h"

#define SENDS 100u
#define RUNNER 1u
#define SLEEPER 2u
#define BIT 5u
#define EXIT_KIND_HOST_IRQ 19u
#define EXIT_KIND_DEADLINE 20u /* its longest stay is over: nobody's event */

static uint32_t got, phase, stage; /* stage: what the runner has reached */
static uint64_t event;

static void on_event(void *arg)
{
	(void)arg;
	__atomic_fetch_add(&got, 1, __ATOMIC_SEQ_CST);
}

/* QEMU runs the other CPU next then. */
static void spin(void) { __asm__ volatile("pause" ::: "memory"); }

static void reach(uint32_t n)
{
	__atomic_store_n(&stage, n, __ATOMIC_RELEASE);
	while (__atomic_load_n(&phase, __ATOMIC_ACQUIRE) < n)
		spin();
}

static void runner(void *arg)
{
	(void)arg;
	reach(1);
	kit_upcall_mask();
	reach(2);
	kit_upcall_unmask();
}

static void sleeper(void *arg)
{
	(void)arg;
	while (__atomic_load_n(&phase, __ATOMIC_ACQUIRE) < 2)
		kit_sleep_ns(100 * KIT_MS);
}

static void runner_at(uint32_t n)
{
	__atomic_store_n(&phase, n - 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&stage, __ATOMIC_ACQUIRE) != n)
		kit_sleep_ns(KIT_MS);
}

/* Exits of the runner so far; the others in *rest. */
static uint64_t irqs(uint64_t *rest)
{
	static struct pv_vcpu_stats s;
	unsigned k;

	if (pv_partition_stats(PV_SELF, RUNNER, kit_gpa(&s)))
		kit_panic("no statistics");
	for (*rest = 0, k = 0; k < PV_EXIT_KINDS; k++)
		if (k != EXIT_KIND_HOST_IRQ && k != EXIT_KIND_DEADLINE)
			*rest += s.exits[k];
	return s.exits[EXIT_KIND_HOST_IRQ];
}

/* n times: `send`, and if it is to be handled, until it is. */
static void count(const char *what, void (*send)(void), bool handled,
		  uint64_t least, uint64_t most)
{
	uint64_t rest, rest_then, from, n;
	unsigned i;

	from = irqs(&rest);
	for (i = 1; i <= SENDS; i++) {
		uint32_t then = __atomic_load_n(&got, __ATOMIC_ACQUIRE);

		send();
		while (handled &&
		       __atomic_load_n(&got, __ATOMIC_ACQUIRE) == then)
			spin();
	}
	n = irqs(&rest_then) - from;
	check(n >= least && n <= most && rest_then == rest, what,
	      "%u exits by interrupt, %u others", (unsigned)n,
	      (unsigned)(rest_then - rest));
}

static void by_event(void) { pv_event_send(event); }
static void by_ipi(void) { pv_vcpu_ipi(0, 1u << RUNNER, BIT); }
static void to_sleeper(void) { pv_vcpu_ipi(0, 1u << SLEEPER, BIT + 1); }

static void begin(void)
{
	int port = kit_event_alloc();

	kit_event_register(port, on_event, NULL);
	kit_ipi_register(BIT, on_event, NULL);
	if (kit_event_bind(port, RUNNER, &event) ||
	    kit_vcpu_sched(0, 1, 5000, 1) || kit_vcpu_sched(2, 0, 5000, 1) ||
	    kit_vcpu_sched(RUNNER, 1, 5000, 2) ||
	    kit_vcpu_start(RUNNER, runner, NULL) ||
	    kit_vcpu_start(SLEEPER, sleeper, NULL))
		kit_panic("no second CPU");
}

int kit_main(const char *cmdline)
{
	begin();
	runner_at(1);
	count("an event is one exit", by_event, true, SENDS, SENDS);
	count("an IPI is one exit", by_ipi, true, SENDS, SENDS);
	count("another's IPI is none", to_sleeper, false, 0, 0);
	runner_at(2);
	count("what is pending already is none", by_event, false, 0, 1);
	__atomic_store_n(&phase, 2, __ATOMIC_RELEASE);
	kit_ipi(SLEEPER, BIT + 1);
	while (!kit_vcpu_stopped(RUNNER) || !kit_vcpu_stopped(SLEEPER))
		kit_sleep_ns(KIT_MS);
	return check_summary("kick");
}
