/* SPDX-License-Identifier: BSD-2-Clause */
/* The self test's third part: that memory comes back to the last page. */
#include "selftest.h"

#include "count.h"
#include "host.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "pvabi/calls.h"

#define ROUNDS 1000 /* more than the pages that nobody has spent */
#define HUGE_PAGES (1ull << 18)
#define SPENT (TEST_NOWHERE + (1ull << 30))

static uint64_t free_pages(void)
{
	uint64_t n = 0;

	pv_query(PV_QUERY_FREE_PAGES, &n);
	return n;
}

uint64_t test_spend(void)
{
	uint64_t n = 0;

	while (!pv_mem_populate(SPENT + n * 4096, 1, PV_ORDER_4K))
		n++;
	return n;
}

void test_unspend(uint64_t pages)
{
	test_expect("mem_release", PV_OK, pv_mem_release(SPENT, pages));
}

/* A partition that holds all memory that nobody else may have. */
static uint64_t hoard(void)
{
	static struct pv_partition_status s __attribute__((aligned(64)));
	uint64_t quota = count_quota_left();
	uint64_t part = 0, at = 0;

	test_expect("partition_create", PV_OK, count_hold(quota, &part));
	for (uint64_t n = HUGE_PAGES; n; at += n * 4096, n /= 2)
		while (!pv_partition_populate(part, at, n))
			at += n * 4096;
	pv_partition_status(part, kit_gpa(&s));
	/* the last page has no table */
	test_result("selftest", "a_whole_quota_is_there",
		    quota && s.pages_owned + 4 >= quota);
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
	test_result("selftest", "not_one_page_is_lost", free_pages() == before);
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

/* Who has lent a page for a device ends when that page is back, however often its
 * end is asked for. */
static void pinned(void)
{
	static struct pv_partition_params p __attribute__((aligned(64)));
	uint64_t before = free_pages(), part, addr;

	p = (struct pv_partition_params){ .name = "lender",
					  .vcpus = 1,
					  .port = HOST_PORT_TEST,
					  .flags = PV_PARTITION_SHARE_ALL,
					  .max_pages = 256 };
	if (pv_partition_create(test.self, kit_gpa(&p), &part) ||
	    pv_partition_populate(part, 0, 1) ||
	    pv_mem_accept(part, 0, 1, HOST_IO_PAGES, PV_ACCEPT_DMA)) {
		test_result("selftest", "a_page_is_pinned", false);
		return;
	}
	for (unsigned i = 0; i < 3; i++)
		test_expect("partition_destroy", PV_EAGAIN,
			    pv_partition_destroy(part));
	test_expect("mem_device_addr", PV_OK,
		    pv_mem_device_addr(HOST_IO_PAGES, test.self, &addr));
	test_expect("mem_return", PV_OK, pv_mem_return(HOST_IO_PAGES, 1));
	test_destroy(part);
	test_result("selftest", "a_lender_leaves_no_page",
		    free_pages() == before);
}

void selftest_memory(void)
{
	uint64_t spent, spare = 0, part;

	pinned();
	huge();
	spent = test_spend();
	test_expect("partition_create", PV_OK, test_partition(&spare));
	part = hoard();
	test_destroy(spare);
	rounds();
	test_destroy(part);
	test_unspend(spent);
}
