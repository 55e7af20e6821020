/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps working while hostile guests run beside it: `ms=` milliseconds of
 * timers and checks of its own memory, then PASS still-alive.
 */
#include <string.h>

#include "check.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "kit/wait.h"

#define PAGES 256u

static uint64_t *pages[PAGES];

static void pages_fill(uint64_t seed)
{
	unsigned i, k;

	for (i = 0; i < PAGES; i++)
		for (k = 0; k < 512; k++)
			pages[i][k] = rand_next(&seed);
}

static unsigned pages_differ(uint64_t seed)
{
	unsigned i, k, bad = 0;

	for (i = 0; i < PAGES; i++)
		for (k = 0; k < 512; k++)
			bad += pages[i][k] != rand_next(&seed);
	return bad;
}

/* What others take must not be missing here: a table for a page that is mapped
 * at a new place, and a handle. */
static bool gets_its_own(uint64_t page)
{
	static uint64_t at = 0x2000000000ull;
	uint64_t handle;

	if (pv_mem_accept(PV_SELF, page, 1, at, 0) || pv_mem_return(at, 1) ||
	    pv_event_bind(PV_SELF, 9, 0, &handle) || pv_handle_close(handle))
		return false;
	at += 2ull << 20;
	return true;
}

int kit_main(const char *cmdline)
{
	uint64_t ms = kit_option_u64("ms", 2000), seed = 88172645463325252ull;
	uint64_t until = kit_time_ns() + ms * KIT_MS, from, late = 0;
	unsigned i, rounds = 0, bad = 0, missed = 0;
	uint64_t own = kit_gpa(kit_pages_alloc(1));

	for (i = 0; i < PAGES; i++)
		pages[i] = kit_pages_alloc(1);
	pages_fill(seed);
	missed += pv_mem_share(PV_SELF, own, 1, 0) != PV_OK;
	while (kit_time_ns() < until) {
		from = kit_time_ns();
		kit_sleep_ns(10 * KIT_MS);
		if (kit_time_ns() - from > late)
			late = kit_time_ns() - from;
		bad += pages_differ(seed);
		missed += rounds < 64 && !gets_its_own(own);
		if (!(rounds++ % 16)) {
			seed = rand_next(&seed) | 1;
			pages_fill(seed);
		}
	}
	printf("victim: %u rounds, longest sleep of 10 ms took %llu ms\n",
	       rounds, (unsigned long long)(late / KIT_MS));
	check(rounds && !bad, "still-alive", "%u words changed", bad);
	check(!missed, "gets-its-own", "%u times not", missed);
	return check_summary("victim");
}
