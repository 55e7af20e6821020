/* SPDX-License-Identifier: BSD-2-Clause */
/* The console: lines of all who write, on the first serial line, and on the
 * screen where there is none, or the configuration wants it. */
#include "console.h"

#include "host.h"
#include "kit/console.h"
#include "kit/kit.h"
#include "kit/mm.h"
#include "screen.h"
#include "serial.h"

static struct serial serial;

static void lines_out(const char *text, size_t n);
static struct lines lines = { .out = lines_out };
static char log_text[SCROLL_SIZE];
static struct scroll log_back = { .buf = log_text };
static struct lines_source own = { .live = true };
static struct lines_source log_lines = { .live = true, .back = &log_back };
static void (*hide_fn)(void), (*show_fn)(void); /* the shell's prompt */

void console_plain(const char *text, size_t n)
{
	size_t from = 0;

	screen_put(text, n);
	for (size_t i = 0; i < n; i++) {
		if (text[i] != '\n')
			continue;
		serial_put(&serial, text + from, i - from);
		serial_put(&serial, "\r", 1);
		from = i;
	}
	serial_put(&serial, text + from, n - from);
}

static void lines_out(const char *text, size_t n)
{
	if (hide_fn)
		hide_fn();
	console_plain(text, n);
}

static void put(struct lines_source *s, const char *text, size_t n)
{
	lines_put(&lines, s, text, n);
	if (show_fn && !lines.open)
		show_fn();
}

void console_pump(void)
{
	serial_pump(&serial);
	screen_pump();
}

void console_flush(void)
{
	screen_flush();
	serial_flush(&serial);
}

static void write_own(const void *buf, size_t n)
{
	put(&own, buf, n);
	if (serial.uart.present && !serial.has_irq)
		console_flush();
}

void console_init(void)
{
	const struct pv_device *d = kit_device(NULL, PV_DEV_UART, NULL);

	if (d)
		serial_init(&serial, (uint16_t)d->base, d->irq);
	kit_console_redirect(write_own); /* without a UART: to nobody */
}

static void key(const char *text, size_t n)
{
	if (serial.in)
		serial.in(text, n);
}

void console_screen(const struct config *c)
{
	if (c->screen == SCREEN_YES ||
	    (c->screen == SCREEN_AUTO && !serial.uart.present))
		screen_init(c, &log_back, key);
}

void console_put(struct lines_source *s, const char *text, size_t n)
{
	if (s->back && !s->back->buf)
		s->back->buf = kit_pages_alloc(SCROLL_SIZE / 4096);
	put(s, text, n);
}

void console_end(struct lines_source *s) { lines_end(&lines, s); }

void console_break(void) { lines_break(&lines); }

void console_log(const char *text, size_t n) { put(&log_lines, text, n); }

void console_log_old(const char *text, size_t n)
{
	if (serial.uart.present)
		scroll_put(&log_back, text, n);
	else
		console_log(text, n);
}

const struct scroll *console_log_back(void) { return &log_back; }

void console_on_key(void (*fn)(const char *text, size_t n)) { serial.in = fn; }

void console_on_text(void (*hide)(void), void (*show)(void))
{
	hide_fn = hide;
	show_fn = show;
}
