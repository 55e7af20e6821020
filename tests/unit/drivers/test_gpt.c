/* SPDX-License-Identifier: BSD-2-Clause */
/* GUID partition tables: good ones, wrong checksums, wrong bounds, noise. */
/* TEST-SRC: drivers/gpt.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gpt.h"

#define DISK 1000u

static uint8_t head[512], entries[4 * 128];
static struct gpt_header h;
static struct gpt_part part[4];

static void put(uint8_t *at, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		at[i] = (uint8_t)(v >> 8 * i);
}

static void seal(void)
{
	put(head + 88, crc32_add(0, entries, sizeof(entries)), 4);
	put(head + 16, 0, 4);
	put(head + 16, crc32_add(0, head, 92), 4);
}

static void entry(unsigned i, uint64_t first, uint64_t last, const char *name)
{
	uint8_t *e = entries + 128 * i;

	e[0] = 1;
	put(e + 32, first, 8);
	put(e + 40, last, 8);
	for (unsigned n = 0; name[n]; n++)
		put(e + 56 + 2 * n, (uint8_t)name[n], 2);
}

static int setup(void **state)
{
	(void)state;
	memset(head, 0, sizeof(head));
	memset(entries, 0, sizeof(entries));
	memcpy(head, "EFI PART", 8);
	put(head + 12, 92, 4);
	put(head + 24, 1, 8);
	put(head + 40, 34, 8);
	put(head + 48, DISK - 34, 8);
	put(head + 72, 2, 8);
	put(head + 80, 4, 4);
	put(head + 84, 128, 4);
	entry(0, 34, 99, "esp");
	entry(2, 100, 199, "data");
	seal();
	return 0;
}

static const char *parse(void) { return gpt_header_parse(head, 1, DISK, &h); }

static void test_crc(void **state)
{
	(void)state;
	assert_int_equal(crc32_add(0, "123456789", 9), 0xcbf43926);
}

static void test_good(void **state)
{
	(void)state;
	assert_null(parse());
	assert_int_equal(gpt_entries_sectors(&h), 1);
	assert_int_equal(gpt_entries_parse(&h, entries, part, 4), 2);
	assert_string_equal(part[0].name, "esp");
	assert_string_equal(part[1].name, "data");
	assert_int_equal(part[1].first, 100);
	assert_int_equal(part[1].count, 100);
	assert_int_equal(gpt_entries_parse(&h, entries, part, 1), 1);
}

static void test_checksums(void **state)
{
	(void)state;
	head[50] ^= 1;
	assert_string_equal(parse(), "the GPT header's checksum is wrong");
	head[50] ^= 1;
	entries[100] ^= 1;
	assert_null(parse());
	assert_int_equal(gpt_entries_parse(&h, entries, part, 4), -1);
	head[0] = 'e';
	assert_string_equal(parse(), "no GPT signature");
	head[0] = 'E';
	put(head + 12, 513, 4);
	assert_string_equal(parse(), "the GPT header's checksum is wrong");
}

static void refused(unsigned at, uint64_t v, unsigned n, const char *why)
{
	setup(NULL);
	put(head + at, v, n);
	seal();
	assert_string_equal(parse(), why);
}

static void test_bounds(void **state)
{
	const char *size = "the GPT's entries have a size out of bounds";
	const char *outside = "the GPT lies outside of the disk";

	(void)state;
	refused(24, 2, 8, "the GPT header is not where it says");
	refused(80, 0, 4, size);
	refused(80, 0xffffffff, 4, size);
	refused(84, 0, 4, size);
	refused(84, 129, 4, size);
	refused(84, 0x80000000, 4, size);
	refused(72, 0, 8, outside);
	refused(72, UINT64_MAX, 8, outside);
	refused(72, DISK, 8, outside);
	refused(48, DISK, 8, outside);
	refused(40, DISK - 1, 8, outside);
}

static void test_entries_out_of_range(void **state)
{
	(void)state;
	entry(0, 33, 99, "low");
	entry(1, 300, DISK, "high");
	entry(2, 200, 199, "empty");
	entry(3, UINT64_MAX, UINT64_MAX, "far");
	seal();
	assert_null(parse());
	assert_int_equal(gpt_entries_parse(&h, entries, part, 4), 0);
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 36; i++)
		put(entries + 56 + 2 * i, 0x100 + i, 2); /* no end, no ASCII */
	seal();
	assert_null(parse());
	assert_int_equal(gpt_entries_parse(&h, entries, part, 4), 2);
	assert_int_equal(strlen(part[0].name), 36);
	assert_int_equal(strspn(part[0].name, "?"), 36);
}

static void test_noise(void **state)
{
	(void)state;
	srand(4);
	for (int round = 0; round < 20000; round++) {
		setup(NULL);
		for (int i = rand() % 4; i >= 0; i--)
			head[rand() % 96] = (uint8_t)rand();
		for (int i = rand() % 4; i >= 0; i--)
			entries[rand() % (int)sizeof(entries)] =
				(uint8_t)rand();
		if (rand() % 4)
			seal();
		if (parse() || gpt_entries_sectors(&h) != 1 ||
		    h.entry_count * h.entry_size > sizeof(entries))
			continue;
		for (int n = gpt_entries_parse(&h, entries, part, 4); n > 0;
		     n--)
			assert_true(part[n - 1].first + part[n - 1].count <=
				    DISK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc),
		cmocka_unit_test_setup(test_good, setup),
		cmocka_unit_test_setup(test_checksums, setup),
		cmocka_unit_test_setup(test_bounds, setup),
		cmocka_unit_test_setup(test_entries_out_of_range, setup),
		cmocka_unit_test_setup(test_names, setup),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
