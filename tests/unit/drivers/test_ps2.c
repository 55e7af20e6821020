/* SPDX-License-Identifier: BSD-2-Clause */
/* The keyboard driver on a fake i8042: keys, garbage, errors, and controllers
 * that are absent, deaf or never quiet. */
/* TEST-SRC: drivers/ps2.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/fake_env.h"
#include "ps2.h"

static uint8_t queue[256], status_bits, mode, command;
static unsigned head, tail;
static bool absent, deaf, noisy, silent;
static struct ps2 p;

static void scan(const char *bytes, unsigned n)
{
	while (n--)
		queue[head++ % sizeof(queue)] = (uint8_t)*bytes++;
}

#define SCAN(bytes) scan(bytes, sizeof(bytes) - 1)

static uint32_t in(uint16_t port, unsigned size)
{
	assert_int_equal(size, 1);
	if (absent)
		return 0xff;
	if (port == PS2_STATUS)
		return status_bits | (deaf ? PS2_STATUS_IN : 0u) |
		       (noisy || head != tail ? PS2_STATUS_OUT : 0u);
	assert_int_equal(port, PS2_DATA);
	return noisy ? 0x1eu : queue[tail++ % sizeof(queue)];
}

static void out(uint16_t port, unsigned size, uint32_t v)
{
	assert_int_equal(size, 1);
	assert_false(deaf);
	if (port == PS2_COMMAND) {
		command = (uint8_t)v;
		/* the others could stop the machine */
		assert_true(v == 0x20 || v == 0x60 || v == 0xa7 || v == 0xad ||
			    v == 0xae);
		if (v == 0x20 && !silent)
			scan((const char *)&mode, 1);
	} else if (command == 0x60) {
		mode = (uint8_t)v;
		command = 0;
	} else {
		assert_int_equal(v, 0xf4);
		if (!silent)
			SCAN("\xfa");
	}
}

static int setup(void **state)
{
	(void)state;
	fake_env_reset();
	fake_in = in;
	fake_out = out;
	head = tail = 0;
	absent = deaf = noisy = silent = false;
	status_bits = command = 0;
	mode = 0x36;	  /* no interrupt, the keyboard off, the mouse's on */
	SCAN("\x1e\x9e"); /* typed before */
	assert_true(ps2_init(&p, &fake_env));
	return 0;
}

static void types(const char *want)
{
	char got[128];
	size_t n = ps2_get(&p, got, sizeof(got));

	assert_int_equal(n, strlen(want));
	assert_memory_equal(got, want, n);
	assert_int_equal(head, tail);
}

static void is_switched_on(void **state)
{
	(void)state;
	assert_int_equal(mode, 0x65);
	assert_int_equal(command, 0xae);
	types("");
}

static void letters(void **state)
{
	(void)state;
	SCAN("\x23\xa3\x12\x92\x26\xa6\x26\xa6\x18\x98\x1c\x9c");
	types("hello\r");
	SCAN("\x2a\x1e\x9e\x02\x82\xaa\x1e\x9e"); /* with shift */
	types("A!a");
	SCAN("\x36\x35\xb5\xb6\x35\x2b\x39\x01\x0e\x0f");
	types("?/\\ \x1b\x7f\t");
	SCAN("\x3a\xba\x1e\x02\x2a\x1e\xaa\x3a\xba\x1e"); /* caps lock */
	types("A1aa");
	SCAN("\x1d\x2e\x1b\x03\x9d\x2e"); /* Ctrl-C, Ctrl-], Ctrl-2 */
	types("\x03\x1d"
	      "2c");
}

static void keys_with_sequences(void **state)
{
	(void)state;
	SCAN("\xe0\x48\xe0\xc8\xe0\x4b\xe0\x4d\xe0\x50");
	types("\x1b[A\x1b[D\x1b[C\x1b[B");
	SCAN("\xe0\x47\xe0\x4f\xe0\x53\xe0\x1c\xe0\x35\xe0\x5b");
	types("\x1b[H\x1b[F\x1b[3~\r/");
	SCAN("\xe0\x2a\xe0\x48\x1e\xe0\xc8\xe0\xaa"); /* a false shift */
	types("\x1b[Aa");
	SCAN("\xe0\x1d\x2e\xe0\x9d"); /* the right Ctrl */
	types("\x03");
	SCAN("\xe1\x1d\x45\xe1\x9d\xc5\x1e"); /* Pause */
	types("a");
	SCAN("\x48\x3b\x57"); /* the numeric block, F1, F11 */
	types("");
}

static void bytes_in_error_are_dropped(void **state)
{
	(void)state;
	for (unsigned bit = PS2_STATUS_AUX; bit <= PS2_STATUS_PARITY;
	     bit *= 2) {
		status_bits = (uint8_t)bit;
		SCAN("\x1e\x30");
		types("");
	}
	status_bits = 0;
	SCAN("\x1e");
	types("a");
}

static void garbage_types_something(void **state)
{
	char got[8];
	uint32_t x = 1;

	(void)state;
	for (unsigned i = 0; i < 50000; i++) {
		char b;

		x = x * 1103515245 + 12345;
		b = (char)(x >> 16);
		scan(&b, 1);
		assert_true(ps2_get(&p, got, sizeof(got)) <= 4);
	}
}

static void no_more_than_there_is_room_for(void **state)
{
	char got[8];

	(void)state;
	SCAN("\x1e\x1e\x1e\x1e\x1e\x1e\x1e\x1e\xe0\x48");
	assert_int_equal(ps2_get(&p, got, sizeof(got)), 5);
	assert_int_equal(ps2_get(&p, got, 3), 0);
	assert_int_equal(ps2_get(&p, got, sizeof(got)), 6);
	assert_memory_equal(got, "aaa\x1b[A", 6);
	types("");
}

static void one_that_never_stops_is_left(void **state)
{
	char got[1024];

	(void)state;
	noisy = true;
	assert_int_equal(ps2_get(&p, got, sizeof(got)), 64);
	assert_false(ps2_init(&p, &fake_env));
	assert_int_equal(ps2_get(&p, got, sizeof(got)), 0);
}

static void absent_or_deaf(void **state)
{
	char got[8];

	(void)state;
	absent = true;
	assert_false(ps2_init(&p, &fake_env));
	absent = false;
	deaf = true;
	assert_false(ps2_init(&p, &fake_env));
	assert_int_equal(ps2_get(&p, got, sizeof(got)), 0);
	deaf = false;
	silent = true; /* its mode cannot be read */
	assert_false(ps2_init(&p, &fake_env));
	assert_true(fake_now < 10 * 50 * ENV_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(is_switched_on, setup),
		cmocka_unit_test_setup(letters, setup),
		cmocka_unit_test_setup(keys_with_sequences, setup),
		cmocka_unit_test_setup(bytes_in_error_are_dropped, setup),
		cmocka_unit_test_setup(garbage_types_something, setup),
		cmocka_unit_test_setup(no_more_than_there_is_room_for, setup),
		cmocka_unit_test_setup(one_that_never_stops_is_left, setup),
		cmocka_unit_test_setup(absent_or_deaf, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
