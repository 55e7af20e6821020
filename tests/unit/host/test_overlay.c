/* SPDX-License-Identifier: BSD-2-Clause */
/* The overlay's tree against a flat copy, without memory, and what it costs. */
/* TEST-SRC: drivers/host/overlay.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/overlay.h"

#include "fake_pages.h"

#define SECTORS 8200u /* two nodes of entries, and a part of a page */

static struct overlay o;
static unsigned told;

static void full(struct overlay *of)
{
	assert_ptr_equal(of, &o);
	told++;
}

static int setup(void **state)
{
	(void)state;
	pages_left = 100000;
	pages_given = told = pages_fail_at = 0;
	o = (struct overlay){ .on_full = full };
	overlay_init(&o, SECTORS, 50000);
	return 0;
}

static int end(void **state)
{
	(void)state;
	overlay_end(&o);
	assert_int_equal(o.pages, 0);
	assert_int_equal(pages_in_use, 0);
	return 0;
}

static bool write(uint64_t sector, uint32_t count, uint8_t byte)
{
	uint8_t *to = overlay_room(&o, sector);

	if (!to)
		return false;
	memset(to, byte, count * 512);
	overlay_written(&o, sector, count);
	return true;
}

/* ---- against a model: -1: not written, else what each byte is ---- */

static int model[SECTORS];

static void compare(void)
{
	for (uint32_t i = 0; i < SECTORS;) {
		bool written;
		uint32_t n = overlay_run(&o, i, SECTORS - i, &written);

		assert_in_range(n, 1, SECTORS - i);
		for (uint32_t k = i; k < i + n; k++) {
			assert_int_equal(written, model[k] >= 0);
			if (!written)
				continue;
			assert_int_equal(overlay_data(&o, k)[0], model[k]);
			assert_int_equal(overlay_data(&o, k)[511], model[k]);
		}
		assert_true(i + n == SECTORS || (model[i + n] >= 0) != written);
		i += n;
	}
}

static void write_some(uint32_t at, uint32_t n)
{
	uint8_t byte = (uint8_t)(rand() % 255 + 1);

	n = n % (8 - at % 8) + 1;
	if (at + n > SECTORS)
		n = SECTORS - at;
	assert_true(write(at, n, byte));
	for (uint32_t i = at; i < at + n; i++)
		model[i] = byte;
}

/* What has no page, and no node of the tree, a discard leaves alone. */
static void zero_some(uint32_t at, uint32_t n, bool all)
{
	if (at + n > SECTORS)
		n = SECTORS - at;
	assert_true(overlay_zero(&o, at, n, all));
	for (uint32_t i = at; i < at + n; i++) {
		bool written;

		overlay_run(&o, i, 1, &written);
		assert_true(written || !all);
		if (written || model[i] >= 0)
			model[i] = 0;
	}
}

static void test_model(void **state)
{
	(void)state;
	srand(5);
	memset(model, -1, sizeof(model));
	compare();
	for (unsigned round = 0; round < 3000; round++) {
		uint32_t at = (uint32_t)rand() % SECTORS;

		if (rand() % 4)
			write_some(at, (uint32_t)rand());
		else
			zero_some(at, (uint32_t)rand() % 40, rand() % 2);
		if (round % 100 == 0)
			compare();
	}
	compare();
	zero_some(0, SECTORS, true);
	compare();
	/* the tree, and the partial page at the disk's end */
	assert_in_range(o.pages, 4, 5);
}

/* ---- without room ---- */

static void test_limit(void **state)
{
	(void)state;
	overlay_init(&o, SECTORS, 5); /* two levels: two nodes, three pages */
	assert_true(write(0, 8, 1));
	assert_true(write(8, 8, 2));
	assert_true(write(23, 1, 3));
	assert_int_equal(told, 0);
	assert_false(write(24, 1, 4));
	assert_false(write(SECTORS - 1, 1, 4));
	assert_int_equal(told, 1);
	assert_true(write(16, 7, 5)); /* where there is room already */
	assert_int_equal(overlay_data(&o, 23)[0], 3);
	assert_true(overlay_zero(&o, 24, 100, true)); /* needs no page */
	assert_false(overlay_zero(&o, SECTORS - 1, 1, true));
	assert_true(overlay_zero(&o, SECTORS - 1, 1, false));
	assert_true(overlay_zero(&o, 8, 8, false)); /* gives one back */
	assert_true(write(24, 1, 4));
	assert_int_equal(overlay_data(&o, 25)[0], 0);
	assert_false(write(32, 1, 4));
	assert_int_equal(told, 1);
	overlay_end(&o);
	/* what others need is left to them */
	setup(NULL);
	pages_left = OVERLAY_SPARE + 3;
	assert_true(write(0, 1, 1));
	assert_false(write(8, 1, 1));
	assert_int_equal(pages_left, OVERLAY_SPARE);
	assert_int_equal(told, 1);
}

static void test_no_memory(void **state)
{
	(void)state;
	for (unsigned at = 1; at <= 3; at++) {
		bool written;

		setup(NULL);
		pages_fail_at = at;
		assert_false(write(9, 1, 1));
		assert_int_equal(overlay_run(&o, 0, SECTORS, &written),
				 SECTORS);
		assert_false(written);
		assert_int_equal(told, 1);
		assert_true(write(9, 1, 1));
		overlay_end(&o);
		assert_int_equal(pages_in_use, 0);
	}
}

/* ---- sizes ---- */

static void sized(uint64_t sectors, unsigned levels)
{
	bool written;

	setup(NULL);
	overlay_init(&o, sectors, 100);
	assert_int_equal(pages_given, 0);
	assert_int_equal(o.levels, levels);
	assert_true(write(0, 1, 1));
	assert_true(write(sectors - 1, 1, 2));
	assert_int_equal(overlay_data(&o, 0)[0], 1);
	assert_int_equal(overlay_data(&o, sectors - 1)[0], 2);
	overlay_run(&o, sectors - 2, 1, &written);
	assert_false(written);
	assert_int_equal(overlay_run(&o, 1, 2000, &written), 2000);
	overlay_end(&o);
	assert_int_equal(pages_in_use, 0);
}

static void test_sizes(void **state)
{
	(void)state;
	sized(4096, 1);
	sized(4097, 2);
	sized(4096u * 512, 2);
	sized(4096u * 512 + 1, 3);
	sized(1ull << 31, 4); /* 1 TiB */
	sized(1ull << 55, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_model, setup, end),
		cmocka_unit_test_setup_teardown(test_limit, setup, end),
		cmocka_unit_test_setup_teardown(test_no_memory, setup, end),
		cmocka_unit_test_setup_teardown(test_sizes, setup, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
