/* SPDX-License-Identifier: BSD-2-Clause */
/* The console: a ring of bytes on their way to the UART, and its keyboard. */
#include "console.h"

#include "host.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/time.h"
#include "uart.h"

#define RING 65536u
#define FLUSH_NS (10ull * KIT_SECOND)
#define STALL_NS (50 * KIT_MS) /* look after a lost interrupt */

static struct uart uart;
static bool has_irq;
static uint8_t ring[RING];
static uint32_t head, tail; /* head - tail bytes wait */
static void (*key_fn)(const char *text, size_t n);

static void ring_out(const char *text, size_t n);
static struct lines lines = { .out = ring_out };
static struct lines_source own, log_lines; /* plain */

/* One run up to the ring's end; false: the UART takes no more now. */
static bool send_some(void)
{
	uint32_t at = tail % RING;
	uint32_t n = head - tail;
	size_t put;

	if (!n)
		return false;
	if (n > RING - at)
		n = RING - at;
	put = uart_put(&uart, ring + at, n);
	tail += (uint32_t)put;
	return put;
}

static void ring_byte(uint8_t c)
{
	uint64_t end = 0;

	while (head - tail == RING && !send_some()) {
		if (!end)
			end = kit_time_ns() + FLUSH_NS;
		if (kit_time_ns() > end)
			tail++; /* a UART that hangs must not hang us */
	}
	ring[head++ % RING] = c;
}

static void ring_out(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\n')
			ring_byte('\r');
		ring_byte((uint8_t)text[i]);
	}
}

void console_pump(void)
{
	while (send_some())
		;
	uart_tx_irq(&uart, head != tail && has_irq);
	if (head != tail)
		host_wake_at(kit_time_ns() + STALL_NS);
}

void console_flush(void)
{
	uint64_t end = kit_time_ns() + FLUSH_NS;

	while ((head != tail || !uart_idle(&uart)) && kit_time_ns() < end)
		send_some();
}

static void interrupt(void *arg)
{
	uint8_t text[64];
	size_t n;

	(void)arg;
	/* An edge comes only after all reasons are gone: until none is left. */
	for (int rounds = 0; rounds < 64 && uart_irq_pending(&uart); rounds++) {
		n = uart_get(&uart, text, sizeof(text));
		if (n && key_fn)
			key_fn((const char *)text, n);
		send_some();
		uart_tx_irq(&uart, head != tail);
	}
}

static void write_own(const void *buf, size_t n)
{
	lines_put(&lines, &own, buf, n);
	if (!has_irq)
		console_flush();
}

void console_init(void)
{
	const struct pv_device *d = kit_device(NULL, PV_DEV_UART, NULL);
	struct env_irq irq = { .kind = ENV_IRQ_ISA };

	own.live = true;
	log_lines.live = true;
	if (!d) {
		kit_console_redirect(write_own); /* to nobody */
		return;
	}
	irq.index = d->irq;
	uart_init(&uart, &host_env, (uint16_t)d->base);
	has_irq = uart.present &&
		  host_env.irq_attach(&host_env, &irq, interrupt, NULL);
	kit_console_redirect(write_own);
}

void console_put(struct lines_source *s, const char *text, size_t n)
{
	lines_put(&lines, s, text, n);
}

void console_end(struct lines_source *s) { lines_end(&lines, s); }

void console_log(const char *text, size_t n)
{
	lines_put(&lines, &log_lines, text, n);
}

void console_on_key(void (*fn)(const char *text, size_t n)) { key_fn = fn; }
