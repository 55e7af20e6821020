/* SPDX-License-Identifier: BSD-2-Clause */
/* Feeds a UART from a ring, by interrupts. */
#include "serial.h"

#include <string.h>

#include "host.h"
#include "kit/device.h"
#include "kit/time.h"

#define PATIENCE_NS (10ull * KIT_SECOND)
#define STALL_NS (50 * KIT_MS) /* look after a lost interrupt */
#define POLL_NS KIT_MS	       /* in place of one: 11 bytes at 115200 baud */

/* One run up to the ring's end; false: the UART takes no more now. */
static bool send_some(struct serial *s)
{
	uint32_t at = s->tail % SERIAL_RING;
	uint32_t n = s->head - s->tail;
	size_t put;

	if (!n)
		return false;
	if (n > SERIAL_RING - at)
		n = SERIAL_RING - at;
	put = uart_put(&s->uart, s->ring + at, n);
	s->tail += (uint32_t)put;
	if (put)
		s->stuck = false;
	return put;
}

static void room_wait(struct serial *s)
{
	uint64_t end = kit_time_ns() + PATIENCE_NS;

	while (!send_some(s) && !s->stuck)
		s->stuck = kit_time_ns() > end;
	if (s->head - s->tail == SERIAL_RING)
		s->tail++; /* a UART that hangs must not hang us */
}

void serial_put(struct serial *s, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s->head - s->tail == SERIAL_RING)
			room_wait(s);
		s->ring[s->head++ % SERIAL_RING] = (uint8_t)text[i];
	}
}

void serial_pump(struct serial *s)
{
	if (s->head == s->tail && !(s->uart.ier & UART_IER_TX))
		return;
	while (send_some(s))
		;
	uart_tx_irq(&s->uart, s->head != s->tail && s->has_irq);
	if (s->head != s->tail)
		host_wake_at(kit_time_ns() + (s->has_irq ? STALL_NS : POLL_NS));
}

void serial_flush(struct serial *s)
{
	uint64_t end = kit_time_ns() + PATIENCE_NS;

	while ((s->head != s->tail || !uart_idle(&s->uart)) &&
	       kit_time_ns() < end)
		send_some(s);
}

static void interrupt(void *arg)
{
	struct serial *s = arg;
	uint8_t text[64];
	size_t n;

	/* An edge comes only after all reasons are gone: until none is left. */
	for (int rounds = 0; rounds < 64 && uart_irq_pending(&s->uart);
	     rounds++) {
		n = uart_get(&s->uart, text, sizeof(text));
		if (n && s->in)
			s->in((const char *)text, n);
		send_some(s);
		uart_tx_irq(&s->uart, s->head != s->tail);
	}
}

const struct pv_device *serial_device(uint16_t port)
{
	const struct pv_device *d = NULL;

	while ((d = kit_device(d, PV_DEV_UART, NULL)) && d->base != port)
		;
	return d;
}

bool serial_init(struct serial *s, uint16_t port, unsigned irq)
{
	struct env_irq line = { .kind = ENV_IRQ_ISA, .index = irq };

	uart_init(&s->uart, &host_env, port);
	s->has_irq = s->uart.present && irq != SERIAL_NO_IRQ &&
		     host_env.irq_attach(&host_env, &line, interrupt, s);
	return s->uart.present;
}
