/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts of the devices at ports, through the I/O APIC. */
#include "kit/mm.h"
#include "kit/time.h"
#include "traps.h"

#define IOAPIC 0xfec00000ull
#define MASKED 0x10000u
#define LEVEL 0x8000u
#define REMOTE_IRR 0x4000u
#define PIT_PIN 2
#define UART_PIN 4
#define RTC_PIN 8
#define VECTOR 0x70 /* + pin */
#define PIT_HZ 1193182u
#define TICKS 20u
#define UART 0x3f8

static volatile unsigned got[16];
static volatile unsigned heard; /* the UART is, at its n-th interrupt */
static volatile uint8_t flags;	/* of the clock's register C */

static volatile uint32_t *ioapic(unsigned reg)
{
	volatile uint32_t *at = kit_ptr(IOAPIC);

	at[0] = reg;
	return at + 4;
}

static void pin_set(unsigned pin, uint32_t bits)
{
	*ioapic(0x11 + 2 * pin) = 0;
	*ioapic(0x10 + 2 * pin) = bits | (VECTOR + pin);
}

/* The handler uses the index, too. */
static void clock_set(uint8_t reg, uint8_t v)
{
	kit_irq_off();
	outb(0x70, reg);
	outb(0x71, v);
	kit_irq_on();
}

static void on_pin(void *arg)
{
	unsigned pin = (unsigned)(uint64_t)arg;

	if (pin == UART_PIN && got[pin] + 1 == heard)
		inb(UART + 2); /* what it has to tell is told */
	if (pin == RTC_PIN) {
		outb(0x70, 12);
		flags = inb(0x71);
	}
	got[pin]++;
}

/* Asleep, if only interrupts are to come. */
static bool comes(unsigned pin, unsigned times)
{
	uint64_t until = kit_tsc() + kit_tsc_khz() * 5000; /* a busy host */

	kit_irq_off();
	while (got[pin] < times && kit_tsc() < until)
		__asm__ volatile("sti; hlt; cli" ::: "memory");
	kit_irq_on();
	return got[pin] >= times;
}

static void timer_set(uint8_t control, unsigned count)
{
	outb(0x43, control); /* until now it may tick */
	got[PIT_PIN] = 0;
	outb(0x40, (uint8_t)count);
	outb(0x40, (uint8_t)(count >> 8));
}

static void timer(void)
{
	uint64_t begin = kit_tsc(), us;
	bool all;

	timer_set(0x34, PIT_HZ / 500); /* mode 2 */
	all = comes(PIT_PIN, TICKS);
	us = (kit_tsc() - begin) * 1000 / kit_tsc_khz();
	check(all && us > (TICKS - 1) * 1990, "timer-ticks", "%u in %llu us",
	      got[PIT_PIN], (unsigned long long)us);
	timer_set(0x36, PIT_HZ / 500); /* mode 3 */
	check(comes(PIT_PIN, 3), "timer-square", "%u", got[PIT_PIN]);
	timer_set(0x30, PIT_HZ / 500); /* mode 0: once */
	all = comes(PIT_PIN, 1);
	kit_sleep_ns(10 * KIT_MS);
	check(all && got[PIT_PIN] == 1, "timer-once", "%u", got[PIT_PIN]);
	pin_set(PIT_PIN, MASKED);
	timer_set(0x34, PIT_HZ / 500);
	kit_sleep_ns(10 * KIT_MS);
	check(!got[PIT_PIN], "timer-masked", "%u", got[PIT_PIN]);
}

static void clock(void)
{
	clock_set(10, 0x2a); /* 64 Hz */
	got[RTC_PIN] = 0;
	clock_set(11, 0x42);
	check(comes(RTC_PIN, 3) && (flags & 0xc0) == 0xc0, "clock-periodic",
	      "%u, %x", got[RTC_PIN], flags);
	for (uint8_t i = 1; i < 6; i += 2)
		clock_set(i, 0xff); /* any time */
	clock_set(11, 0x02);
	kit_sleep_ns(KIT_MS); /* one that waited comes behind STI's shadow */
	got[RTC_PIN] = 0;
	clock_set(11, 0x32);
	check(comes(RTC_PIN, 1) && (flags & 0xb0) == 0xb0, "clock-alarm",
	      "%u, %x", got[RTC_PIN], flags);
	clock_set(11, 0x02);
	clock_set(10, 0x26);
}

/* It comes again until its reason has gone. (The console is the UART: what is said
 * is a reason, too.) */
static void uart_level(void)
{
	uint32_t entry;
	bool all;

	got[UART_PIN] = 0;
	heard = 3;
	pin_set(UART_PIN, LEVEL);
	outb(UART + 1, 2);
	all = comes(UART_PIN, heard);
	kit_sleep_ns(KIT_MS);
	entry = *ioapic(0x10 + 2 * UART_PIN);
	outb(UART + 1, 0);
	heard = 0;
	pin_set(UART_PIN, 0);
	/* the kit ends an interrupt before it is handled: one more may have begun */
	check(all && got[UART_PIN] <= 4 && !(entry & REMOTE_IRR), "uart-level",
	      "%u, %x", got[UART_PIN], entry);
}

static void uart(void)
{
	got[UART_PIN] = 0;
	outb(UART + 4, 8);
	outb(UART + 1, 2);
	check(comes(UART_PIN, 1) && inb(UART + 2) == 2 && inb(UART + 2) == 1,
	      "uart-empty", "%u", got[UART_PIN]);
	outb(UART + 1, 0);
	uart_level();
	outb(UART + 4, 0);
}

void test_irqs(void)
{
	static const unsigned pins[] = { PIT_PIN, UART_PIN, RTC_PIN };

	if (!has_apic())
		return;
	if (!kit_map(IOAPIC, IOAPIC, 4096, KIT_WRITE | KIT_UNCACHED))
		kit_panic("no map");
	check(*ioapic(1) == 0x170011 && *ioapic(0x10 + 2 * 23) == MASKED,
	      "ioapic", "%x", *ioapic(1));
	for (unsigned i = 0; i < 3; i++) {
		kit_vector_register(VECTOR + pins[i], on_pin,
				    (void *)(uint64_t)pins[i]);
		pin_set(pins[i], 0);
	}
	timer();
	clock();
	uart();
	for (unsigned i = 0; i < 3; i++) {
		pin_set(pins[i], MASKED);
		kit_vector_register(VECTOR + pins[i], NULL, NULL);
	}
}
