/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of commands: finding, counting arguments, help, completion. */
/* TEST-SRC: drivers/host/commands.c drivers/host/out.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "host/commands.h"

static char shown[8192];
static char ran[200]; /* the last command and its arguments */

static void put(struct out *o, const char *text, size_t n)
{
	(void)o;
	strncat(shown, text, n);
}

static const char *note(struct out *o, unsigned argc, char **argv)
{
	(void)o;
	ran[0] = 0;
	for (unsigned i = 0; i < argc; i++) {
		strcat(ran, i ? "|" : "");
		strcat(ran, argv[i]);
	}
	return argc > 1 && !strcmp(argv[1], "bad") ? "it is bad" : NULL;
}

#define FAKE(name)                                                        \
	const char *cmd_##name(struct out *o, unsigned argc, char **argv) \
	{                                                                 \
		return note(o, argc, argv);                               \
	}
FAKE(list)
FAKE(start)
FAKE(stop)
FAKE(shutdown)
FAKE(reboot)
FAKE(pause)
FAKE(resume)
FAKE(destroy)
FAKE(type)
FAKE(off)
FAKE(console)
FAKE(log)
FAKE(map)
FAKE(stats)
FAKE(devices)
FAKE(trace)

const char *commands_guest(unsigned i)
{
	static const char *const names[] = { "alpha", "beta", NULL };

	return names[i];
}

static const char *line(const char *text, bool json)
{
	struct out o = { .put = put, .json = json };
	char copy[200];

	strcpy(copy, text);
	shown[0] = ran[0] = 0;
	return commands_line(&o, copy);
}

static void test_run(void **state)
{
	(void)state;
	assert_null(line("list", true));
	assert_string_equal(ran, "list");
	assert_string_equal(shown, "null");
	assert_null(line("  stop \talpha  3 ", false));
	assert_string_equal(ran, "stop|alpha|3");
	assert_null(line("type alpha \"two words\"", false));
	assert_string_equal(ran, "type|alpha|two words");
	assert_null(line("type alpha \"\"", false));
	assert_string_equal(ran, "type|alpha|");
	assert_null(line("", false));
	assert_null(line("   ", false));
	assert_string_equal(ran, "");
}

static void test_refused(void **state)
{
	(void)state;
	assert_string_equal(line("lisst", true),
			    "there is no such command (try help): lisst");
	assert_string_equal(line("stop", true), "it is: stop NAME [SECONDS]");
	assert_string_equal(line("stop a 1 2", true),
			    "it is: stop NAME [SECONDS]");
	assert_string_equal(line("list x", true), "it is: list");
	assert_string_equal(line("list a b c d e f g h i j k", true),
			    "it is: list");
	assert_string_equal(line("type a \"b", true),
			    "the quotes do not match");
	assert_string_equal(ran, "");
	assert_string_equal(line("stop bad", true), "it is bad");
	assert_string_equal(shown, ""); /* nothing before the error */
}

static void test_help(void **state)
{
	(void)state;
	assert_null(line("help off", false));
	assert_non_null(strstr(shown, "\noff [STATUS] "));
	assert_null(strstr(shown, "list"));
	assert_null(line("help", true));
	assert_non_null(strstr(shown, "{\"command\":\"stop NAME [SECONDS]\","));
	assert_string_equal(line("help offf", false),
			    "there is no such command: offf");
}

static void test_numbers(void **state)
{
	uint64_t v;

	(void)state;
	assert_true(commands_number("18446744073709551615", &v));
	assert_true(v == UINT64_MAX);
	assert_true(commands_number("0xFfffFffffFfffFf0", &v));
	assert_true(v == UINT64_MAX - 15);
	assert_false(commands_number("18446744073709551616", &v));
	assert_false(commands_number("0x10000000000000000", &v));
	assert_false(commands_number("", &v));
	assert_false(commands_number("0x", &v));
	assert_false(commands_number("12a", &v));
	assert_false(commands_number("-1", &v));
	assert_false(commands_number("0xfg", &v));
}

/* All candidates, with blanks between. */
static const char *candidates(const char *first, unsigned word)
{
	static char all[500];
	const char *c;

	all[0] = 0;
	for (unsigned i = 0; (c = commands_candidate(first, word, i)); i++) {
		strcat(all, i ? " " : "");
		strcat(all, c);
	}
	return all;
}

static void test_completion(void **state)
{
	(void)state;
	assert_non_null(strstr(candidates("", 0), "list start stop shutdown"));
	assert_string_equal(candidates("stop", 1), "alpha beta");
	assert_string_equal(candidates("stop", 2), "");
	assert_string_equal(candidates("stop", 3), "");
	assert_string_equal(candidates("trace", 2), "on off");
	assert_string_equal(candidates("trace", 3), "calls exits switches");
	assert_string_equal(candidates("map", 1), "alpha beta host");
	assert_string_equal(candidates("map", 2), "");
	assert_string_equal(candidates("none", 1), "");
	assert_non_null(strstr(candidates("help", 1), "list start stop"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_completion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
