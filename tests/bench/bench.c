/* SPDX-License-Identifier: BSD-2-Clause */
/* The cost table's guest; bench.py makes the table of what it prints. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#include "kit/mm.h"
#include "kit/time.h"

#define SETTLE_TRIES 2000u

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

/* Lets the host partition finish what the operation left behind, or what was
 * printed before: its UART may be slow. */
void bench_settle(void)
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

/* What the table needs to be made at all: table.Probe. */
static bool calibrates(const struct op *op)
{
	return !strcmp(op->name, "loop") || !strcmp(op->name, "call_fast") ||
	       !strcmp(op->name, "exit") || !strcmp(op->name, "aspace_switch");
}

/* only=NAME: that one; only=calibration: those. */
static bool chosen(const struct op *op)
{
	char only[32];

	if (!kit_option("only", only, sizeof(only)))
		return op->when != ASKED;
	return !strcmp(only, op->name) ||
	       (!strcmp(only, "calibration") && calibrates(op));
}

int kit_main(const char *cmdline)
{
	static const struct op *const tables[] = { bench_ops,  queue_ops,
						   direct_ops, net_ops,
						   cpu_ops,    call_ops };
	const struct op *op;
	uint64_t probe = 0;
	unsigned t, nr = sizeof(tables) / sizeof(tables[0]);

	if (kit_option_u64("peer", 0))
		return peer_main();
	pv_query(PV_QUERY_PROBE, &probe);
	if (!kit_option_u64("calls", 1))
		nr--;
	for (t = 0; t < nr; t++)
		for (op = tables[t]; op->name; op++)
			if (chosen(op))
				op_measure(op, reps_of(op));
	printf("BENCH-END %s probe %llu tsc_khz %llu\n", kit_profile_name(),
	       (unsigned long long)probe, (unsigned long long)kit_tsc_khz());
	return 0;
}
