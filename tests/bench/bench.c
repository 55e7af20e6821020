/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cost table's guest: runs each operation n and 2n times, and prints what
 * the TSC and the counters of its vCPUs and the host partition advanced by.
 * bench.py makes the table of it. Nothing is printed while something is
 * measured: what was written to the console would be counted with it.
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#include "kit/console.h"
#include "kit/mm.h"
#include "kit/time.h"

#define SAMPLES 512u
#define SETTLE_TRIES 2000u

struct sample {
	const struct op *op;
	uint32_t n, rep;
	struct count c;
};

uint64_t bench_ticks;

static struct sample *samples;
static unsigned nr_samples;

/* Bochs' RDTSC is exact only at the start of a trace, so a jump goes before. */
static uint64_t tsc_exact(void)
{
	uint32_t lo, hi;

	__asm__ volatile("jmp 1f; 1: rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return (uint64_t)hi << 32 | lo;
}

static void stats_add(struct side *to, const struct pv_vcpu_stats *s, int sign)
{
	unsigned k;

	to->calls += sign * s->calls;
	to->slow += sign * s->exits[EXIT_KIND_HCALL];
	for (k = 0; k < PV_EXIT_KINDS; k++)
		if (k != EXIT_KIND_HCALL)
			to->exits += sign * s->exits[k];
	to->irqs += sign * (s->exits[EXIT_KIND_HOST_IRQ] +
			    s->exits[EXIT_KIND_DEADLINE]);
	to->guest_tsc += sign * s->guest_tsc;
	to->vmcs += sign * s->vmcs_accesses;
}

/* Adds (or takes off) the counters as they stand. */
static void counters_add(struct count *c, int sign)
{
	static struct pv_vcpu_stats s;
	unsigned v;

	for (v = 0; v < kit_vcpus(); v++) {
		if (pv_partition_stats(PV_SELF, v, kit_gpa(&s)))
			continue;
		stats_add(&c->guest, &s, sign);
		if (!v)
			c->idle += sign * s.idle_tsc;
	}
	if (!pv_partition_stats(kit_info()->host, 0, kit_gpa(&s)))
		stats_add(&c->host, &s, sign);
}

static void measure(const struct op *op, uint32_t n, uint32_t rep)
{
	struct sample *s = &samples[nr_samples++];
	uint64_t from;

	memset(s, 0, sizeof(*s));
	s->op = op;
	s->n = n;
	s->rep = rep;
	counters_add(&s->c, -1);
	from = tsc_exact();
	op->run(n);
	s->c.tsc = tsc_exact() - from;
	if (bench_ticks)
		s->c.tsc = bench_ticks;
	bench_ticks = 0;
	counters_add(&s->c, 1);
}

static uint64_t host_activity(void)
{
	static struct pv_vcpu_stats s;
	uint64_t sum;
	unsigned k;

	if (pv_partition_stats(kit_info()->host, 0, kit_gpa(&s)))
		return 0;
	sum = s.calls;
	for (k = 0; k < PV_EXIT_KINDS; k++)
		sum += s.exits[k];
	return sum;
}

/* Lets the host partition finish what the operation left behind, or what an
 * earlier guest had printed: its UART may be slow. */
static void settle(void)
{
	uint64_t before = host_activity(), now;
	unsigned i;

	for (i = 0; i < SETTLE_TRIES; i++, before = now) {
		kit_sleep_ns(3 * KIT_MS);
		now = host_activity();
		if (now == before)
			return;
	}
}

static unsigned reps_of(const struct op *op)
{
	return op->when == DEVICE ? (unsigned)kit_option_u64("device", 21) :
				    (unsigned)kit_option_u64("reps", 3);
}

static void op_measure(const struct op *op)
{
	unsigned rep, reps = reps_of(op);

	if (!reps || (op->start && !op->start()))
		return;
	settle();
	op->run(2);
	for (rep = 0; rep < reps && nr_samples + 2 <= SAMPLES; rep++) {
		settle();
		measure(op, op->n, rep);
		settle();
		measure(op, 2 * op->n, rep);
	}
	settle();
	if (op->stop)
		op->stop();
}

static void side_print(const struct side *s)
{
	printf(" %lld %lld %lld %lld %lld %lld", (long long)s->calls,
	       (long long)s->slow, (long long)s->exits, (long long)s->irqs,
	       (long long)s->guest_tsc, (long long)s->vmcs);
}

static void samples_print(void)
{
	unsigned i;

	printf("BENCH-FORMAT op profile n per rep tsc idle"
	       " calls slow exits irqs guest_tsc vmcs"
	       " h_calls h_slow h_exits h_irqs h_guest_tsc h_vmcs\n");
	for (i = 0; i < nr_samples; i++) {
		const struct sample *s = &samples[i];

		printf("BENCH %s %s %u %u %u %llu %lld", s->op->name,
		       kit_profile_name(), s->n, s->op->per, s->rep,
		       (unsigned long long)s->c.tsc, (long long)s->c.idle);
		side_print(&s->c.guest);
		side_print(&s->c.host);
		printf("\n");
	}
}

static bool chosen(const struct op *op)
{
	char only[32];

	if (!kit_option("only", only, sizeof(only)))
		return op->when != ASKED;
	return !strcmp(only, op->name);
}

int kit_main(const char *cmdline)
{
	const struct op *op;
	uint64_t probe = 0;

	samples = kit_pages_alloc(
		(SAMPLES * sizeof(*samples) + KIT_PAGE_SIZE - 1) /
		KIT_PAGE_SIZE);
	if (!samples)
		return 2;
	pv_query(PV_QUERY_PROBE, &probe);
	for (op = bench_ops; op->name; op++)
		if (chosen(op))
			op_measure(op);
	samples_print();
	printf("BENCH-END %s probe %llu tsc_khz %llu\n", kit_profile_name(),
	       (unsigned long long)probe, (unsigned long long)kit_tsc_khz());
	return 0;
}
