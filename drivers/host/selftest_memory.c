/* SPDX-License-Identifier: BSD-2-Clause */
/* The self test's third part: that memory comes back to the last page. */
#include "selftest.h"

#include "host.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "pvabi/calls.h"

#define ROUNDS 1000
#define HUGE_PAGES (1ull << 18)
#define FEW 1024 /* pages: below our quota, so that the machine's are counted */

static uint64_t free_pages(void)
{
	uint64_t n = 0;

	pv_query(PV_QUERY_FREE_PAGES, &n);
	return n;
}

/* A partition that holds nearly all of the machine's memory. */
static uint64_t hoard(void)
{
	static struct pv_partition_params p __attribute__((aligned(64)));
	uint64_t part, at = 0, n = 1u << 18;

	p = (struct pv_partition_params){ .name = "hoard",
					  .vcpus = 1,
					  .port = HOST_PORT_TEST,
					  .max_pages = 1ull << 40 };
	if (pv_partition_create(test.self, kit_gpa(&p), &part))
		return 0;
	for (; n >= FEW; n /= 2)
		while (!pv_partition_populate(part, at, n))
			at += n * 4096;
	return part;
}

static void rounds(void)
{
	uint64_t before = free_pages(), part, err = 0;
	unsigned n;

	for (n = 0; n < ROUNDS && !err; n++) {
		err = test_partition(&part);
		if (!err)
			test_destroy(part);
	}
	test_result("selftest", "partitions_come_and_go", !err);
	test_result("selftest", "not_one_page_is_lost",
		    before < 3 * FEW && free_pages() == before);
	if (free_pages() != before)
		kit_printf("host: free pages: %lu before, %lu after\n", before,
			   free_pages());
}

/* Memory that is contiguous becomes one page: no table for its parts is left. */
static void huge(void)
{
	static struct pv_partition_params p __attribute__((aligned(64)));
	static struct pv_partition_status s __attribute__((aligned(64)));
	uint64_t part, before;

	p = (struct pv_partition_params){ .name = "huge",
					  .vcpus = 1,
					  .port = HOST_PORT_TEST,
					  .max_pages = HUGE_PAGES + 1024 };
	if (pv_partition_create(test.self, kit_gpa(&p), &part))
		return;
	pv_partition_status(part, kit_gpa(&s));
	before = s.pages_owned;
	if (pv_partition_populate(part, HUGE_PAGES * 4096, HUGE_PAGES)) {
		kit_printf("host: 1 GiB in a row needs more memory\n");
	} else {
		pv_partition_status(part, kit_gpa(&s));
		test_result("selftest", "one_page_of_1_gib",
			    s.pages_owned == before + HUGE_PAGES);
	}
	test_destroy(part);
}

void selftest_memory(void)
{
	uint64_t spare[2] = { 0 }, part;

	huge();
	if (test_partition(&spare[0]) || test_partition(&spare[1]))
		test_result("selftest", "spare_memory", false);
	part = hoard();
	test_destroy(spare[0]);
	test_destroy(spare[1]);
	rounds();
	test_destroy(part);
}
