/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's formatter. */
/* TEST-SRC: hv/lib/fmt.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/log.h"

static void test_conversions(void **state)
{
	char b[64];

	fmt_buf(b, sizeof(b), "%s %d %u %x", "ab", -7, 4000000000u, 0xbeefu);
	assert_string_equal(b, "ab -7 4000000000 beef");
	fmt_buf(b, sizeof(b), "%lu %lx %ld", ~0ul, 0x123456789abcdeful,
		INT64_MIN);
	assert_string_equal(
		b, "18446744073709551615 123456789abcdef -9223372036854775808");
	fmt_buf(b, sizeof(b), "%d %d%%", INT32_MIN, 0);
	assert_string_equal(b, "-2147483648 0%");
}

static void test_width(void **state)
{
	char b[64];

	fmt_buf(b, sizeof(b), "[%5d|%05d]", 42, -42);
	assert_string_equal(b, "[   42|-0042]");
	fmt_buf(b, sizeof(b), "[%016lx|%4s|%4s]", 0xabcul, "x", "long one");
	assert_string_equal(b, "[0000000000000abc|   x|long one]");
}

static void test_odd_formats(void **state)
{
	const char *lone = "end %", *unknown = "%q", *none = "";
	const char *volatile null = NULL;
	char b[32];

	assert_int_equal(fmt_buf(b, sizeof(b), lone, 0), 4);
	assert_string_equal(b, "end ");
	fmt_buf(b, sizeof(b), unknown, 0);
	assert_string_equal(b, "q");
	fmt_buf(b, sizeof(b), "%s", null);
	assert_string_equal(b, "(null)");
	assert_int_equal(fmt_buf(b, sizeof(b), none, 0), 0);
	assert_string_equal(b, "");
}

/* Writes no byte beyond the buffer and says what it would have needed. */
static void test_truncation(void **state)
{
	for (size_t n = 0; n < 12; n++) {
		char *b = malloc(n + 1);

		b[n] = '!';
		assert_int_equal(fmt_buf(b, n, "%s-%05d", "abc", 42), 9);
		assert_int_equal(b[n], '!');
		if (n)
			assert_int_equal(strlen(b), n > 9 ? 9 : n - 1);
		free(b);
	}
}

/* The C library's printf is the model for what both have. */
static void test_like_libc(void **state)
{
	static const char *formats[] = { "%d",	"%8d", "%08d", "%u",
					 "%3u", "%x",  "%06x" };
	static const int values[] = { 0,   1,	-1,   9,	 10,
				      -10, 255, 4096, INT32_MAX, INT32_MIN };
	char a[64], b[64];

	for (size_t i = 0; i < array_size(formats); i++)
		for (size_t j = 0; j < array_size(values); j++) {
			int n = snprintf(a, sizeof(a), formats[i], values[j]);
			int m = fmt_buf(b, sizeof(b), formats[i], values[j]);

			assert_int_equal(n, m);
			assert_string_equal(a, b);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversions),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_odd_formats),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_like_libc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
