/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: to a sink that takes what it can, and to a reader after it. */
/* TEST-SRC: hv/lib/log.c hv/lib/fmt.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/log.h"

static char shown[65536], got[65536];
static size_t nr_shown, room;

static size_t sink(const char *s, size_t n, bool wait)
{
	n = wait || n < room ? n : room;
	memcpy(shown + nr_shown, s, n);
	nr_shown += n;
	room -= n < room ? n : room;
	return n;
}

static size_t read_all(void)
{
	size_t n, all = 0;

	while ((n = log_read(got + all, 100)))
		all += n;
	return all;
}

/* As one: the ring is one for all of them. */
static void test_hand_over(void **state)
{
	log("one %u\n", 1u); /* before there is a sink */
	log_sink = sink;
	room = 3;
	log("two\n");
	assert_int_equal(nr_shown, 3);
	room = 1000;
	log("three\n");
	assert_string_equal(shown, "one 1\ntwo\nthree\n");
	room = 0;
	log("four\n");
	log_hand_over(); /* waits for the rest */
	assert_string_equal(shown, "one 1\ntwo\nthree\nfour\n");
	log("five\n");
	assert_int_equal(read_all(), 16 + 5 + 1 + 5);
	assert_memory_equal(got, "one 1\ntwo\nthree\nfour\n\0five\n", 27);
	assert_int_equal(nr_shown, 21);
	assert_int_equal(read_all(), 0);
}

/* More than the ring keeps: the last of it, and the mark. */
static void test_long(void **state)
{
	size_t n;

	log_direct = true;
	room = sizeof(shown);
	for (unsigned i = 0; i < 3000; i++)
		log("line %04u\n", i);
	log_hand_over();
	n = read_all();
	assert_int_equal(n, 16384);
	assert_int_equal(got[n - 1], 0);
	assert_memory_equal(got + n - 11, "line 2999\n", 10);
	assert_null(memchr(got, 0, n - 1));
}

static void test_no_sink(void **state)
{
	log_sink = NULL;
	log_direct = true;
	log("unseen\n");
	log_hand_over();
	assert_int_equal(read_all(), 7);
	assert_memory_equal(got, "unseen\n", 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hand_over),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_no_sink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
