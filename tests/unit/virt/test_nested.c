/* SPDX-License-Identifier: BSD-2-Clause */
/* The nested-page walker over both formats' shapes.
 * TEST-SRC: hv/virt/nested.c hv/lib/machine.c */
#include "fake_nested.h"
#include "lib/iommu.h"

static void test_nothing_is_mapped_at_first(void **state)
{
	assert_int_equal(where(0), ~0ull);
	assert_int_equal(where(0x123456789000), ~0ull);
	assert_int_equal(where(1ull << 48), ~0ull);
	assert_int_equal(where(~0ull), ~0ull);
}

static void test_map_uses_the_largest_pages(void **state)
{
	assert_int_equal(map(0x1000, 0x40001000, 0x3ff000, 3), 0);
	assert_int_equal(page_at(0x1000), PAGE_SIZE);
	assert_int_equal(page_at(0x200000), LARGE_SIZE);
	assert_int_equal(where(0x212345), 0x40212345);
	assert_int_equal(where(0), ~0ull);
	assert_int_equal(where(0x400000), ~0ull);
	assert_int_equal(map(HUGE_SIZE, HUGE_SIZE * 4, HUGE_SIZE, 3), 0);
	assert_int_equal(page_at(HUGE_SIZE), HUGE_SIZE);
	nested_caps.gb_pages = false;
	assert_int_equal(map(HUGE_SIZE * 2, 0, HUGE_SIZE, 3), 0);
	assert_int_equal(page_at(HUGE_SIZE * 2), LARGE_SIZE);
	assert_int_equal(map(HUGE_SIZE * 3, 0, LARGE_SIZE, 1), 0);
	assert_int_equal(page_at(HUGE_SIZE * 3), PAGE_SIZE);
}

static void test_misaligned_target_takes_small_pages(void **state)
{
	assert_int_equal(map(0, 0x1000, LARGE_SIZE, 3), 0);
	assert_int_equal(page_at(0), PAGE_SIZE);
	assert_int_equal(where(LARGE_SIZE - 1), LARGE_SIZE + 0xfff);
}

static void test_flags_are_kept(void **state)
{
	u32 flags = 0;
	hpa_t to;

	assert_int_equal(nested_map(&space, gpa(0x5000), hpa(0x6000), 0x1000,
				    NP_READ | NP_DEVICE, 3),
			 0);
	assert_true(nested_lookup(&space, gpa(0x5678), &to, &flags, NULL));
	assert_int_equal(flags, NP_READ | NP_DEVICE);
	assert_int_equal(to.v, 0x6678);
}

static void test_overlap_is_refused_and_changes_nothing(void **state)
{
	assert_int_equal(map(LARGE_SIZE, 0, LARGE_SIZE, 3), 0);
	assert_int_equal(map(LARGE_SIZE + 0x1000, 0, 0x1000, 3), -2);
	assert_int_equal(map(0, 0, 2 * LARGE_SIZE, 3), -2);
	assert_int_equal(where(0), ~0ull);
	assert_int_equal(map(0, 0, HUGE_SIZE, 3), -2);
}

static void test_bad_ranges_are_refused(void **state)
{
	assert_int_equal(map(0x800, 0, 0x1000, 3), -2);
	assert_int_equal(map(0, 0x800, 0x1000, 3), -2);
	assert_int_equal(map(0, 0, 0x800, 3), -2);
	assert_int_equal(map((1ull << 48) - 0x1000, 0, 0x2000, 3), -2);
	assert_int_equal(map(~0xfffull, 0, 0x2000, 3), -2);
	assert_int_equal(nested_unmap(&space, gpa(~0xfffull), 0x2000), -1);
	assert_int_equal(map((1ull << 48) - 0x1000, 0, 0x1000, 3), 0);
	assert_int_equal(
		nested_unmap(&space, gpa((1ull << 48) - 0x1000), 0x1000), 0);
}

