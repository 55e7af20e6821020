/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices at ports, as a kernel that was not ported finds them: strings to and
 * from the UART, the clock with its memory, the timer. */
#include <string.h>

#include "kit/mm.h"
#include "kit/time.h"
#include "traps.h"

#define UART 0x3f8
#define UART_LSR (UART + 5)
#define UART_MCR (UART + 4)
#define LOOP 0x10
#define PIT_HZ 1193182u
#define VA 0x610000000000ull

/* ---- strings, by the UART's loop-back; what is printed goes there, too ---- */

static unsigned drain(void)
{
	unsigned n = 0;

	for (; inb(UART_LSR) & 1; n++)
		inb(UART);
	return n;
}

static void strings_cross(uint8_t *buf)
{
	uint8_t *from = buf + 4096 - 100, *to = buf + 3 * 4096 - 77;
	uint64_t out = 200, in = 200;
	unsigned i, left;

	for (i = 0; i < 200; i++)
		from[i] = (uint8_t)(i * 7 + 1);
	outb(UART_MCR, LOOP);
	__asm__ volatile("rep outsb"
			 : "+S"(from), "+c"(out)
			 : "d"(UART)
			 : "memory");
	__asm__ volatile("rep insb"
			 : "+D"(to), "+c"(in)
			 : "d"(UART)
			 : "memory");
	left = drain();
	outb(UART_MCR, 0);
	check(!out && from == buf + 4096 + 100, "string-out", "%llu left",
	      (unsigned long long)out);
	check(!in && !memcmp(to - 200, from - 200, 200) && !left, "string-in",
	      "%llu left, %u there", (unsigned long long)in, left);
}

static void strings_down(uint8_t *buf)
{
	uint8_t *from = buf + 3, got[4];
	uint64_t n = 4;
	unsigned i;

	memcpy(buf, "dcba", 4);
	outb(UART_MCR, LOOP);
	__asm__ volatile("std; rep outsb; cld"
			 : "+S"(from), "+c"(n)
			 : "d"(UART)
			 : "memory");
	for (i = 0; i < 4; i++)
		got[i] = inb(UART);
	outb(UART_MCR, 0);
	check(from == buf - 1 && !memcmp(got, "abcd", 4), "string-down", "%.4s",
	      (const char *)got);
}

/* The page behind the buffer is not there: what lies before goes out, then #PF;
 * and a page that cannot be written takes nothing from the device. */
static void strings_fault(uint8_t *buf)
{
	uint8_t *p = (uint8_t *)VA + 4096 - 4;
	uint64_t n = 9;
	unsigned sent;

	if (!kit_map(VA, kit_gpa(buf), 4096, KIT_READ))
		kit_panic("no map");
	outb(UART_MCR, LOOP);
	INSN("rep outsb", ARGS("+S"(p), "+c"(n)), "d"(UART));
	sent = drain();
	outb(UART_MCR, 0);
	check(hit == VEC_PF && hit_error == 0 && n == 5 && sent == 4 &&
		      p == (uint8_t *)VA + 4096,
	      "string-out-pf", "%d, %u sent, %llu left", hit, sent,
	      (unsigned long long)n);
	outb(UART_MCR, LOOP);
	outb(UART, 'x');
	p = (uint8_t *)VA;
	n = 3;
	INSN("rep insb", ARGS("+D"(p), "+c"(n)), "d"(UART));
	sent = drain();
	outb(UART_MCR, 0);
	check(hit == VEC_PF && hit_error == 3 && n == 3 && sent == 1,
	      "string-in-pf", "%d error %llx, %u there", hit,
	      (unsigned long long)hit_error, sent);
	kit_unmap(VA, 4096);
}

static void test_strings(void)
{
	uint8_t *buf = kit_pages_alloc(4);

	drain();
	strings_cross(buf);
	strings_down(buf);
	strings_fault(buf);
	kit_pages_free(buf, 4);
}

/* ---- the clock ---- */

static uint8_t cmos(uint8_t i)
{
	outb(0x70, i);
	return inb(0x71);
}

static void cmos_set(uint8_t i, uint8_t v)
{
	outb(0x70, i);
	outb(0x71, v);
}

/* Seconds of the day, read as the data sheet wants it: twice the same. */
static unsigned clock_read(void)
{
	unsigned a, b = ~0u;

	do {
		a = b;
		while (cmos(10) & 0x80)
			;
		b = cmos(0) + cmos(2) * 60u + cmos(4) * 3600u;
	} while (a != b);
	return a;
}

static void test_clock(void)
{
	uint8_t mode = cmos(11);
	unsigned now, kb = cmos(0x17) | cmos(0x18) << 8;
	unsigned want = (unsigned)(kit_utc_ns() / KIT_SECOND % 86400);

	cmos_set(11, mode | 4); /* binary */
	now = clock_read();
	check(now - want < 3 || now + 86400 - want < 3, "clock-now",
	      "%u, not %u", now, want);
	check(cmos(13) == 0x80 && mode == 2, "clock-mode", "%x", mode);
	cmos_set(11, mode | 0x84); /* it stands, to be set */
	cmos_set(0, 58);
	cmos_set(2, 59);
	cmos_set(4, 23);
	cmos_set(11, mode | 4);
	cmos_set(11, mode);
	now = cmos(4) << 8 | cmos(2);
	check(now == 0x2359, "clock-set", "%x", now);
	check(kb == 15 * 1024, "clock-memory", "%u KiB", kb);
	cmos_set(0x40, 0xa5);
	cmos_set(0x41, 0x5a);
	check(cmos(0x40) == 0xa5 && cmos(0x41) == 0x5a, "clock-bytes", "%x",
	      cmos(0x40));
}

/* ---- the timer ---- */

static unsigned timer_count(unsigned channel)
{
	unsigned lo;

	outb(0x43, (uint8_t)(channel << 6));
	lo = inb((uint16_t)(0x40 + channel));
	return lo | (unsigned)inb((uint16_t)(0x40 + channel)) << 8;
}

/* As kernels measure the TSC: channel 2, mode 0, its gate and output. */
static void timer_wait(void)
{
	unsigned n = PIT_HZ / 100;
	uint64_t begin, us;
	bool early;

	outb(0x61, (inb(0x61) & 0xfc) | 1);
	outb(0x43, 0xb0);
	outb(0x42, (uint8_t)n);
	begin = kit_tsc();
	outb(0x42, (uint8_t)(n >> 8));
	early = inb(0x61) & 0x20;
	while (!(inb(0x61) & 0x20))
		;
	us = (kit_tsc() - begin) * 1000 / kit_tsc_khz();
	check(!early && us >= 9990 && us < 60000, "timer-wait", "%llu us",
	      (unsigned long long)us);
}

static void test_timer(void)
{
	unsigned a, b;

	timer_wait();
	outb(0x43, 0x34); /* channel 0, mode 2 */
	outb(0x40, 0);
	outb(0x40, 0);
	a = timer_count(0);
	b = timer_count(0);
	check(a && b < a, "timer-count", "%u, then %u", a, b);
	outb(0x43, 0xe2); /* read back the status of channel 0 */
	a = inb(0x40);
	check((a & 0x7f) == 0x34, "timer-status", "%x", a);
}

void test_devices(void)
{
	if (kit_profile() == PV_PROFILE_PV)
		return; /* such a guest knows of none of them */
	test_strings();
	test_clock();
	test_timer();
}
