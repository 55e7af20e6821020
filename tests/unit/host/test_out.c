/* SPDX-License-Identifier: BSD-2-Clause */
/* Results as text and as JSON; and the scroll-back. */
/* TEST-SRC: drivers/host/out.c drivers/host/scroll.c drivers/host/json.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/json.h"
#include "host/out.h"
#include "host/scroll.h"

static char shown[8192];
static size_t nr_shown;

static void put(struct out *o, const char *text, size_t n)
{
	(void)o;
	assert_true(nr_shown + n < sizeof(shown));
	memcpy(shown + nr_shown, text, n);
	nr_shown += n;
	shown[nr_shown] = 0;
}

static struct out begin(bool json)
{
	nr_shown = 0;
	shown[0] = 0;
	return (struct out){ .put = put, .json = json };
}

static const struct out_column columns[] = {
	{ "name", 6 }, { "n", 3 }, { "at", 5 }, { "why", 0 }
};

static void table(struct out *o)
{
	out_table(o, columns, 4);
	out_row(o);
	out_cell(o, "a\"b");
	out_number(o, 7);
	out_hex(o, 0x1f);
	out_cell(o, "all is well");
	out_row(o);
	out_cell(o, "longname");
	out_number(o, UINT64_MAX);
	out_tenths(o, 1234);
	out_cell(o, NULL);
	out_end(o);
}

static void test_table(void **state)
{
	struct out o = begin(false);

	(void)state;
	table(&o);
	assert_string_equal(shown, "name   n   at    why\n"
				   "a\"b    7   0x1f  all is well\n"
				   "longname 18446744073709551615 123.4 -\n");
	o = begin(true);
	table(&o);
	assert_string_equal(
		shown,
		"[{\"name\":\"a\\\"b\",\"n\":7,\"at\":\"0x1f\","
		"\"why\":\"all is well\"},{\"name\":\"longname\","
		"\"n\":18446744073709551615,\"at\":123.4,\"why\":null}]");
	o = begin(true);
	out_table(&o, columns, 4);
	out_end(&o);
	assert_string_equal(shown, "[]");
}

static void test_text(void **state)
{
	struct out o = begin(false);

	(void)state;
	out_say(&o, "hello");
	out_end(&o);
	assert_string_equal(shown, "hello\n");
	o = begin(true);
	out_text(&o, "a\n\t\x1b", 4);
	out_text(&o, "\0\xe4\x7f\\", 4);
	out_end(&o);
	assert_string_equal(shown,
			    "\"a\\n\\t\\u001b\\u0000\\u00e4\\u007f\\\\\"");
	o = begin(true);
	out_text(&o, "", 0);
	out_end(&o);
	assert_string_equal(shown, "\"\"");
	o = begin(true);
	out_end(&o);
	assert_string_equal(shown, "null");
	o = begin(false);
	out_end(&o);
	assert_string_equal(shown, "");
}

/* Whatever is said, it is JSON. */
static void test_any_content(void **state)
{
	static struct json j;
	char text[200];

	(void)state;
	srand(1);
	for (unsigned round = 0; round < 20000; round++) {
		size_t n = (size_t)rand() % sizeof(text);
		struct out o = begin(true);

		for (size_t i = 0; i < n; i++)
			text[i] = (char)rand();
		out_text(&o, text, n / 2);
		out_text(&o, text + n / 2, n - n / 2);
		out_end(&o);
		assert_null(json_parse(&j, shown, nr_shown));
		assert_int_equal(j.node[0].kind, JSON_STRING);
	}
}

/* ---- scroll-back ---- */

static char ring[SCROLL_SIZE], got[SCROLL_SIZE + 1];

static const char *all(const struct scroll *s)
{
	struct scroll_text t = scroll_get(s);

	memcpy(got, t.part[0], t.n[0]);
	memcpy(got + t.n[0], t.part[1], t.n[1]);
	got[t.n[0] + t.n[1]] = 0;
	return got;
}

static void test_scroll(void **state)
{
	struct scroll s = { .buf = ring }, none = { 0 };
	size_t n;

	(void)state;
	assert_string_equal(all(&s), "");
	scroll_put(&s, "one\ntwo\n", 8);
	assert_string_equal(all(&s), "one\ntwo\n");
	while (s.head < SCROLL_SIZE / 2)
		scroll_put(&s, "0123456789012\n", 14);
	assert_int_equal(strlen(all(&s)), s.head);
	while (s.head < 3 * SCROLL_SIZE + 100)
		scroll_put(&s, "0123456789012\n", 14);
	n = strlen(all(&s));
	assert_in_range(n, SCROLL_SIZE - 14, SCROLL_SIZE);
	for (size_t i = 0; i < n; i += 14)
		assert_memory_equal(got + i, "0123456789012\n", 14);
	scroll_put(&none, "x", 1);
	assert_string_equal(all(&none), "");
}

static void test_scroll_without_lines(void **state)
{
	static char big[3 * SCROLL_SIZE];
	struct scroll s = { .buf = ring };

	(void)state;
	memset(big, 'x', sizeof(big));
	scroll_put(&s, big, 100);
	scroll_put(&s, big, sizeof(big));
	assert_int_equal(strlen(all(&s)), SCROLL_SIZE);
	scroll_put(&s, "a\nb\n", 4);
	assert_string_equal(all(&s), "b\n");
	for (unsigned i = 0; i < SCROLL_SIZE - 2; i++)
		scroll_put(&s, "y", 1);
	scroll_put(&s, "\n", 1);
	assert_int_equal(strspn(all(&s), "y"), SCROLL_SIZE - 2);
	assert_int_equal(strlen(got), SCROLL_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_any_content),
		cmocka_unit_test(test_scroll),
		cmocka_unit_test(test_scroll_without_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
