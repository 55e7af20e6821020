/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts of the emulated devices at ports, on a clock that is played. */
/* TEST-SRC: drivers/host/ports.c drivers/host/rtc.c drivers/host/pit.c drivers/host/uart16550.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/ports.h"
#include "pvabi/abi.h"

#define SECOND 1000000000ull
#define MS 1000000ull
#define AT 1709251199ull /* 2024-02-29 23:59:59 */
#define HZ 1193182u
#define TIMER 2 /* pins */
#define UART 4
#define CLOCK 8

static struct ports p;
static uint64_t now_ns, next;
static unsigned got[PV_IOAPIC_PINS], all; /* edges up */
static uint32_t up;

/* Each call changes something. */
static void line(void *arg, unsigned pin, uint64_t to)
{
	assert_ptr_equal(arg, &p);
	assert_true(pin == TIMER || pin == UART || pin == CLOCK);
	assert_int_equal(to == PV_LINE_DOWN, up >> pin & 1);
	assert_int_equal(to == PV_LINE_PULSE, pin == TIMER);
	if (to != PV_LINE_PULSE)
		up ^= 1u << pin;
	if (to == PV_LINE_DOWN)
		return;
	got[pin]++;
	all++;
}

static struct ports_time now(void)
{
	return (struct ports_time){ now_ns, AT * SECOND + now_ns };
}

static void look(void) { next = ports_run(&p, now()); }

static int setup(void **state)
{
	(void)state;
	now_ns = 0;
	all = up = 0;
	memset(got, 0, sizeof(got));
	ports_init(&p, 16 << 20, now());
	p.line = line;
	p.arg = &p;
	look();
	return 0;
}

/* Accesses as the host partition serves them. */
static void out(unsigned port, uint8_t v)
{
	char text[8];

	ports_write(&p, port, 1, v, now(), text);
	look();
}

static uint8_t in(unsigned port)
{
	uint8_t v = (uint8_t)ports_read(&p, port, 1, now());

	look();
	return v;
}

/* The owner sleeps until it is wanted, up to a time; returns how often it was. */
static unsigned sleep_until(uint64_t end)
{
	unsigned n = 0;

	for (; next && next <= end; n++) {
		assert_true(next > now_ns);
		now_ns = next;
		look();
	}
	now_ns = end;
	return n;
}

/* ---- the timer ---- */

static void timer_set(uint8_t control, unsigned count)
{
	out(0x43, control);
	out(0x40, (uint8_t)count);
	out(0x40, (uint8_t)(count >> 8));
}

static void timer_ticks(void **state)
{
	(void)state;
	assert_int_equal(next, 0);
	for (uint8_t control = 0x34; control <= 0x36; control += 2) {
		got[TIMER] = 0;
		timer_set(control, HZ / 1000); /* 1193 ticks: 1000.15 Hz */
		assert_int_equal(sleep_until(now_ns + SECOND), 1000);
		assert_int_equal(got[TIMER], 1000);
	}
}

static void timer_fires_once(void **state)
{
	(void)state;
	for (uint8_t control = 0x30; control <= 0x38; control += 8) {
		uint64_t begin = now_ns;

		got[TIMER] = 0;
		timer_set(control, HZ / 100);
		assert_in_range(next - begin, 9999 * MS / 1000,
				10001 * MS / 1000);
		assert_int_equal(got[TIMER], 0);
		assert_int_equal(sleep_until(now_ns + SECOND), 1);
		assert_int_equal(got[TIMER], 1);
		assert_int_equal(next, 0);
	}
	for (uint8_t control = 0x32; control <= 0x3a; control += 8) {
		timer_set(control, 100); /* its gate does not move */
		assert_int_equal(next, 0);
	}
	timer_set(0x30, 1000);
	out(0x40, 1); /* the first byte of the next count stops it */
	assert_int_equal(next, 0);
	sleep_until(now_ns + SECOND);
	assert_int_equal(got[TIMER], 1);
}

/* Late looks find one interrupt, and the next one comes when it should. */
static void lost_ticks_are_one(void **state)
{
	(void)state;
	timer_set(0x34, HZ / 100);
	now_ns += 75 * MS;
	look();
	assert_int_equal(got[TIMER], 1);
	assert_in_range(next, 79 * MS, 81 * MS);
	look();
	assert_int_equal(got[TIMER], 1);
	timer_set(0x34, 20); /* 60 kHz */
	assert_int_equal(next, now_ns + PORTS_PERIOD_NS);
	assert_int_equal(sleep_until(now_ns + 10 * MS), 40);
	assert_int_equal(got[TIMER], 41);
}

/* ---- the clock ---- */

static uint8_t cmos(uint8_t i)
{
	out(0x70, i);
	return in(0x71);
}

static void cmos_set(uint8_t i, uint8_t v)
{
	out(0x70, i);
	out(0x71, v);
}

static void clock_periods(void **state)
{
	unsigned n;

	(void)state;
	cmos_set(1, 0x30); /* no alarm */
	cmos(12);
	cmos_set(11, 0x42); /* periodic; 1024 Hz */
	for (n = 0; n < 1024; n++) {
		assert_int_equal(sleep_until(next), 1);
		assert_int_equal(got[CLOCK], n + 1);
		assert_int_equal(next, 0); /* its line is up */
		assert_int_equal(cmos(12) & 0xe0, 0xc0);
		assert_int_equal(cmos(12), 0);
	}
	assert_in_range(now_ns, SECOND - 1, SECOND + 1);
	cmos_set(10, 0x2f); /* 2 Hz */
	assert_int_equal(next, now_ns + SECOND / 2);
	cmos_set(10, 0x23); /* 8192 Hz */
	assert_int_equal(next, now_ns + PORTS_PERIOD_NS);
	cmos_set(10, 0x20);
	assert_int_equal(next, 0);
}

