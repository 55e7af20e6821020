/* SPDX-License-Identifier: BSD-2-Clause */
/* Emulated devices at ports: the clock, the timer, and which port is whose. */
/* TEST-SRC: drivers/host/ports.c drivers/host/rtc.c drivers/host/pit.c drivers/host/uart16550.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/ports.h"

#define SECOND 1000000000ull
#define AT 1709251199ull /* 2024-02-29 23:59:59, a Thursday */

static struct rtc rtc;

static int setup(void **state)
{
	(void)state;
	rtc_init(&rtc, 64ull << 20, AT * SECOND);
	return 0;
}

static uint8_t get(unsigned i, uint64_t ns)
{
	rtc_write(&rtc, 0, (uint8_t)i, ns);
	return rtc_read(&rtc, 1, ns);
}

static void set(unsigned i, uint8_t v, uint64_t ns)
{
	rtc_write(&rtc, 0, (uint8_t)i, ns);
	rtc_write(&rtc, 1, v, ns);
}

static void clock_is(uint64_t ns, const uint8_t want[8])
{
	static const uint8_t reg[8] = { 0, 2, 4, 6, 7, 8, 9, 0x32 };

	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(get(reg[i], ns), want[i]);
}

static void clock_shows_time(void **state)
{
	(void)state;
	clock_is(AT * SECOND, (const uint8_t[]){ 0x59, 0x59, 0x23, 5, 0x29,
						 0x02, 0x24, 0x20 });
	clock_is((AT + 1) * SECOND,
		 (const uint8_t[]){ 0, 0, 0, 6, 1, 3, 0x24, 0x20 });
	set(11, 0x06, AT * SECOND); /* binary */
	clock_is(AT * SECOND,
		 (const uint8_t[]){ 59, 59, 23, 5, 29, 2, 24, 20 });
	set(11, 0x00, AT * SECOND); /* 12 hours, BCD */
	assert_int_equal(get(4, AT * SECOND), 0x91);
	assert_int_equal(get(4, (AT + 1) * SECOND), 0x12);
	assert_int_equal(get(4, (AT + 1 + 12 * 3600) * SECOND), 0x92);
}

static void clock_is_set(void **state)
{
	static const uint8_t reg[7] = { 0, 2, 4, 7, 8, 9, 0x32 };
	static const uint8_t to[7] = {
		0x58, 0x59, 0x23, 0x31, 0x12, 0x99, 0x19
	};
	uint64_t ns = AT * SECOND;

	(void)state;
	set(11, 0x82, ns);
	for (unsigned i = 0; i < 7; i++)
		set(reg[i], to[i], ns);
	clock_is(ns + 5 * SECOND, (const uint8_t[]){ 0x58, 0x59, 0x23, 5, 0x31,
						     0x12, 0x99, 0x19 });
	set(11, 0x02, ns);
	clock_is(ns + 2 * SECOND,
		 (const uint8_t[]){ 0, 0, 0, 7, 1, 1, 0, 0x20 });
	set(2, 0x30, ns + 2 * SECOND); /* without stopping it */
	assert_int_equal(get(2, ns + 3 * SECOND), 0x30);
	assert_int_equal(get(0, ns + 3 * SECOND), 1);
}

/* Any bytes may stand there when it goes on. */
static void clock_takes_garbage(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		set(11, 0x80 | (v & 7), AT * SECOND);
		for (unsigned i = 0; i < 10; i++)
			set(i, (uint8_t)(v * 37 + i), AT * SECOND);
		set(0x32, (uint8_t)~v, AT * SECOND);
		set(11, v & 7, AT * SECOND);
		for (unsigned i = 0; i < 128; i++)
			get(i, (AT + v) * SECOND);
	}
}

static void clock_updates(void **state)
{
	uint64_t ns = AT * SECOND;

	(void)state;
	assert_int_equal(get(10, ns), 0x26);
	assert_int_equal(get(10, ns + SECOND - 1000000), 0xa6);
	set(10, 0xff, ns);
	assert_int_equal(get(10, ns), 0x7f);
	set(10, 0x26, ns); /* 1024 Hz */
	set(1, 0x30, ns);  /* the alarm's seconds */
	get(12, ns);
	assert_int_equal(get(12, ns), 0);
	assert_int_equal(get(12, ns + 1000000), 0x40);
	assert_int_equal(get(12, ns + 1000000), 0);
	assert_int_equal(get(12, ns + SECOND), 0x50);
	set(11, 0x82, ns);
	assert_int_equal(get(10, ns + SECOND - 1000000), 0x26);
}

