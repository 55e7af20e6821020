/* SPDX-License-Identifier: BSD-2-Clause */
/* Which emulated device has which port, and which pin of the I/O APIC; pure. */
#include "ports.h"

#include "pvabi/abi.h"

#define UART_PORTS 8u
#define RTC_PORTS 2u
#define PIT_PORTS 4u

/* ISA interrupts 0, 4 and 8; the first one is at pin 2, as nearly everywhere. */
#define PIT_PIN 2u
#define UART_PIN 4u
#define RTC_PIN 8u

const struct ports_range ports_ranges[PORTS_RANGES] = {
	{ UART16550_PORT, UART_PORTS },
	{ PIT_PORT, RTC_PORT + RTC_PORTS - PIT_PORT },
};

void ports_init(struct ports *p, uint64_t memory, struct ports_time now)
{
	*p = (struct ports){ .uart.ier = 0 };
	rtc_init(&p->rtc, memory, now.utc);
	pit_init(&p->pit);
}

static void line_set(struct ports *p, unsigned pin, bool up)
{
	uint32_t bit = 1u << pin;

	if (up == !!(p->lines & bit))
		return;
	p->lines ^= bit;
	p->line(p->arg, pin, up ? PV_LINE_UP : PV_LINE_DOWN);
}

bool ports_live(const struct ports *p)
{
	return p->lines || p->uart.ier || pit_counts(&p->pit) ||
	       rtc_interrupts(&p->rtc);
}

uint64_t ports_run(struct ports *p, struct ports_time now)
{
	uint64_t soon = now.run + PORTS_PERIOD_NS, at, clock;

	if (pit_edge(&p->pit, now.run))
		p->line(p->arg, PIT_PIN, PV_LINE_PULSE);
	line_set(p, UART_PIN, uart16550_irq(&p->uart));
	line_set(p, RTC_PIN, rtc_irq(&p->rtc, now.utc));
	at = pit_next(&p->pit);
	clock = rtc_next(&p->rtc, now.utc);
	if (clock && (!at || clock - now.utc < at - now.run))
		at = now.run + (clock - now.utc);
	return at && at < soon ? soon : at;
}

static uint8_t byte_read(struct ports *p, unsigned port, struct ports_time now)
{
	if (port - UART16550_PORT < UART_PORTS)
		return uart16550_read(&p->uart, port - UART16550_PORT);
	if (port - RTC_PORT < RTC_PORTS)
		return rtc_read(&p->rtc, port - RTC_PORT, now.utc);
	if (port - PIT_PORT < PIT_PORTS)
		return pit_read(&p->pit, port - PIT_PORT, now.run);
	return port == PIT_GATE_PORT ? pit_gate_read(&p->pit, now.run) : 0xff;
}

/* What goes to the console, or -1. */
static int byte_write(struct ports *p, unsigned port, uint8_t v,
		      struct ports_time now)
{
	if (port - UART16550_PORT < UART_PORTS)
		return uart16550_write(&p->uart, port - UART16550_PORT, v);
	if (port - RTC_PORT < RTC_PORTS)
		rtc_write(&p->rtc, port - RTC_PORT, v, now.utc);
	else if (port - PIT_PORT < PIT_PORTS)
		pit_write(&p->pit, port - PIT_PORT, v, now.run);
	else if (port == PIT_GATE_PORT)
		pit_gate_write(&p->pit, v, now.run);
	return -1;
}

uint32_t ports_read(struct ports *p, unsigned port, unsigned size,
		    struct ports_time now)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v |= (uint32_t)byte_read(p, port + i, now) << 8 * i;
	return v;
}

unsigned ports_write(struct ports *p, unsigned port, unsigned size,
		     uint32_t value, struct ports_time now, char *text)
{
	unsigned n = 0;

	for (unsigned i = 0; i < size; i++) {
		int c = byte_write(p, port + i, (uint8_t)(value >> 8 * i), now);

		if (c >= 0)
			text[n++] = (char)c;
	}
	return n;
}