static void test_unmap_splits_large_pages(void **state)
{
	u32 gen = space.gen;

	assert_int_equal(map(0, HUGE_SIZE, HUGE_SIZE, 3), 0);
	assert_int_equal(nested_unmap(&space, gpa(0x3000), LARGE_SIZE), 0);
	assert_int_not_equal(space.gen, gen);
	assert_int_equal(where(0x2fff), HUGE_SIZE + 0x2fff);
	assert_int_equal(where(0x3000), ~0ull);
	assert_int_equal(where(LARGE_SIZE + 0x2fff), ~0ull);
	assert_int_equal(where(LARGE_SIZE + 0x3000),
			 HUGE_SIZE + LARGE_SIZE + 0x3000);
	assert_int_equal(page_at(LARGE_SIZE + 0x3000), PAGE_SIZE);
	assert_int_equal(page_at(2 * LARGE_SIZE), LARGE_SIZE);
	assert_int_equal(where(HUGE_SIZE - 1), 2 * HUGE_SIZE - 1);
}

static void test_unmap_of_holes_is_no_error(void **state)
{
	assert_int_equal(map(0x10000, 0, 0x1000, 3), 0);
	assert_int_equal(nested_unmap(&space, gpa(0), HUGE_SIZE), 0);
	assert_int_equal(where(0x10000), ~0ull);
	assert_int_equal(map(0x10000, 0x7000, 0x2000, 3), 0);
	assert_int_equal(where(0x11000), 0x8000);
}

static void test_map_without_memory_can_be_undone(void **state)
{
	budget = 2;
	assert_int_equal(map(0, 0, 0x1000, 3), -1);
	assert_int_equal(where(0), ~0ull);
	budget = 1; /* enough for the first of two tables */
	assert_int_equal(map(0x1ff000, 0, 0x2000, 3), -1);
	assert_int_equal(nested_unmap(&space, gpa(0x1ff000), 0x2000), 0);
	assert_int_equal(where(0x1ff000), ~0ull);
}

static void test_split_without_memory_changes_nothing(void **state)
{
	unsigned tries = 0;
	u64 at;

	assert_int_equal(map(0, 0, HUGE_SIZE, 3), 0);
	for (budget = 0; tries < 3; tries++, budget = 1) {
		assert_int_equal(
			nested_unmap(&space, gpa(0x1000), 2 * LARGE_SIZE), -1);
		for (at = 0; at < 4 * LARGE_SIZE; at += 0x1000)
			assert_int_equal(where(at), at);
	}
	/* the third of three tables */
	assert_int_equal(nested_unmap(&space, gpa(0x1000), 2 * LARGE_SIZE), 0);
	assert_int_equal(where(0x1000), ~0ull);
	assert_int_equal(where(0), 0);
}

static void test_empty_tables_go(void **state)
{
	assert_int_equal(map(0x1000, 0, 0x2000, 3), 0);
	assert_int_equal(map(LARGE_SIZE, 0, 0x1000, 3), 0);
	assert_int_equal(live, 5);
	assert_int_equal(nested_unmap(&space, gpa(0x1000), 0x1000), 0);
	assert_int_equal(nr_retired, 0);
	assert_int_equal(nested_unmap(&space, gpa(0x2000), 0x1000), 0);
	assert_int_equal(nr_retired, 1);
	assert_int_equal(nested_unmap(&space, gpa(0), HUGE_SIZE), 0);
	assert_int_equal(nr_retired, 4);
	flush();
	assert_int_equal(live, 1);
	assert_int_equal(map(0x1000, 0x5000, 0x1000, 3), 0);
	assert_int_equal(where(0x1000), 0x5000);
	/* nor does a mapping that fails leave one */
	budget = 1;
	assert_int_equal(map(HUGE_SIZE, 0, 0x1000, 3), -1);
	flush();
	assert_int_equal(live, 4);
}

