/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of the control channel: each has one answer, which is JSON. */
/* TEST-SRC: drivers/host/request.c drivers/host/json.c drivers/host/out.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/commands.h"
#include "host/json.h"
#include "host/request.h"

static char answer[8192], ran[8192];

static void put(const char *text, size_t n)
{
	assert_true(strlen(answer) + n < sizeof(answer));
	strncat(answer, text, n);
}

const char *commands_fail(const char *what, const char *about)
{
	static char text[300];

	snprintf(text, sizeof(text), "%s: %s", what, about);
	return text;
}

const char *commands_run(struct out *o, unsigned argc, char **argv)
{
	ran[0] = 0;
	for (unsigned i = 0; i < argc; i++) {
		strcat(ran, i ? "|" : "");
		strcat(ran, argv[i]);
	}
	if (!strcmp(argv[0], "fail"))
		return "it \"fails\"";
	if (!strcmp(argv[0], "text"))
		out_say(o, "some text");
	out_end(o);
	return NULL;
}

static const char *request(const char *line)
{
	size_t n = strlen(line);
	char *copy = malloc(n); /* without a NUL behind it */

	memcpy(copy, line, n);
	answer[0] = ran[0] = 0;
	request_run(copy, n, put);
	free(copy);
	return answer;
}

static void test_commands(void **state)
{
	(void)state;
	assert_string_equal(request("{\"id\":17,\"cmd\":\"list\"}"),
			    "{\"id\":17,\"ok\":true,\"result\":null}\n");
	assert_string_equal(ran, "list");
	assert_string_equal(
		request("{\"cmd\":\"text\",\"args\":[\"a "
			"b\",\"\",5,\"\\u00e4\"],"
			"\"id\":\"x\\ny\"}"),
		"{\"id\":\"x\\ny\",\"ok\":true,\"result\":\"some text\\n\"}\n");
	assert_string_equal(ran, "text|a b||5|\xc3\xa4");
	assert_string_equal(request("{\"cmd\":\"fail\"}"),
			    "{\"id\":null,\"ok\":false,"
			    "\"error\":\"it \\\"fails\\\"\"}\n");
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"x",
		"{",
		"[]",
		"7",
		"{}",
		"{\"cmd\":7}",
		"{\"cmd\":[\"list\"]}",
		"{\"cmd\":\"a\\u0000b\"}",
		"{\"cmd\":\"list\",\"args\":{}}",
		"{\"cmd\":\"list\",\"args\":\"a\"}",
		"{\"cmd\":\"list\",\"args\":[null]}",
		"{\"cmd\":\"list\",\"args\":[[\"a\"]]}",
		"{\"cmd\":\"list\",\"args\":[1,2,3,4,5,6,7,8]}",
		"{\"cmd\":\"list\",\"id\":{}}",
		"{\"cmd\":\"list\",\"id\":true}",
		"{\"cmd\":\"list\",\"id\":"
		"12345678901234567890123456789012345678901}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_non_null(strstr(request(bad[i]), "\"ok\":false,"));
		assert_string_equal(ran, "");
	}
	assert_non_null(strstr(request("[]"), "a request is an object"));
	assert_string_equal(request("{\"id\":1,\"cmd\":"),
			    "{\"id\":null,\"ok\":false,\"error\":\"this is no "
			    "JSON: no JSON value\"}\n");
	answer[0] = 0;
	request_too_long(put);
	assert_string_equal(answer, "{\"id\":null,\"ok\":false,\"error\":\"the "
				    "line is too long\"}\n");
}

/* The longest line there is, all of it one argument. */
static void test_long(void **state)
{
	static const char start[] = "{\"cmd\":\"list\",\"args\":[\"";
	char line[REQUEST_MAX + 1];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, start, sizeof(start) - 1);
	memcpy(line + REQUEST_MAX - 3, "\"]}", 4);
	assert_non_null(strstr(request(line), "\"ok\":true"));
	assert_int_equal(strlen(ran), 5 + REQUEST_MAX - sizeof(start) + 1 - 3);
	memset(line, ' ', REQUEST_MAX);
	memcpy(line, "{\"cmd\":", 7);
	line[10] = '"';
	memset(line + 11, 'y', REQUEST_MAX - 11 - 2);
	memcpy(line + REQUEST_MAX - 2, "\"}", 3);
	assert_non_null(strstr(request(line), "\"ok\":true"));
}

static void test_any_content(void **state)
{
	static const char seed[] =
		"{\"id\":\"\\u00e4\",\"cmd\":\"text\",\"args\":"
		"[\"a\",12.5e1,\"\\ud83d\\ude00\"]}";
	static const char alphabet[] = "{}[]\",:\\u0da1e.-+ntf \n\x01\xff";
	static struct json j;
	char line[sizeof(seed)];

	(void)state;
	srand(1);
	for (unsigned round = 0; round < 50000; round++) {
		strcpy(line, seed);
		for (int i = rand() % 6; i; i--)
			line[(size_t)rand() % (sizeof(seed) - 1)] =
				alphabet[(size_t)rand() %
					 (sizeof(alphabet) - 1)];
		request(line);
		assert_null(json_parse(&j, answer, strlen(answer)));
		assert_true(json_member(&j, 0, "ok") > 0);
		assert_ptr_equal(strchr(answer, '\n'),
				 answer + strlen(answer) - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_any_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
