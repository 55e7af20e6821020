/* SPDX-License-Identifier: BSD-2-Clause */
/* The page-table builder, against a flat array of flags. */
/* TEST-SRC: hv/boot/pagetable.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/pagetable.h"
#include "boot/early.h"

#define MAX_TABLES 4096
#define WORLD_PAGES 4096u /* of the random test: 16 MiB */

static void *tables[MAX_TABLES];
static u32 nr_tables;

void *early_alloc(u64 n, u64 align)
{
	void *p = aligned_alloc(align, n * PAGE_SIZE);

	assert_non_null(p);
	assert_true(nr_tables < MAX_TABLES);
	memset(p, 0, n * PAGE_SIZE);
	tables[nr_tables++] = p;
	return p;
}

static struct pagetable pt_new(u32 levels, bool gb)
{
	struct pagetable pt = { .levels = levels, .gb_pages = gb };

	pt.root = early_alloc(1, PAGE_SIZE);
	return pt;
}

static int drop_tables(void **state)
{
	while (nr_tables)
		free(tables[--nr_tables]);
	return 0;
}

static u64 flags_at(const struct pagetable *pt, u64 addr, u64 *size)
{
	u64 *e = pt_find(pt, addr, size);

	if (!e)
		return 0;
	assert_true((*e & PTE_ADDR & ~(*size - 1)) == (addr & ~(*size - 1)));
	return *e & ~(PTE_ADDR | (*size > PAGE_SIZE ? PTE_PS : 0));
}

static void test_largest_pages(void **state)
{
	struct pagetable pt = pt_new(4, true);
	u64 size;

	/* From 4 KiB below 1 GiB to 4 KiB above 2 GiB + 2 MiB. */
	pt_set(&pt, HUGE_SIZE - PAGE_SIZE,
	       HUGE_SIZE + LARGE_SIZE + 2 * PAGE_SIZE, PT_RW);
	assert_true(flags_at(&pt, HUGE_SIZE - PAGE_SIZE, &size) == PT_RW);
	assert_true(size == PAGE_SIZE);
	assert_true(flags_at(&pt, HUGE_SIZE, &size) == PT_RW);
	assert_true(size == HUGE_SIZE);
	assert_true(flags_at(&pt, 2 * HUGE_SIZE, &size) == PT_RW);
	assert_true(size == LARGE_SIZE);
	assert_true(flags_at(&pt, 2 * HUGE_SIZE + LARGE_SIZE, &size) == PT_RW);
	assert_true(size == PAGE_SIZE);
	assert_null(pt_find(&pt, HUGE_SIZE - 2 * PAGE_SIZE, &size));
	assert_null(
		pt_find(&pt, 2 * HUGE_SIZE + LARGE_SIZE + PAGE_SIZE, &size));
}

static void test_no_gb_pages(void **state)
{
	struct pagetable pt = pt_new(4, false);
	u64 size;

	pt_set(&pt, 0, 4 * HUGE_SIZE, PT_RO);
	assert_true(flags_at(&pt, 3 * HUGE_SIZE + 12345, &size) == PT_RO);
	assert_true(size == LARGE_SIZE);
}

static void test_five_levels(void **state)
{
	struct pagetable pt = pt_new(5, true);
	u64 high = 1ull << 50, size;

	pt_set(&pt, high, HUGE_SIZE, PT_RW);
	assert_true(flags_at(&pt, high + PAGE_SIZE, &size) == PT_RW);
	assert_null(pt_find(&pt, 0, &size));
	assert_true(pt.root[high >> 48] & PTE_P);
}

static void test_guard_page_splits(void **state)
{
	struct pagetable pt = pt_new(4, true);
	u64 guard = HUGE_SIZE / 2 + 5 * PAGE_SIZE, size;

	pt_set(&pt, 0, HUGE_SIZE, PT_RW);
	pt_set(&pt, guard, PAGE_SIZE, PT_NONE);
	assert_null(pt_find(&pt, guard, &size));
	assert_true(flags_at(&pt, guard - 1, &size) == PT_RW);
	assert_true(flags_at(&pt, guard + PAGE_SIZE, &size) == PT_RW);
	assert_true(size == PAGE_SIZE);
	assert_true(flags_at(&pt, 0, &size) == PT_RW);
	assert_true(size == LARGE_SIZE);
}

/* Any sequence of settings reads back as the last one for each page. */
static void test_random_ranges(void **state)
{
	static const u64 kinds[] = { PT_NONE, PT_RW, PT_RO, PT_RX, PT_DEVICE };
	static u64 model[WORLD_PAGES];
	struct pagetable pt = pt_new(4, true);
	u64 base = 3 * HUGE_SIZE - WORLD_PAGES / 2 * PAGE_SIZE, size;

	srand(1);
	memset(model, 0, sizeof(model));
	for (u32 round = 0; round < 200; round++) {
		u32 from = (u32)rand() % WORLD_PAGES;
		u32 n = 1 + (u32)rand() % (WORLD_PAGES - from);
		u64 kind = kinds[(u32)rand() % array_size(kinds)];

		if (rand() % 2)
			n = n % 16 + 1;
		if (from + n > WORLD_PAGES)
			n = WORLD_PAGES - from;
		pt_set(&pt, base + from * PAGE_SIZE, n * PAGE_SIZE, kind);
		for (u32 i = from; i < from + n; i++)
			model[i] = kind;
		for (u32 i = 0; i < WORLD_PAGES; i += 1 + (u32)rand() % 7)
			assert_true(flags_at(&pt, base + i * PAGE_SIZE,
					     &size) == model[i]);
	}
	assert_null(pt_find(&pt, base - PAGE_SIZE, &size));
	assert_null(pt_find(&pt, base + WORLD_PAGES * PAGE_SIZE, &size));
}

static void test_never_writable_and_executable(void **state)
{
	assert_true(PT_RW & PTE_NX);
	assert_true(PT_DEVICE & PTE_NX);
	assert_true(PT_RO & PTE_NX);
	assert_false(PT_RX & PTE_W);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_largest_pages, drop_tables),
		cmocka_unit_test_teardown(test_no_gb_pages, drop_tables),
		cmocka_unit_test_teardown(test_five_levels, drop_tables),
		cmocka_unit_test_teardown(test_guard_page_splits, drop_tables),
		cmocka_unit_test_teardown(test_random_ranges, drop_tables),
		cmocka_unit_test(test_never_writable_and_executable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
