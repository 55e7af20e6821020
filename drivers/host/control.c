/* SPDX-License-Identifier: BSD-2-Clause */
/* The control channel: lines from COM2 to requests, events to COM2. */
#include "control.h"

#include <string.h>

#include "kit/console.h"
#include "kit/kit.h"
#include "request.h"
#include "serial.h"
#include "text.h"

#define COM2 0x2f8u
#define RING 4096u

static struct serial *serial; /* NULL: there is no channel */
static struct serial com2;
static char ring[RING]; /* came, and not looked at */
static uint32_t head, tail;
static char line[REQUEST_MAX];
static size_t len;
static bool too_long; /* the line has been thrown away so far */

static void received(const char *text, size_t n)
{
	for (size_t i = 0; i < n && head - tail < RING; i++)
		ring[head++ % RING] = text[i];
	host_operator_look();
}

static void put(const char *text, size_t n) { serial_put(serial, text, n); }

static void line_end(void)
{
	if (too_long)
		request_too_long(put);
	else if (len)
		request_run(line, len, put);
	len = 0;
	too_long = false;
}

void control_run(void)
{
	while (tail != head) {
		char c = ring[tail++ % RING];

		if (c == '\n')
			line_end();
		else if (len == REQUEST_MAX)
			too_long = true;
		else if (c != '\r')
			line[len++] = c;
	}
}

void control_pump(void)
{
	if (serial)
		serial_pump(serial);
}

/* ---- events ---- */

/* "code" or "status": with a number, and the end. */
static void number_end(struct text *t, const char *name, uint64_t v)
{
	text_add(t, ",\"");
	text_add(t, name);
	text_add(t, "\":");
	text_add_u64(t, v);
}

static void event_end(struct text *t)
{
	text_add(t, "}\n");
	put(t->buf, t->len);
}

void control_state(const struct guest *g)
{
	const char *state = guest_state(g);
	char buf[120];
	struct text t = text_of(buf, sizeof(buf));

	if (!serial)
		return;
	text_add(&t, "{\"event\":\"guest\",\"name\":\"");
	for (const char *s = g->cfg->name; *s; s++) {
		if (*s == '"' || *s == '\\')
			text_add_char(&t, '\\');
		text_add_char(&t, *s);
	}
	text_add(&t, "\",\"state\":\"");
	text_add(&t, state);
	text_add(&t, "\"");
	if (!strcmp(state, "exited"))
		number_end(&t, "code", g->status.code);
	event_end(&t);
}

void control_end(unsigned status)
{
	char buf[80];
	struct text t = text_of(buf, sizeof(buf));

	if (!serial)
		return;
	text_add(&t, "{\"event\":\"off\"");
	number_end(&t, "status", status);
	event_end(&t);
	serial_flush(serial);
}

/* ---- start ---- */

void control_init(const struct config *c)
{
	static const char ready[] = "{\"event\":\"ready\"}\n";
	const struct pv_device *d = c->control ? serial_device(COM2) : NULL;

	if (!c->control)
		return;
	com2.in = received;
	if (!d || !serial_init(&com2, (uint16_t)d->base, d->irq)) {
		kit_printf("host: no control channel: there is no COM2\n");
		return;
	}
	serial = &com2;
	put("\n", 1); /* behind what the firmware has written there */
	put(ready, sizeof(ready) - 1);
}
