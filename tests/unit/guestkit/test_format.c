/* SPDX-License-Identifier: BSD-2-Clause */
/* The kit's formatter against the build machine's snprintf. */
/* TEST-SRC: guestkit/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit.h"

/* Both give the same text and the same length, whatever the room. */
#define SAME(...)                                                         \
	do {                                                              \
		char a_[128], b_[128];                                    \
		for (size_t n_ = 0; n_ <= sizeof(a_); n_ += 7) {          \
			memset(a_, 'x', sizeof(a_));                      \
			memset(b_, 'x', sizeof(b_));                      \
			assert_int_equal(kit_format(a_, n_, __VA_ARGS__), \
					 snprintf(b_, n_, __VA_ARGS__));  \
			assert_memory_equal(a_, b_, sizeof(a_));          \
		}                                                         \
	} while (0)

#pragma GCC diagnostic ignored "-Wformat-truncation"
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-overflow"

static void integers(void **state)
{
	static const long long v[] = { 0,
				       1,
				       -1,
				       42,
				       -42,
				       2147483647,
				       -2147483648ll,
				       9223372036854775807ll,
				       -9223372036854775807ll - 1 };

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		SAME("%d|%u|%x|%X|%o", (int)v[i], (unsigned)v[i],
		     (unsigned)v[i], (unsigned)v[i], (unsigned)v[i]);
		SAME("%lld|%llu|%llx|%zu|%jd", v[i], v[i], v[i], (size_t)v[i],
		     (intmax_t)v[i]);
		SAME("%hhd|%hhu|%hd|%hx", (int)v[i], (int)v[i], (int)v[i],
		     (int)v[i]);
		SAME("%+d|% d|%08d|%-8d|%8d|", (int)v[i], (int)v[i], (int)v[i],
		     (int)v[i], (int)v[i]);
		SAME("%#x|%#o|%#10x|%-#10x|%#010x", (int)v[i], (int)v[i],
		     (int)v[i], (int)v[i], (int)v[i]);
		SAME("%.5d|%8.3d|%-8.3d|%08.3d|%.0d|", (int)v[i], (int)v[i],
		     (int)v[i], (int)v[i], (int)v[i]);
		SAME("%*d|%-*d|%.*d", 6, (int)v[i], 6, (int)v[i], 6, (int)v[i]);
		SAME("%*d|", -6, (int)v[i]);
	}
}

static void texts(void **state)
{
	SAME("plain");
	SAME("%s", "");
	SAME("%s|%10s|%-10s|%.2s|%10.2s", "abc", "abc", "abc", "abc", "abc");
	SAME("%.*s", 2, "abcdef");
	SAME("%c%c|%3c|%-3c|", 'a', 'b', 'c', 'd');
	SAME("100%%");
	SAME("%p", (void *)0x1234);
}

static void null_text(void **state)
{
	char buf[16];

	assert_int_equal(kit_format(buf, sizeof(buf), "%s", (char *)NULL), 6);
	assert_string_equal(buf, "(null)");
}

static void cut(void **state)
{
	char buf[4] = "zzz";

	assert_int_equal(kit_format(buf, 4, "%s", "abcdef"), 6);
	assert_string_equal(buf, "abc");
	assert_int_equal(kit_format(NULL, 0, "%d", 12345), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers),
		cmocka_unit_test(texts),
		cmocka_unit_test(null_text),
		cmocka_unit_test(cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
