/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts free frames by having them all: what is left of the own quota, and a
 * partition with all that is promised to nobody. */
#include "count.h"

#include "host.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "pvabi/calls.h"

#define SPENT (1ull << 38) /* gpa, where nothing is */
#define BLOCK (1ull << 18) /* pages, the first try */
#define HOLD_PORT 1000u

uint64_t count_hold(uint64_t quota, uint64_t *part)
{
	static struct pv_partition_params p __attribute__((aligned(64)));

	p = (struct pv_partition_params){ .name = "count",
					  .vcpus = 1,
					  .port = HOLD_PORT,
					  .max_pages = quota };
	return pv_partition_create(kit_info()->self, kit_gpa(&p), part);
}

static void hold_end(uint64_t part)
{
	uint64_t err;

	while ((err = pv_partition_destroy(part)) == PV_EAGAIN)
		;
	host_must(err, "partition_destroy");
}

uint64_t count_quota_left(void)
{
	uint64_t quota = 0, part;

	for (uint64_t bit = 1ull << 40; bit; bit /= 2)
		if (!count_hold(quota | bit, &part)) {
			hold_end(part);
			quota |= bit;
		}
	return quota;
}

static uint64_t pages_owned(uint64_t part)
{
	static struct pv_partition_status s __attribute__((aligned(64)));

	host_must(pv_partition_status(part, kit_gpa(&s)), "partition_status");
	return s.pages_owned;
}

static uint64_t hold_count(void)
{
	uint64_t part, at = 0, n;

	host_must(count_hold(count_quota_left(), &part), "partition_create");
	for (n = BLOCK; n; at += n * KIT_PAGE_SIZE, n /= 2)
		while (!pv_partition_populate(part, at, n))
			at += n * KIT_PAGE_SIZE;
	n = pages_owned(part);
	hold_end(part);
	return n;
}

void count_print(void)
{
	uint64_t self = kit_info()->self, had = pages_owned(self), n = 0, held;

	while (!pv_mem_populate(SPENT + n * KIT_PAGE_SIZE, 1, PV_ORDER_4K))
		n++;
	held = hold_count() + pages_owned(self) - had;
	if (n)
		host_must(pv_mem_release(SPENT, n), "mem_release");
	kit_printf("host: %lu pages are free\n", (unsigned long)held);
}