static void test_pages_in_a_row_become_a_large_one(void **state)
{
	for (u64 at = 0; at < LARGE_SIZE; at += 0x1000) {
		assert_int_equal(nr_retired, 0);
		assert_int_equal(map(at, HUGE_SIZE + at, 0x1000, 3), 0);
	}
	assert_int_equal(page_at(0), LARGE_SIZE);
	assert_int_equal(where(LARGE_SIZE - 1), HUGE_SIZE + LARGE_SIZE - 1);
	assert_int_equal(nr_retired, 1);
	/* what was split becomes one again, whatever the CPU has marked */
	assert_int_equal(nested_unmap(&space, gpa(0x5000), 0x2000), 0);
	assert_int_equal(page_at(0), PAGE_SIZE);
	assert_int_equal(map(0x5000, HUGE_SIZE + 0x5000, 0x2000, 2), 0);
	assert_int_equal(page_at(0), LARGE_SIZE);
	for (u64 at = LARGE_SIZE; at < HUGE_SIZE; at += LARGE_SIZE)
		assert_int_equal(map(at, HUGE_SIZE + at, LARGE_SIZE, 3), 0);
	assert_int_equal(page_at(0), HUGE_SIZE);
	flush();
	assert_int_equal(live, 2);
}

/* Maps a large page's worth page by page, the last of them otherwise. */
static void almost(u64 at, u64 to, u64 last, u32 flags, unsigned max)
{
	assert_int_equal(map(at, to, LARGE_SIZE - 0x1000, 1), 0);
	assert_int_equal(nested_map(&space, gpa(at + LARGE_SIZE - 0x1000),
				    hpa(last), 0x1000, flags, max),
			 0);
	assert_int_equal(page_at(at), PAGE_SIZE);
	assert_int_equal(nr_retired, 0);
}

static void test_what_differs_is_not_merged(void **state)
{
	u64 last = LARGE_SIZE - 0x1000;

	almost(0, 0, last + 0x1000, RWX, 3);
	almost(LARGE_SIZE, 0, last, NP_READ, 3);
	almost(2 * LARGE_SIZE, 0, last, RWX, 1);
	almost(3 * LARGE_SIZE, 0x1000, last + 0x1000, RWX, 3);
	mitigations = MIT_NX_LARGE;
	almost(4 * LARGE_SIZE, 0, last, RWX, 3);
	mitigations = 0;
	space.logging = true;
	almost(5 * LARGE_SIZE, 0, last, RWX, 3);
}

static void test_next_finds_each_page(void **state)
{
	static const u64 pages[] = { 0x1000, 0x1ff000, LARGE_SIZE, HUGE_SIZE,
				     (1ull << 46) - 0x1000 };
	struct nested_page np;
	u64 at = 0;

	for (u32 i = 0; i < array_size(pages); i++)
		assert_int_equal(map(pages[i], pages[i] + LARGE_SIZE,
				     i == 2 ? LARGE_SIZE : 0x1000, 3),
				 0);
	for (u32 i = 0; i < array_size(pages); i++) {
		assert_true(nested_next(&space, &at, 1ull << 46, &np));
		assert_int_equal(at, pages[i]);
		assert_int_equal(np.to.v, pages[i] + LARGE_SIZE);
		assert_int_equal(np.flags, RWX);
		at += np.size;
		assert_int_equal(np.size, i == 2 ? LARGE_SIZE : PAGE_SIZE);
	}
	assert_false(nested_next(&space, &at, 1ull << 46, &np));
	at = 0x2000;
	assert_false(nested_next(&space, &at, 0x1ff000, &np));
	assert_int_equal(at, 0x1ff000);
}

static void test_five_levels(void **state)
{
	nested_free(&space);
	nested_caps.levels = 5;
	assert_int_equal(nested_init(&space), 0);
	assert_int_equal(map(0x7000, 0x9000, 0x1000, 3), 0);
	assert_int_equal(where(0x7abc), 0x9abc);
	assert_int_equal(where(0x8000), ~0ull);
}

