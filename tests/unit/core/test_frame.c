/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame table and its buddy allocator. */
/* TEST-SRC: hv/core/frame.c */
#include "fake.h"

#define HOST (RAM_START + 4 * PAGE_SIZE) /* one page is the host's */

static struct boot_info bi;

static u64 all; /* free frames at the start */

static int setup(void **state)
{
	if (bi.nr_ranges)
		return 0;
	fake_ram(&bi);
	/* a hole that is firmware's, and a page that starts at 0 */
	bi.nr_ranges = 4;
	bi.ranges[0] =
		(struct boot_range){ .size = PAGE_SIZE, .type = BOOT_MEM_FREE };
	bi.ranges[1] = (struct boot_range){ .start = RAM_START,
					    .size = 3 * PAGE_SIZE,
					    .type = BOOT_MEM_FREE };
	bi.ranges[2] = (struct boot_range){ .start = RAM_START + 3 * PAGE_SIZE,
					    .size = PAGE_SIZE,
					    .type = BOOT_MEM_RUNTIME };
	bi.ranges[3] = (struct boot_range){ .start = RAM_START + 5 * PAGE_SIZE,
					    .size = RAM_SIZE - 5 * PAGE_SIZE,
					    .type = BOOT_MEM_FREE };
	bi.host.base = HOST;
	bi.host.size = PAGE_SIZE;
	frame_init(&bi);
	all = frame_free_count();
	return 0;
}

static void counts_only_usable_memory(void **state)
{
	/* less firmware's page, the host's, and frame 0 */
	assert_int_equal(frame_free_count(), RAM_SIZE / PAGE_SIZE - 2);
	assert_int_equal(frame_all_count(), RAM_SIZE / PAGE_SIZE - 1);
	assert_int_equal(frame_of(hpa(RAM_START + 3 * PAGE_SIZE))->owner,
			 FRAME_NOBODY);
	assert_null(frame_of(hpa(RAM_START + RAM_SIZE)));
}

static void never_gives_out_what_is_not_usable(void **state)
{
	u64 n = frame_free_count();
	u8 **seen = calloc(n, sizeof(*seen)), *at;

	for (u64 i = 0; i < n; i++) {
		assert_non_null(
			(at = frame_alloc(FRAME_ANYWHERE, 1, FRAME_PLAIN, 0)));
		assert_true(at >= (u8 *)RAM_START &&
			    at < (u8 *)RAM_START + RAM_SIZE);
		assert_ptr_not_equal(at, (u8 *)RAM_START + 3 * PAGE_SIZE);
		assert_int_equal(frame_of(ptr_hpa(at))->owner, 1);
		seen[i] = at;
	}
	assert_int_equal(frame_free_count(), 0);
	assert_null(frame_alloc(FRAME_ANYWHERE, 1, FRAME_PLAIN, 0));
	for (u64 i = 0; i < n; i++) {
		/* given out once only */
		assert_int_equal(frame_of(ptr_hpa(seen[i]))->owner, 1);
		frame_free(seen[i], 0);
	}
	free(seen);
	assert_int_equal(frame_free_count(), n);
}

static void merges_back_to_large_blocks(void **state)
{
	u64 free_before = frame_free_count();
	void *at[8], *large;

	for (int i = 0; i < 8; i++)
		assert_non_null((at[i] = frame_alloc(FRAME_ANYWHERE, 2,
						     FRAME_TABLE, i % 3)));
	for (int i = 0; i < 8; i++)
		frame_free(at[(i * 3) % 8], ((i * 3) % 8) % 3);
	assert_int_equal(frame_free_count(), free_before);
	assert_non_null((large = frame_alloc(FRAME_ANYWHERE, 2, FRAME_PLAIN,
					     FRAME_MAX_ORDER)));
	assert_int_equal((u64)large & (LARGE_SIZE - 1), 0);
	frame_free(large, FRAME_MAX_ORDER);
}

static void scrubs_on_free_and_gives_zeroes(void **state)
{
	static const u8 zero[PAGE_SIZE];
	void *at, *again;

	for (int i = 0; i < 4; i++) {
		assert_non_null(
			(at = frame_alloc(FRAME_ANYWHERE, 3, FRAME_PLAIN, 1)));
		assert_memory_equal(at, zero, PAGE_SIZE);
		memset(at, 0xa5, 2 * PAGE_SIZE);
		frame_free(at, 1);
		assert_memory_equal(at, zero, PAGE_SIZE);
		assert_non_null((again = frame_alloc(FRAME_ANYWHERE, 3,
						     FRAME_PLAIN, 0)));
		assert_memory_equal(again, zero, PAGE_SIZE);
		frame_free(again, 0);
	}
}

static void dirty_memory_is_zeroed_first(void **state)
{
	static u64 *at[RAM_SIZE / PAGE_SIZE], *page;
	u64 n = 0;

	/* as firmware may have left it: in blocks that were never given out */
	memset((void *)(RAM_START + RAM_SIZE / 2), 0xff, 4 * LARGE_SIZE);
	while ((page = frame_alloc(FRAME_ANYWHERE, 0, FRAME_PLAIN, 0))) {
		for (u64 i = 0; i < PAGE_SIZE / 8; i++)
			assert_int_equal(page[i], 0);
		at[n++] = page;
	}
	assert_int_equal(n, all);
	while (n)
		frame_free(at[--n], 0);
	assert_int_equal(frame_free_count(), all);
}

static void the_host_has_its_memory(void **state)
{
	struct boot_info bad = bi;

	assert_int_equal(frame_of(hpa(HOST))->owner, 0);
	assert_int_equal(frame_of(hpa(HOST))->state, FRAME_PLAIN);
	bad.host.base = RAM_START + RAM_SIZE - PAGE_SIZE;
	bad.host.size = 2 * PAGE_SIZE;
	expect_assert_failure(frame_init(&bad));
}

static void double_free_is_caught(void **state)
{
	void *at;

	assert_non_null((at = frame_alloc(FRAME_ANYWHERE, 1, FRAME_PLAIN, 0)));
	frame_free(at, 0);
	expect_assert_failure(frame_free(at, 0));
	expect_assert_failure(frame_free((u8 *)RAM_START + 3 * PAGE_SIZE, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(counts_only_usable_memory, setup),
		cmocka_unit_test_setup(dirty_memory_is_zeroed_first, setup),
		cmocka_unit_test(never_gives_out_what_is_not_usable),
		cmocka_unit_test(merges_back_to_large_blocks),
		cmocka_unit_test(scrubs_on_free_and_gives_zeroes),
		cmocka_unit_test(double_free_is_caught),
		cmocka_unit_test(the_host_has_its_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
