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

	fmt_buf(b, sizeof(b), "%s %u %x", "ab", 4000000000u, 0xbeefu);
	assert_string_equal(b, "ab 4000000000 beef");
	fmt_buf(b, sizeof(b), "%lu %lx", ~0ul, 0x123456789abcdeful);
	assert_string_equal(b, "18446744073709551615 123456789abcdef");
	fmt_buf(b, sizeof(b), "%u %u%%", UINT32_MAX, 0u);
	assert_string_equal(b, "4294967295 0%");
}

static void test_width(void **state)
{
	char b[64];

	fmt_buf(b, sizeof(b), "[%5u|%05u]", 42u, 4242u);
	assert_string_equal(b, "[   42|04242]");
	fmt_buf(b, sizeof(b), "[%030u]", 7u); /* more than it has room for */
	assert_string_equal(b, "[      000000000000000000000007]");
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
		assert_int_equal(fmt_buf(b, n, "%s-%05u", "abc", 42u), 9);
		assert_int_equal(b[n], '!');
		if (n)
			assert_int_equal(strlen(b), n > 9 ? 9 : n - 1);
		free(b);
	}
}

/* The C library's printf is the model for what both have. */
static void test_like_libc(void **state)
{
	static const char *formats[] = { "%u",	 "%3u", "%8u",
					 "%08u", "%x",	"%06x" };
	static const u32 values[] = { 0, 1, ~0u, 9, 10, 255, 4096, INT32_MAX };
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
