/* SPDX-License-Identifier: BSD-2-Clause */
/* The kit's string functions against the build machine's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

/* The source once more, under names of its own. */
#define memcpy kit_memcpy
#define memmove kit_memmove
#define memset kit_memset
#define memcmp kit_memcmp
#define memchr kit_memchr
#define strlen kit_strlen
#define strnlen kit_strnlen
#define strcmp kit_strcmp
#define strncmp kit_strncmp
#define strcasecmp kit_strcasecmp
#define strncasecmp kit_strncasecmp
#define strchr kit_strchr
#define strrchr kit_strrchr
#define strstr kit_strstr
#define strcpy kit_strcpy
#define strncpy kit_strncpy
#define strcat kit_strcat
#define strncat kit_strncat
#define strspn kit_strspn
#define strcspn kit_strcspn
#define strpbrk kit_strpbrk
#define strtok_r kit_strtok_r
#define strtok kit_strtok
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#include "guestkit/libc/string.c"
#pragma GCC diagnostic pop
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strcasecmp
#undef strncasecmp
#undef strchr
#undef strrchr
#undef strstr
#undef strcpy
#undef strncpy
#undef strcat
#undef strncat
#undef strspn
#undef strcspn
#undef strpbrk
#undef strtok_r
#undef strtok

static int sign(int v) { return v < 0 ? -1 : v > 0; }

static void copies(void **state)
{
	unsigned char a[64], b[64];

	for (unsigned from = 0; from < 20; from++)
		for (unsigned to = 0; to < 20; to++)
			for (unsigned n = 0; n < 40; n++) {
				for (unsigned i = 0; i < 64; i++)
					a[i] = b[i] = (unsigned char)(i * 7);
				kit_memmove(a + to, a + from, n);
				memmove(b + to, b + from, n);
				assert_memory_equal(a, b, 64);
				kit_memset(a + to, (int)n + 300, n);
				memset(b + to, (int)n + 300, n);
				assert_memory_equal(a, b, 64);
			}
	for (unsigned n = 0; n < 33; n++) {
		memset(b, 1, 64);
		kit_memset(b, 1, 64);
		kit_memcpy(b, a, n);
		assert_int_equal(kit_memcmp(a, b, n), 0);
		assert_int_equal(b[n], 1);
	}
	assert_int_equal(kit_memcmp("\xff", "\x01", 1) > 0, 1);
	assert_ptr_equal(kit_memchr(a, a[9], 64), memchr(a, a[9], 64));
	assert_null(kit_memchr("abc", 'd', 3));
}

static const char *const words[] = { "",      "a",    "ab",
				     "abc",   "abd",  "ABC",
				     "b",     "\xe4", "hello world",
				     "world", "aaab", "aab" };
#define COUNT (sizeof(words) / sizeof(words[0]))

static void comparing(void **state)
{
	for (unsigned i = 0; i < COUNT; i++)
		for (unsigned k = 0; k < COUNT; k++) {
			const char *p = words[i], *q = words[k];

			assert_int_equal(sign(kit_strcmp(p, q)),
					 sign(strcmp(p, q)));
			assert_int_equal(sign(kit_strncmp(p, q, 2)),
					 sign(strncmp(p, q, 2)));
			assert_int_equal(sign(kit_strcasecmp(p, q)),
					 sign(strcasecmp(p, q)));
			assert_ptr_equal(kit_strstr(p, q), strstr(p, q));
			assert_int_equal(kit_strspn(p, q), strspn(p, q));
			assert_int_equal(kit_strcspn(p, q), strcspn(p, q));
			assert_ptr_equal(kit_strpbrk(p, q), strpbrk(p, q));
		}
	assert_int_equal(kit_strncasecmp("HELLO", "help", 3), 0);
}

static void searching(void **state)
{
	const char *s = "hello";

	assert_int_equal(kit_strlen(s), 5);
	assert_int_equal(kit_strnlen(s, 3), 3);
	assert_ptr_equal(kit_strchr(s, 'l'), s + 2);
	assert_ptr_equal(kit_strrchr(s, 'l'), s + 3);
	assert_ptr_equal(kit_strchr(s, 0), s + 5);
	assert_null(kit_strchr(s, 'x'));
	assert_null(kit_strrchr(s, 'x'));
}

static void building(void **state)
{
	char buf[16], line[] = " one two  three ", *save;

	kit_strcpy(buf, "ab");
	kit_strcat(buf, "cd");
	kit_strncat(buf, "efgh", 2);
	assert_string_equal(buf, "abcdef");
	memset(buf, 'x', sizeof(buf));
	kit_strncpy(buf, "ab", 4);
	assert_memory_equal(buf, "ab\0\0x", 5);
	kit_strncpy(buf, "abcdef", 3);
	assert_memory_equal(buf, "abc\0x", 5);
	assert_string_equal(kit_strtok_r(line, " ", &save), "one");
	assert_string_equal(kit_strtok(save, " "), "two");
	assert_string_equal(kit_strtok(NULL, " "), "three");
	assert_null(kit_strtok(NULL, " "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies),
		cmocka_unit_test(comparing),
		cmocka_unit_test(searching),
		cmocka_unit_test(building),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
