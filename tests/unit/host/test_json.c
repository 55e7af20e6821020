/* SPDX-License-Identifier: BSD-2-Clause */
/* The JSON reader: what it accepts, refuses, and survives. */
/* TEST-SRC: drivers/host/json.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/json.h"

static struct json j;
static char buf[64];

static const char *parse(const char *text)
{
	return json_parse(&j, text, strlen(text));
}

static void test_request(void **state)
{
	int args;

	(void)state;
	assert_null(parse(" {\"id\": 17, \"cmd\":\"stop\", "
			  "\"args\":[\"a b\", \"5\"], \"x\":{\"cmd\":null}} "));
	assert_int_equal(j.node[0].kind, JSON_OBJECT);
	assert_int_equal(j.node[0].end, j.nr);
	assert_int_equal(j.node[json_member(&j, 0, "id")].kind, JSON_NUMBER);
	assert_true(json_string(&j, json_member(&j, 0, "cmd"), buf, 64));
	assert_string_equal(buf, "stop");
	args = json_member(&j, 0, "args");
	assert_int_equal(j.node[args].kind, JSON_ARRAY);
	assert_int_equal(j.node[args].end, args + 3);
	assert_true(json_string(&j, args + 1, buf, 64));
	assert_string_equal(buf, "a b");
	assert_int_equal(json_member(&j, 0, "missing"), -1);
	assert_int_equal(json_member(&j, args, "cmd"), -1);
	assert_null(parse("{\"x\":{\"cmd\":1},\"y\":[\"cmd\"],\"cmd\":2}"));
	assert_int_equal(json_member(&j, 0, "cmd"), (int)j.nr - 1);
	assert_int_equal(json_member(&j, 99, "cmd"), -1);
}

static void test_accepted(void **state)
{
	static const char *const good[] = {
		"0",	   "-1.5e+3",
		"null",	   "true",
		"false",   "\"\"",
		"[]",	   "{}",
		"[[],{}]", "[1 , 2]",
		"1E2",	   "\"\\u00e4\"",
		"\t7\r\n", "{\"a\":{\"b\":[]},\"a\":1}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_null(parse(good[i]));
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"",	     " ",	    "nul",    "tru e",	 "01",
		"-",	     "1.",	    ".5",     "1e",	 "+1",
		"[1,]",	     "[1 2]",	    "{,}",    "{1:2}",	 "{\"a\"}",
		"{\"a\" 1}", "{\"a\":1,}",  "[",      "{\"a\":", "]",
		"[}",	     "{]",	    "\"",     "\"\\",	 "\"\\x\"",
		"\"\\u12",   "\"\\u12g4\"", "\"\n\"", "1 1",	 "{} x",
		"'a'",	     "[1]]",	    "\"a\\",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(parse(bad[i]));
	assert_string_equal(json_parse(&j, "1\0", 2),
			    "something behind the value");
	assert_non_null(json_parse(&j, "\0", 1));
	assert_non_null(json_parse(&j, "\"\0\"", 3));
}

static void test_bounds(void **state)
{
	char text[4 * JSON_NODES] = "[";

	(void)state;
	assert_null(parse("[[[[[[[[]]]]]]]]"));
	assert_string_equal(parse("[[[[[[[[[]]]]]]]]]"), "nested too deeply");
	for (unsigned i = 0; i < JSON_NODES - 2; i++)
		strcat(text, "1,");
	strcat(text, "1]");
	assert_null(parse(text));
	strcpy(text + strlen(text) - 1, ",1]");
	assert_string_equal(parse(text), "too many values");
}

static bool is(const char *text, const char *want)
{
	assert_null(parse(text));
	return json_string(&j, 0, buf, sizeof(buf)) && !strcmp(buf, want);
}

static void test_strings(void **state)
{
	/* no characters, or halves of them */
	static const char *const bad[] = {
		"\"\\u0000\"",	      "\"\\ud83d\"",	   "\"\\ud83d\\u0041\"",
		"\"\\ud83d\\ue000\"", "\"\\ud83dxxxxxx\"", "\"\\ude00\\ude00\""
	};

	(void)state;
	assert_true(is("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"));
	assert_true(is("\"\\u0041\\u00e4\\u20AC\\ud83d\\ude00\"",
		       "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(parse(bad[i]));
		assert_false(json_string(&j, 0, buf, sizeof(buf)));
	}
	assert_null(parse("\"abc\""));
	assert_true(json_string(&j, 0, buf, 4));
	assert_false(json_string(&j, 0, buf, 3));
	assert_false(json_string(&j, 0, buf, 0));
	assert_null(parse("7"));
	assert_false(json_string(&j, 0, buf, sizeof(buf)));
}

/* Every node lies in the text, and within the one around it. */
static void look(size_t size)
{
	assert_in_range(j.nr, 1, JSON_NODES);
	assert_int_equal(j.node[0].end, j.nr);
	for (unsigned i = 0; i < j.nr; i++) {
		assert_true(j.node[i].start + j.node[i].len <= size);
		assert_in_range(j.node[i].end, i + 1, j.nr);
		json_string(&j, i, buf, i % sizeof(buf));
		json_member(&j, i, "cmd");
	}
}

static void test_any_content(void **state)
{
	static const char seed[] =
		"{\"id\":-1.5e3,\"cmd\":\"s\\ud83d\\ude00\\n\",\"args\":"
		"[\"a\",{\"b\":[true,null]},\"\\u00e4\"]}";
	static const char alphabet[] = "{}[]\",:\\u0da1e.-+ntf \n\0\xff";

	(void)state;
	srand(1);
	for (unsigned round = 0; round < 200000; round++) {
		size_t n = sizeof(seed) - 1;
		/* of its own, so that the sanitizer sees a byte too far */
		char *text = malloc(n);

		memcpy(text, seed, n);
		for (int i = rand() % 8; i; i--)
			text[(size_t)rand() % n] =
				alphabet[(size_t)rand() % sizeof(alphabet)];
		n -= (round & 1) ? (size_t)rand() % n : 0;
		text = realloc(text, n);
		if (!json_parse(&j, text, n))
			look(n);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_any_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