static void clock_has_memory(void **state)
{
	uint64_t ns = AT * SECOND;

	(void)state;
	assert_int_equal(get(0x15, ns) | get(0x16, ns) << 8, 640);
	assert_int_equal(get(0x17, ns) | get(0x18, ns) << 8, 63 * 1024);
	assert_int_equal(get(0x34, ns) | get(0x35, ns) << 8, 48 * 16);
	assert_int_equal(get(13, ns), 0x80);
	set(13, 0, ns);
	set(12, 0xff, ns);
	assert_int_equal(get(13, ns), 0x80);
	set(0xff, 0x77, ns); /* bit 7 is the NMI mask */
	assert_int_equal(get(0x7f, ns), 0x77);
	assert_int_equal(rtc_read(&rtc, 0, ns), 0xff);
	rtc_init(&rtc, 1ull << 40, ns);
	assert_int_equal(get(0x30, ns) | get(0x31, ns) << 8, 0xffff);
}

/* ---- the timer ---- */

static struct pit pit;

/* The time of so many of its ticks. */
static uint64_t at(uint64_t n) { return (n * SECOND + 1193181) / 1193182; }

static void begin(unsigned n, uint8_t control, unsigned count, uint64_t ns)
{
	pit_write(&pit, 3, control, ns);
	pit_write(&pit, n, (uint8_t)count, ns);
	pit_write(&pit, n, (uint8_t)(count >> 8), ns);
}

static unsigned latched(unsigned n, uint64_t ns)
{
	unsigned lo;

	pit_write(&pit, 3, (uint8_t)(n << 6), ns);
	lo = pit_read(&pit, n, ns + SECOND);
	return lo | (unsigned)pit_read(&pit, n, ns + 2 * SECOND) << 8;
}

static unsigned status(unsigned n, uint64_t ns)
{
	pit_write(&pit, 3, (uint8_t)(0xe0 | 2u << n), ns);
	return pit_read(&pit, n, ns);
}

static bool out2(uint64_t ns) { return pit_gate_read(&pit, ns) & 0x20; }

static void timer_rates(void **state)
{
	(void)state;
	pit_init(&pit);
	begin(0, 0x34, 1000, at(0)); /* mode 2 */
	assert_int_equal(latched(0, at(0)), 1000);
	assert_int_equal(latched(0, at(1)), 999);
	assert_int_equal(latched(0, at(999)), 1);
	assert_int_equal(status(0, at(998)), 0xb4);
	assert_int_equal(status(0, at(999)), 0x34);
	assert_int_equal(latched(0, at(5000000)), 1000);
	begin(0, 0x36, 1000, at(0)); /* mode 3 counts by two */
	assert_int_equal(latched(0, at(1)), 998);
	assert_int_equal(latched(0, at(500)), 1000);
	assert_int_equal(status(0, at(499)), 0xb6);
	assert_int_equal(status(0, at(500)), 0x36);
	begin(0, 0x34, 0, at(0)); /* 65536 */
	assert_int_equal(latched(0, at(0)), 0);
	assert_int_equal(latched(0, at(1)), 65535);
	begin(0, 0x35, 0x0100, at(0)); /* BCD */
	assert_int_equal(latched(0, at(1)), 0x0099);
	assert_int_equal(latched(0, at(100)), 0x0100);
}

static void timer_bytes(void **state)
{
	(void)state;
	pit_init(&pit);
	assert_int_equal(status(0, 0) & 0x40, 0x40);
	pit_write(&pit, 3, 0x14, 0); /* the low byte alone */
	pit_write(&pit, 0, 200, 0);
	assert_int_equal(pit_read(&pit, 0, at(10)), 190);
	assert_int_equal(pit_read(&pit, 0, at(11)), 189);
	pit_write(&pit, 3, 0x24, 0); /* the high one */
	pit_write(&pit, 0, 2, 0);
	assert_int_equal(pit_read(&pit, 0, at(1)), 1);
	begin(1, 0x74, 0x1234, 0);
	assert_int_equal(pit_read(&pit, 1, at(0)), 0x34);
	assert_int_equal(pit_read(&pit, 1, at(0)), 0x12);
	pit_write(&pit, 3, 0x40, at(4)); /* a second latch does nothing */
	pit_write(&pit, 3, 0x40, at(9));
	assert_int_equal(pit_read(&pit, 1, at(9)), 0x30);
	assert_int_equal(pit_read(&pit, 1, at(9)), 0x12);
	pit_write(&pit, 3, 0xc4, at(4)); /* status, then count */
	assert_int_equal(pit_read(&pit, 1, at(9)), 0xb4);
	assert_int_equal(pit_read(&pit, 1, at(9)), 0x30);
	assert_int_equal(pit_read(&pit, 1, at(9)), 0x12);
	assert_int_equal(pit_read(&pit, 3, 0), 0xff);
}

