/* SPDX-License-Identifier: BSD-2-Clause */
/* A skew out of rounds of known delays, and the two ends on two threads. */
/* TEST-SRC: hv/boot/skew.c */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "boot/skew.h"

/* Rounds of delays there and back; the other clock is `off` ahead. */
static struct skew rounds(s64 off)
{
	static const u64 delays[][2] = { { 900, 20 },  { 40, 70 }, { 35, 31 },
					 { 20, 5000 }, { 60, 60 }, { 33, 34 } };
	struct skew s = { 0 };
	u64 t = 1ull << 40;

	for (u32 i = 0; i < array_size(delays); i++, t += 100000)
		skew_sample(&s, t, t + delays[i][0] + (u64)off,
			    t + delays[i][0] + delays[i][1]);
	return s;
}

static void the_shortest_round_counts(void **state)
{
	static const s64 offs[] = { 0,	   20,	      -20,	   1000,
				    -1000, 1ll << 35, -(1ll << 35) };

	for (u32 i = 0; i < array_size(offs); i++) {
		struct skew s = rounds(offs[i]);

		assert_int_equal(s.error, 33);
		assert_true(s.off - offs[i] <= 33 && offs[i] - s.off <= 33);
		assert_int_equal(skew_found(&s),
				 offs[i] > 500 || offs[i] < -500);
	}
}

static void no_skew_is_none(void **state)
{
	struct skew s = { .off = -7, .error = 7, .samples = 1 };

	assert_false(skew_found(&s));
	s.off = 8;
	assert_true(skew_found(&s));
	s.off = -8;
	assert_true(skew_found(&s));
}

static void *other(void *arg)
{
	skew_answer();
	return NULL;
}

/* One machine, so one clock: whatever the delays are, no skew is found. */
static void both_ends(void **state)
{
	pthread_t thread;
	struct skew s;

	for (u32 i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&thread, NULL, other, NULL), 0);
		s = skew_measure();
		skew_end();
		pthread_join(thread, NULL);
		assert_int_equal(s.samples, 200);
		assert_false(skew_found(&s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shortest_round_counts),
		cmocka_unit_test(no_skew_is_none),
		cmocka_unit_test(both_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
