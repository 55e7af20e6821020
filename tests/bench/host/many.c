/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that must cost the same however many partitions there are. */
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "pvabi/calls.h"
#include "tests/bench/host/parts.h"
#include "tests/bench/host/rows.h"

static uint64_t event, far;

static bool start(void)
{
	far = kit_tsc() + kit_tsc_khz() * 100000;
	if (!event)
		must(pv_event_bind(PV_SELF, 7, 0, &event));
	return true;
}

static void null_many_run(uint32_t n)
{
	while (n--)
		pv_nop();
}

static void event_many_run(uint32_t n)
{
	while (n--)
		must(pv_event_send(event));
}

static void timer_many_run(uint32_t n)
{
	while (n--)
		must(pv_timer_set(far + n));
}

static void timer_off(void) { pv_timer_set(0); }

#define ROWS(partitions)                                            \
	OP("null_" partitions, 16, 1, null_many_run),               \
		OP("event_send_" partitions, 16, 1, event_many_run, \
		   .start = start),                                 \
		OP("timer_set_" partitions, 16, 1, timer_many_run,  \
		   .start = start, .stop = timer_off),              \
		OPS_END

static const struct op one[] = { ROWS("1_partition") };
static const struct op all[] = { ROWS("64_partitions") };

static void table_run(const struct op *op, unsigned reps)
{
	for (; op->name; op++)
		op_measure(op, reps);
}

/* All but this one sleep. */
void many_run(unsigned reps)
{
	struct part_call c = { .call = PV_CALL_nop };
	uint32_t i;

	table_run(one, reps);
	parts_make(PARTS_MAX, PART_PAGES);
	for (i = 0; i < PARTS_MAX; i++) {
		part_prepare(parts[i], &c);
		must(part_start(parts[i]));
	}
	bench_settle();
	table_run(all, reps);
	parts_end(PARTS_MAX);
}