static void timer_gate(void **state)
{
	(void)state;
	pit_init(&pit);
	begin(2, 0xb0, 100, at(0)); /* mode 0; the gate is closed */
	assert_int_equal(latched(2, at(50)), 100);
	pit_gate_write(&pit, 0xf1, at(50));
	assert_int_equal(pit_gate_read(&pit, at(50)) & 0xef, 0x01);
	assert_int_equal(latched(2, at(80)), 70);
	pit_gate_write(&pit, 0, at(80));
	assert_int_equal(latched(2, at(500)), 70);
	pit_gate_write(&pit, 1, at(500));
	assert_false(out2(at(569)));
	assert_true(out2(at(570)));
	assert_int_equal(latched(2, at(571)), 0xffff);
	begin(2, 0xb2, 100, at(0)); /* mode 1 begins with the gate's edge */
	pit_gate_write(&pit, 0, at(10));
	pit_gate_write(&pit, 1, at(20));
	assert_int_equal(latched(2, at(30)), 90);
	assert_false(out2(at(119)));
	assert_true(out2(at(120)));
}

static void timer_takes_garbage(void **state)
{
	uint32_t x = 1;

	(void)state;
	pit_init(&pit);
	for (unsigned i = 0; i < 20000; i++) {
		x = x * 1103515245 + 12345;
		if (x >> 31)
			pit_write(&pit, x >> 29 & 3, (uint8_t)(x >> 16),
				  (uint64_t)i << (x >> 11 & 31));
		else
			pit_read(&pit, x >> 29 & 3, i);
		if (!(x & 0x70000))
			pit_gate_write(&pit, (uint8_t)(x >> 8), i);
		pit_gate_read(&pit, i);
	}
}

/* ---- ports ---- */

static void ports_are_told_apart(void **state)
{
	static struct ports p;
	struct ports_time now = { 0, AT * SECOND };
	char text[8];

	(void)state;
	ports_init(&p, 16 << 20, now);
	assert_int_equal(ports_write(&p, 0x3f8, 1, 'A', now, text), 1);
	assert_int_equal(text[0], 'A');
	assert_int_equal(ports_write(&p, 0x70, 2, 0x5540, now, text), 0);
	assert_int_equal(ports_read(&p, 0x70, 2, now), 0x55ff);
	ports_write(&p, 0x43, 1, 0x34, now, text);
	ports_write(&p, 0x40, 1, 0x10, now, text);
	ports_write(&p, 0x40, 1, 0x27, now, text);
	assert_int_equal(ports_read(&p, 0x40, 1, now), 0x10);
	ports_write(&p, 0x61, 1, 3, now, text);
	assert_int_equal(ports_read(&p, 0x61, 1, now) & 3, 3);
	assert_int_equal(ports_read(&p, 0x99, 4, now), 0xffffffff);
	for (unsigned i = 0; i < PORTS_RANGES; i++)
		for (unsigned k = 0; k < ports_ranges[i].len; k++)
			ports_read(&p, ports_ranges[i].first + k, 1, now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(clock_shows_time, setup),
		cmocka_unit_test_setup(clock_is_set, setup),
		cmocka_unit_test_setup(clock_takes_garbage, setup),
		cmocka_unit_test_setup(clock_updates, setup),
		cmocka_unit_test_setup(clock_has_memory, setup),
		cmocka_unit_test(timer_rates),
		cmocka_unit_test(timer_bytes),
		cmocka_unit_test(timer_gate),
		cmocka_unit_test(timer_takes_garbage),
		cmocka_unit_test(ports_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
