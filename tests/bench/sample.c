/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs an operation n and 2n times, several times over, and prints what the
 * TSC and the counters advanced by. Nothing is printed while something is
 * measured: what is written to the console would be counted with it.
 */
#include "bench.h"

#define SAMPLES 128u
#define SLOT 64u /* from here on none is in use */
#define SLOTS 256u

static struct kit_counts samples[SAMPLES];
static uint64_t knowns[SAMPLES];
uint64_t bench_known, bench_ticks;
struct kit_side bench_more;

void handles_align(uint32_t n)
{
	static uint64_t h[SLOTS];
	unsigned i = 0;

	(void)n;
	do /* one that is closed at once would be taken again */
		must(pv_event_bind(PV_SELF, 9, 0, &h[i]));
	while (h[i++] % SLOTS != SLOT);
	while (i)
		must(pv_handle_close(h[--i]));
}

static void side_add(struct kit_side *to, const struct kit_side *s)
{
	unsigned k;

	for (k = 0; k < PV_EXIT_KINDS; k++)
		to->exits[k] += s->exits[k];
	to->calls += s->calls;
	to->guest_tsc += s->guest_tsc;
	to->vmcs += s->vmcs;
}

static void measure(const struct op *op, uint32_t n, unsigned i)
{
	bench_settle();
	if (op->prep) {
		op->prep(n);
		bench_settle();
	}
	bench_known = bench_ticks = 0;
	bench_more = (struct kit_side){ 0 };
	kit_counts_begin(&samples[i]);
	op->run(n);
	kit_counts_end(&samples[i]);
	if (bench_ticks)
		samples[i].tsc = bench_ticks;
	knowns[i] = bench_known;
	if (op->done)
		op->done(n);
	side_add(&samples[i].guest, &bench_more);
}

static void samples_print(const struct op *op, unsigned nr)
{
	unsigned i;

	for (i = 0; i < nr; i++)
		kit_counts_print(
			&(struct kit_count_head){ "BENCH", op->name,
						  i % 2 ? 2 * op->n : op->n,
						  op->per, i / 2, knowns[i] },
			&samples[i]);
}

void op_measure(const struct op *op, unsigned reps)
{
	unsigned i;

	if (reps > SAMPLES / 2)
		reps = SAMPLES / 2;
	if (!reps || (op->pv && kit_profile() != PV_PROFILE_PV) ||
	    (op->start && !op->start()))
		return;
	measure(op, 2, 0); /* what happens only once */
	for (i = 0; i < 2 * reps; i += 2) {
		measure(op, op->n, i);
		measure(op, 2 * op->n, i + 1);
	}
	bench_settle();
	if (op->stop)
		op->stop();
	samples_print(op, 2 * reps);
}
