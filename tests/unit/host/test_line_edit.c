/* SPDX-License-Identifier: BSD-2-Clause */
/* The line editor, on a terminal of one line that shows what it wrote. */
/* TEST-SRC: drivers/host/line_edit.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/line_edit.h"

#define UP "\x1b[A"
#define DOWN "\x1b[B"
#define LEFT "\x1b[D"
#define RIGHT "\x1b[C"

/* The terminal: its last line, the one before, and where the cursor is. */
static char screen[512], before[512];
static unsigned cursor;
static struct line_edit e;

static void terminal(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c == '\r')
			cursor = 0;
		else if (c == '\b')
			cursor -= cursor > 0;
		else if (c == '\n') {
			strcpy(before, screen);
			memset(screen, 0, sizeof(screen));
			cursor = 0;
		} else {
			assert_true(cursor < sizeof(screen) - 1);
			screen[cursor++] = c;
		}
	}
}

static const char *candidate(const char *first, unsigned word, unsigned i)
{
	static const char *const commands[] = { "list", "start", "stop", NULL };
	static const char *const guests[] = { "alpha", "alpine", "beta", NULL };

	if (word && strcmp(first, "start"))
		return NULL;
	return word == 0 ? commands[i] : word == 1 ? guests[i] : NULL;
}

static int setup(void **state)
{
	(void)state;
	memset(&e, 0, sizeof(e));
	memset(screen, 0, sizeof(screen));
	cursor = 0;
	e.prompt = "> ";
	e.out = terminal;
	e.candidate = candidate;
	edit_begin(&e);
	return 0;
}

/* What is on the screen is the line, and the cursor where it should be. */
static void agree(void)
{
	char want[EDIT_MAX + 2] = "> ";

	strcat(want, e.line);
	assert_int_equal(strlen(e.line), e.len);
	assert_memory_equal(screen, want, strlen(want));
	assert_int_equal(strspn(screen + strlen(want), " "),
			 strlen(screen + strlen(want)));
	assert_int_equal(cursor, 2 + e.at);
}

static void keys(const char *text)
{
	for (; *text; text++) {
		assert_false(edit_key(&e, *text));
		agree();
	}
}

/* Types, and says what the line is then. */
#define LINE(text, want)                           \
	do {                                       \
		keys(text);                        \
		assert_string_equal(e.line, want); \
	} while (0)

static void enter(const char *text)
{
	keys(text);
	assert_true(edit_key(&e, '\r'));
	assert_string_equal(screen, "");
	edit_begin(&e);
}

static void test_editing(void **state)
{
	(void)state;
	LINE("stap x", "stap x");
	LINE(LEFT LEFT LEFT "\b"
			    "o",
	     "stop x");
	LINE("\x01"
	     "z",
	     "zstop x");
	LINE("\x1b[H\x1b[3~", "stop x");
	LINE("\x05\x02\x02\x04", "stopx");
	LINE("\x1b[Fyz \x17", "");
	LINE("one two  three", "one two  three");
	LINE("\x17", "one two  ");
	LINE("\x17", "one ");
	LINE("\x7f", "one");
	LINE(LEFT "\x15", "e");
	LINE("ab" LEFT "\x0b", "a");
	LINE(RIGHT RIGHT LEFT LEFT LEFT "\b" RIGHT RIGHT, "a");
	LINE("\x03", "");
}

static void test_unknown_keys(void **state)
{
	(void)state;
	LINE("ab\x1b[5~\x1b[1;5C\x1bx\x1bOP\x1b[99999~\x07\x1b\x1b[Dc", "acb");
	LINE("\x1b[\r", "acb"); /* a sequence that broke off */
	LINE("d", "acdb");
}

static void test_full(void **state)
{
	char text[EDIT_MAX + 10];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	keys(text);
	assert_int_equal(e.len, EDIT_MAX - 1);
	LINE("\x01y\x0b", "");
}

static void test_history(void **state)
{
	char text[8];

	(void)state;
	enter("one");
	enter("two");
	enter("two");
	enter("");
	LINE("dra" UP, "two");
	LINE(UP, "one");
	LINE(UP, "one");
	LINE(DOWN, "two");
	LINE(DOWN, "dra");
	LINE(DOWN, "dra");
	LINE("\x10\x10", "one");
	enter("x");
	LINE(UP, "onex");
	for (unsigned i = 0; i < EDIT_HISTORY + 3; i++) {
		snprintf(text, sizeof(text), "\x03%u", i);
		enter(text);
	}
	for (unsigned i = 0; i < EDIT_HISTORY + 3; i++)
		keys(UP);
	assert_string_equal(e.line, "3");
}

static void test_completion(void **state)
{
	(void)state;
	LINE("l\t", "list ");
	LINE("\x03s\t", "st");
	LINE("\t", "st");
	assert_string_equal(before, "start  stop  ");
	LINE("a\t", "start ");
	LINE("a\t", "start alp");
	LINE("i\t", "start alpine ");
	LINE("\t", "start alpine ");
	LINE("\x03stop a\t", "stop a");
	LINE("\x03  sto\t", "  stop ");
	LINE("\x03start x" LEFT "b\t", "start beta x");
	e.candidate = NULL;
	LINE("\x03l\t", "l");
}

static void test_hide_and_show(void **state)
{
	(void)state;
	keys("some" LEFT);
	edit_hide(&e);
	edit_hide(&e);
	assert_int_equal(cursor, 0);
	assert_int_equal(strspn(screen, " "), strlen(screen));
	terminal("a guest's line\n", 15);
	edit_show(&e);
	edit_show(&e);
	agree();
	edit_hide(&e);
	LINE("X", "somXe"); /* a key shows it */
	edit_key(&e, 12);
	assert_true(e.shown);
}

static void test_any_content(void **state)
{
	static const char alphabet[] = "\x1b[ADCHF3~\t\b\x01\x05\x15\x17\x0b"
				       "sta x\x7f\x10\x0e\r\xff";

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 300000; i++) {
		char c = alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];

		if (edit_key(&e, c))
			edit_begin(&e);
		agree();
		assert_in_range(e.at, 0, e.len);
	}
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_editing),     T(test_unknown_keys),
		T(test_full),	     T(test_history),
		T(test_completion),  T(test_hide_and_show),
		T(test_any_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