/* Random maps and unmaps against a flat model. */
static void test_against_a_model(void **state)
{
	static u64 model[4096];
	u64 seed = 1, i, n;

	memset(model, 0xff, sizeof(model));
	for (n = 0; n < 400; n++) {
		u64 at, size, to;
		bool clash = false;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		at = seed >> 33 & 4095;
		size = 1 + (seed >> 20 & 1023);
		to = (seed >> 45) & 0xffff;
		if (seed >> 62 & 1) {
			at &= ~511ull;
			to &= ~511ull;
		}
		if (at + size > 4096)
			size = 4096 - at;
		for (i = at; i < at + size; i++)
			clash |= model[i] != ~0ull;
		if (clash) {
			assert_int_equal(map(at << 12, to << 12, size << 12, 2),
					 -2);
			assert_int_equal(
				nested_unmap(&space, gpa(at << 12), size << 12),
				0);
		} else {
			assert_int_equal(map(at << 12, to << 12, size << 12, 2),
					 0);
		}
		for (i = at; i < at + size; i++)
			model[i] = clash ? ~0ull : (to + i - at) << 12;
		for (i = 0; i < 4096; i++)
			assert_int_equal(where(i << 12), model[i]);
		flush();
	}
	assert_int_equal(nested_unmap(&space, gpa(0), HUGE_SIZE), 0);
	flush();
	assert_int_equal(live, 1);
}

/* As AMD-Vi walks: a table entry says which level comes, and its reserved bits
 * are zero (48882, 2.2.3); a leaf says 0. */
static u64 amdvi_walk(u64 at)
{
	u64 e = space.root;
	unsigned level = nested_caps.levels;

	while (level) {
		u64 *t = hpa_ptr(hpa(e & 0x000ffffffffff000ull));

		e = t[at >> (3 + 9 * level) & 511];
		if (!(e & 1))
			return ~0ull;
		assert_int_equal(e >> 52 & 0x1ff, 0);
		if (!(e >> 9 & 7))
			break;
		assert_int_equal(e >> 9 & 7, level - 1);
		level--;
	}
	return (e & 0x000ffffffffff000ull) +
	       (at & ((1ull << (3 + 9 * level)) - 1));
}

static void test_tables_that_an_iommu_walks(void **state)
{
	iommu.next = 1ull << 9;
	test_empty_tables_go(state);
	budget = 1000;
	assert_int_equal(nested_unmap(&space, gpa(0), HUGE_SIZE), 0);
	flush();
	test_pages_in_a_row_become_a_large_one(state);
	assert_int_equal(nested_unmap(&space, gpa(0), HUGE_SIZE), 0);
	flush();
	test_against_a_model(state);
	assert_int_equal(map(0x7000, 0x9000, 0x1000, 3), 0);
	assert_int_equal(map(LARGE_SIZE, HUGE_SIZE, LARGE_SIZE, 3), 0);
	assert_int_equal(amdvi_walk(0x7000), 0x9000);
	assert_int_equal(amdvi_walk(0x8000), ~0ull);
	assert_int_equal(amdvi_walk(LARGE_SIZE + 0x5000), HUGE_SIZE + 0x5000);
	iommu.next = 0;
}

static void test_iommus_begin_at_their_level(void **state)
{
	assert_int_equal(map(0x7000, 0x9000, 0x1000, 3), 0);
	iommu.kind = IOMMU_VTD;
	iommu.levels = 4;
	assert_int_equal(virt_iommu_root(&space), space.root);
	iommu.levels = 3;
	assert_int_equal(virt_iommu_root(&space),
			 *(u64 *)hpa_ptr(hpa(space.root)) &
				 0x000ffffffffff000ull);
	iommu.kind = IOMMU_NONE;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_is_mapped_at_first),
		TEST(test_map_uses_the_largest_pages),
		TEST(test_misaligned_target_takes_small_pages),
		TEST(test_flags_are_kept),
		TEST(test_overlap_is_refused_and_changes_nothing),
		TEST(test_bad_ranges_are_refused),
		TEST(test_unmap_splits_large_pages),
		TEST(test_unmap_of_holes_is_no_error),
		TEST(test_map_without_memory_can_be_undone),
		TEST(test_split_without_memory_changes_nothing),
		TEST(test_empty_tables_go),
		TEST(test_pages_in_a_row_become_a_large_one),
		TEST(test_what_differs_is_not_merged),
		TEST(test_next_finds_each_page),
		TEST(test_five_levels),
		TEST(test_against_a_model),
		TEST(test_tables_that_an_iommu_walks),
		TEST(test_iommus_begin_at_their_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
