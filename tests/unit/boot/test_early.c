/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot-time allocator: what it hands out, and what it makes of the map. */
/* TEST-SRC: hv/boot/early.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/machine.h"
#include "boot/early.h"
#include "lib/panic.h"

#define POOL_PAGES 1024u

static struct boot_info bi;
static u8 *pool;
static jmp_buf panicked;

noreturn_fn void panic(const char *fmt, ...) { longjmp(panicked, 1); }

static void add(u64 start, u64 pages, u32 type, bool stale)
{
	bi.ranges[bi.nr_ranges++] =
		(struct boot_range){ start, pages * PAGE_SIZE, type, stale };
}

/* A hole, a small range, a stale one, the large one, something reserved. */
static int setup(void **state)
{
	u64 at;

	pool = aligned_alloc(LARGE_SIZE, POOL_PAGES * PAGE_SIZE);
	memset(pool, 0xA5, POOL_PAGES * PAGE_SIZE);
	at = (u64)(uintptr_t)pool;
	memset(&bi, 0, sizeof(bi));
	add(at, 16, BOOT_MEM_FREE, false);
	add(at + 32 * PAGE_SIZE, 600, BOOT_MEM_FREE, true);
	add(at + 640 * PAGE_SIZE, 300, BOOT_MEM_FREE, false);
	add(at + 940 * PAGE_SIZE, 10, BOOT_MEM_OTHER, 0);
	early_init(&bi);
	return 0;
}

static int teardown(void **state)
{
	free(pool);
	return 0;
}

static u64 pages_of(u32 type)
{
	u64 n = 0, end = 0;

	for (u32 i = 0; i < bi.nr_ranges; i++) {
		const struct boot_range *r = &bi.ranges[i];

		assert_true(r->start >= end);
		assert_true(r->size > 0 && !(r->size & PAGE_MASK));
		end = r->start + r->size;
		n += r->type == type ? r->size / PAGE_SIZE : 0;
	}
	return n;
}

static bool is_hv(u64 start, u64 size)
{
	for (u32 i = 0; i < bi.nr_ranges; i++) {
		const struct boot_range *r = &bi.ranges[i];

		if (start >= r->start && start + size <= r->start + r->size)
			return r->type == BOOT_MEM_HV;
	}
	return false;
}

static void test_zeroed_and_owned(void **state)
{
	u8 *p = early_alloc(3, PAGE_SIZE);

	for (u32 i = 0; i < 3 * PAGE_SIZE; i++)
		assert_int_equal(p[i], 0);
	assert_true(is_hv((u64)(uintptr_t)p, 3 * PAGE_SIZE));
	assert_int_equal(pages_of(BOOT_MEM_HV), 3);
	assert_int_equal(pages_of(BOOT_MEM_FREE), 913);
	assert_int_equal(bi.nr_ranges, 5);
	early_alloc(1, PAGE_SIZE);
	assert_int_equal(bi.nr_ranges, 5); /* it grows, it does not scatter */
}

static void test_alignment(void **state)
{
	for (u32 i = 0; i < 10; i++) {
		u64 a = (u64)(uintptr_t)early_alloc(5, 16384);

		assert_int_equal(a % 16384, 0);
		assert_true(is_hv(a, 5 * PAGE_SIZE));
		early_alloc(1, PAGE_SIZE);
	}
	assert_int_equal(pages_of(BOOT_MEM_HV) + pages_of(BOOT_MEM_FREE), 916);
}

static void test_stale_memory_is_left(void **state)
{
	u64 stale = (u64)(uintptr_t)pool + 32 * PAGE_SIZE;

	for (u32 i = 0; i < 299; i++) {
		u64 a = (u64)(uintptr_t)early_alloc(1, PAGE_SIZE);

		assert_true(a < stale || a >= stale + 600 * PAGE_SIZE);
	}
	if (!setjmp(panicked)) {
		early_alloc(1, PAGE_SIZE);
		fail();
	}
}

/* What lies behind keeps its place in the map. */
static void test_order(void **state)
{
	u64 at = (u64)(uintptr_t)pool;

	assert_int_equal(bi.ranges[3].start, at + 940 * PAGE_SIZE);
	assert_int_equal(bi.ranges[3].type, BOOT_MEM_HV);
	assert_int_equal(bi.ranges[4].type, BOOT_MEM_OTHER);
	early_alloc(1, PAGE_SIZE);
	assert_int_equal(bi.ranges[3].start, at + 939 * PAGE_SIZE);
	assert_int_equal(bi.ranges[4].start, at + 940 * PAGE_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_zeroed_and_owned, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_alignment, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_stale_memory_is_left,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