static void clock_updates(void **state)
{
	(void)state;
	now_ns = SECOND / 2;
	cmos_set(11, 0x12);
	assert_int_equal(next, SECOND);
	sleep_until(3 * SECOND);
	assert_int_equal(got[CLOCK], 1); /* nobody has read C */
	assert_int_equal(cmos(12) & 0x90, 0x90);
	assert_int_equal(next, 4 * SECOND);
	sleep_until(4 * SECOND);
	assert_int_equal(got[CLOCK], 2);
	cmos(12);
	cmos_set(11, 0x92); /* SET */
	assert_int_equal(cmos(11), 0x82);
	assert_int_equal(next, 0);
	now_ns = 9 * SECOND;
	assert_int_equal(cmos(12) & 0x10, 0);
}

static void alarm_set(uint8_t hours, uint8_t minutes, uint8_t seconds)
{
	cmos_set(5, hours);
	cmos_set(3, minutes);
	cmos_set(1, seconds);
	cmos(12);
}

static void clock_alarm(void **state)
{
	(void)state;
	alarm_set(0x00, 0x01, 0x30);
	cmos_set(11, 0x22);
	assert_int_equal(sleep_until(90 * SECOND), 90);
	assert_int_equal(all, 0);
	sleep_until(91 * SECOND); /* 00:01:30 */
	assert_int_equal(all, 1);
	assert_int_equal(cmos(12) & 0xa0, 0xa0);
	alarm_set(0xc0, 0xff, 0x10); /* each minute */
	sleep_until(131 * SECOND);
	assert_int_equal(all, 2);
	cmos(12);
	sleep_until(191 * SECOND);
	assert_int_equal(all, 3);
	alarm_set(0x81, 0x02, 0x00); /* 1 PM, with 12 hours a half */
	cmos_set(11, 0x20);
	now_ns += 86400 * SECOND; /* nobody has looked in time */
	look();
	assert_int_equal(all, 4);
	assert_int_equal(cmos(12) & 0x20, 0x20);
	now_ns += 3600 * SECOND;
	assert_int_equal(cmos(12) & 0x20, 0);
}

/* ---- the UART ---- */

static void uart_interrupts(void **state)
{
	(void)state;
	out(0x3f9, 3);
	assert_int_equal(all, 0); /* MCR holds it back */
	out(0x3fc, 8);
	assert_int_equal(all, 1);
	assert_int_equal(in(0x3fa), 2);
	assert_int_equal(in(0x3fa), 1); /* it has been told */
	out(0x3f8, 'x');
	assert_int_equal(all, 2);
	assert_int_equal(uart16550_type(&p.uart, (const uint8_t *)"ab", 2), 2);
	assert_int_equal(in(0x3fa), 4);
	in(0x3f8);
	assert_int_equal(in(0x3fa), 4);
	in(0x3f8);
	assert_int_equal(in(0x3fa), 2);
	assert_int_equal(all, 2); /* its line was up all the time */
	uart16550_type(&p.uart, (const uint8_t *)"c", 1);
	look();
	assert_int_equal(all, 3);
	assert_int_equal(next, 0);
}

/* Else nobody has to look at them. */
static void lines_are_live_where_somebody_wants_them(void **state)
{
	(void)state;
	assert_false(ports_live(&p));
	out(0x3fc, 8);
	cmos_set(10, 0x2f);
	out(0x43, 0x34);
	assert_false(ports_live(&p));
	out(0x3f9, 2);
	assert_true(ports_live(&p) && up == 1u << UART);
	out(0x3f9, 0);
	assert_true(!ports_live(&p) && !up);
	for (uint8_t b = 0x10; b <= 0x40; b <<= 1) {
		cmos_set(11, b | 2);
		assert_true(ports_live(&p));
	}
	cmos(12);
	cmos_set(11, 2);
	assert_false(ports_live(&p));
	timer_set(0x34, 100);
	assert_true(ports_live(&p));
}

/* Any bytes, at any time: it is never wanted in the past. */
static void all_takes_garbage(void **state)
{
	static const unsigned ports[] = { 0x40, 0x43,  0x61, 0x70,
					  0x71, 0x3f9, 0x3fc };
	uint32_t x = 1;

	(void)state;
	for (unsigned i = 0; i < 50000; i++) {
		x = x * 1103515245 + 12345;
		if (x >> 31)
			out(ports[(x >> 20) % 7], (uint8_t)(x >> 8));
		else
			in(ports[(x >> 20) % 7]);
		assert_true(!next || next >= now_ns + PORTS_PERIOD_NS);
		now_ns += x >> 4 & 0xfffff;
		if (!(x & 0xfff0))
			now_ns += 1000 * SECOND;
	}
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(timer_ticks),
		T(timer_fires_once),
		T(lost_ticks_are_one),
		T(lines_are_live_where_somebody_wants_them),
		T(clock_periods),
		T(clock_updates),
		T(clock_alarm),
		T(uart_interrupts),
		T(all_takes_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
