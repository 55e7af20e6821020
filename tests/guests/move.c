/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vCPUs that are moved between two CPUs, `rounds=` times in all, while one
 * computes (USES_FPU), one sleeps by its timer, one waits for interrupts and
 * events, and the one that moves them moves itself. Nothing gets lost, and the
 * time that they share never goes back.
 */
#include "check.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/smp.h"
#include "kit/wait.h"

#define COMPUTER 1u
#define SLEEPER 2u
#define WAITER 3u
#define BIT_ASK 3u
#define BIT_ANSWER 4u
/* For ever, but seen as a fault of ours and not as a limit of the run. An emulator
 * that runs its CPUs in turn keeps one off for 100 ms and more at each turn. */
#define PATIENCE (60 * KIT_SECOND)

static uint32_t stop, wrong, rounds, sleeps, late, back;
static uint32_t asked, answered;
static uint64_t latest, event;

/* Every vCPU reads the time, and none finds it before what another has seen. */
static void look_at_time(void)
{
	uint64_t seen = __atomic_load_n(&latest, __ATOMIC_ACQUIRE);
	uint64_t now = kit_time_ns();

	if (now < seen)
		__atomic_fetch_add(&back, 1, __ATOMIC_RELAXED);
	while (now > seen &&
	       !__atomic_compare_exchange_n(&latest, &seen, now, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

static bool stopped(void) { return __atomic_load_n(&stop, __ATOMIC_ACQUIRE); }

static double series(unsigned n)
{
	double sum = 0;

	for (unsigned i = 1; i <= n; i++)
		sum += 1.0 / i;
	return sum;
}

/* Over a call, at which it may leave its CPU for good. */
static bool keeps_fpu(uint64_t value)
{
	uint64_t kept, nr = PV_CALL_vcpu_yield;

	__asm__ volatile("movq %2, %%xmm7\n\t" PV_CALL_INSN
			 "\n\tmovq %%xmm7, %0"
			 : "=&r"(kept), "+a"(nr)
			 : "r"(value)
			 : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
			   "xmm7", "memory", "cc");
	return kept == value;
}

static void compute(void *arg)
{
	double want = series(1000);

	(void)arg;
	for (; !stopped(); rounds++) {
		if (series(1000) != want ||
		    !keeps_fpu(rounds * 0x9e3779b97f4aull))
			wrong++;
		look_at_time();
	}
}

static void sleeper(void *arg)
{
	uint64_t from;

	(void)arg;
	for (; !stopped(); sleeps++) {
		from = kit_time_ns();
		kit_sleep_ns(KIT_MS / 2);
		look_at_time();
		if (kit_time_ns() - from > PATIENCE)
			late++;
	}
}

static void on_ask(void *arg)
{
	(void)arg;
	__atomic_store_n(&answered, __atomic_load_n(&asked, __ATOMIC_ACQUIRE),
			 __ATOMIC_RELEASE);
	kit_ipi(0, BIT_ANSWER);
}

static void on_answer(void *arg) { (void)arg; }

static void waiter(void *arg)
{
	(void)arg;
	kit_wait_until(stopped(), KIT_FOREVER);
}

/* By interrupt, and where that is a call by event, too. */
static bool ask(void)
{
	uint64_t until = kit_time_ns() + PATIENCE;

	__atomic_fetch_add(&asked, 1, __ATOMIC_SEQ_CST);
	if (event && asked % 2)
		pv_event_send(event);
	else
		kit_ipi(WAITER, BIT_ASK);
	return kit_wait_until(
		__atomic_load_n(&answered, __ATOMIC_ACQUIRE) == asked, until);
}

static void event_make(void)
{
	int port = kit_event_alloc();

	if (kit_profile() != PV_PROFILE_PV)
		return;
	kit_event_register(port, on_ask, NULL);
	if (kit_event_bind(port, WAITER, &event))
		event = 0;
}

static bool begin(void)
{
	static void (*const work[])(void *) = { compute, sleeper, waiter };

	kit_ipi_register(BIT_ASK, on_ask, NULL);
	kit_ipi_register(BIT_ANSWER, on_answer, NULL);
	event_make();
	for (unsigned v = COMPUTER; v <= WAITER; v++)
		if (kit_vcpu_start(v, work[v - 1], NULL))
			return false;
	return true;
}

static void end(void)
{
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (unsigned v = COMPUTER; v <= WAITER; v++) {
		kit_vcpu_sched(v, 1, 5000, 0);
		kit_ipi(v, BIT_ASK);
		while (!kit_vcpu_stopped(v))
			kit_sleep_ns(KIT_MS);
	}
}

static void moved(unsigned vcpu, uint64_t least)
{
	static struct pv_vcpu_stats s;

	if (pv_partition_stats(PV_SELF, vcpu, kit_gpa(&s)))
		kit_panic("no statistics");
	check(s.moves >= least, "moved", "vCPU %u: %u times", vcpu, s.moves);
	check(s.steal_tsc < 1ull << 48, "steal", "vCPU %u: %llx", vcpu,
	      (unsigned long long)s.steal_tsc);
}

int kit_main(const char *cmdline)
{
	uint64_t seed = 12345, wanted = kit_option_u64("rounds", 200);
	unsigned n = 0, lost = 0, refused = 0;

	if (!begin())
		kit_panic("a vCPU does not start");
	for (; n < wanted && !lost; n++) {
		uint64_t r = rand_next(&seed);
		unsigned v = r % 4;

		/* who computes may starve, the others must answer */
		refused += kit_vcpu_sched(v, v != COMPUTER || r >> 8 & 1,
					  100 + (r >> 16) % 400,
					  1 + (r >> 40) % 3) != PV_OK;
		lost += !ask();
		look_at_time();
	}
	end();
	check(!lost && !refused, "asked and answered", "%u of %u, %u refused",
	      lost, n, refused);
	check(rounds && !wrong, "computed", "%u of %u wrong", wrong, rounds);
	check(sleeps && !late, "slept", "%u of %u late", late, sleeps);
	check(!back, "time goes on", "%u times not", back);
	for (n = 0; n < 4; n++)
		moved(n, kit_option_u64("moves", 10));
	return check_summary("move");
}
