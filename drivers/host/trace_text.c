/* SPDX-License-Identifier: BSD-2-Clause */
/* Trace records as text, by the tables that are made from the calls' table. */
#include "trace_text.h"

#include <stddef.h>

#include "pvabi/decode.h"
#include "pvabi/names.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SMALL 10000u /* numbers below are decimal */
#define NAME_WIDTH 8u
#define TIME_WIDTH 11u

static const struct pv_decode unknown = { "unknown",
					  6,
					  { { "rdi", PV_DECODE_U64, NULL },
					    { "rsi", PV_DECODE_U64, NULL },
					    { "rdx", PV_DECODE_U64, NULL },
					    { "rcx", PV_DECODE_U64, NULL },
					    { "r8", PV_DECODE_U64, NULL },
					    { "r9", PV_DECODE_U64, NULL } },
					  { NULL, 0, NULL } };
static const struct pv_decode left[] = {
	[PV_LEFT_PREEMPTED] = { .name = "preempted" },
	[PV_LEFT_WAITS] = { .name = "waits" },
	[PV_LEFT_IO] = { .name = "waits for a device" },
	[PV_LEFT_STOPPED] = { .name = "stops" },
	[PV_LEFT_ENDED] = { .name = "ends" },
};

static const struct pv_decode *decode_of(const struct pv_trace_record *r)
{
	static const struct pv_decode nothing = { .name = "?" };

	switch (r->kind) {
	case PV_RECORD_CALL:
		return r->nr < COUNT(pv_decode_calls) ?
			       &pv_decode_calls[r->nr] :
			       &unknown;
	case PV_RECORD_EXIT:
		return r->nr < COUNT(pv_decode_exits) ?
			       &pv_decode_exits[r->nr] :
			       &nothing;
	case PV_RECORD_SWITCH:
		return r->nr < COUNT(left) ? &left[r->nr] : &nothing;
	default:
		return &nothing;
	}
}

const char *trace_what(const struct pv_trace_record *r)
{
	return decode_of(r)->name;
}

const char *trace_status(uint32_t status)
{
	static const char *const names[] = PV_ERROR_NAMES;

	return status < COUNT(names) ? names[status] : NULL;
}

/* ---- values ---- */

static void hex(struct text *t, uint64_t v)
{
	text_add(t, "0x");
	text_add_hex(t, v, 1);
}

static void number(struct text *t, uint64_t v)
{
	if (v < SMALL)
		text_add_u64(t, v);
	else
		hex(t, v);
}

/* Bits by name, what has none in hexadecimal. */
static void flags(struct text *t, const struct pv_decode_name *n, uint64_t v)
{
	const char *between = "";

	if (!v)
		text_add(t, "0");
	for (; n && n->name; n++) {
		if (!(v & n->value))
			continue;
		text_add(t, between);
		text_add(t, n->name);
		between = "|";
		v &= ~n->value;
	}
	if (!v)
		return;
	text_add(t, between);
	hex(t, v);
}

static void choice(struct text *t, const struct pv_decode_name *n, uint64_t v)
{
	for (; n && n->name; n++)
		if (n->value == v) {
			text_add(t, n->name);
			return;
		}
	number(t, v);
}

static void value(struct text *t, const struct pv_decode_item *i, uint64_t v)
{
	switch (i->type) {
	case PV_DECODE_FLAGS:
		flags(t, i->names, v);
		return;
	case PV_DECODE_ENUM:
		choice(t, i->names, v);
		return;
	case PV_DECODE_TSC:
		text_add_u64(t, v);
		return;
	case PV_DECODE_GPA:
		hex(t, v);
		return;
	case PV_DECODE_HANDLE:
		if (v == PV_SELF)
			text_add(t, "PV_SELF");
		else
			hex(t, v);
		return;
	default:
		number(t, v);
	}
}

bool trace_arg(struct text *t, const struct pv_trace_record *r, unsigned i,
	       const char **name)
{
	const struct pv_decode *d = decode_of(r);

	if (i >= d->args || r->flags & PV_RECORD_OPAQUE)
		return false;
	*name = d->arg[i].name;
	value(t, &d->arg[i], r->arg[i]);
	return true;
}

bool trace_result(struct text *t, const struct pv_trace_record *r,
		  const char **name)
{
	const struct pv_decode *d = decode_of(r);

	if (!d->result.name || r->status ||
	    r->flags & (PV_RECORD_WAITS | PV_RECORD_RESUMES))
		return false;
	*name = d->result.name;
	value(t, &d->result, r->value);
	return true;
}

/* ---- lines ---- */

static void pad(struct text *t, size_t from, size_t width)
{
	while (t->len - from < width && t->len + 1 < t->size)
		text_add_char(t, ' ');
}

void trace_part(struct text *t, const struct trace_view *v, unsigned part)
{
	if (part < TRACE_PARTS && v->name[part][0]) {
		text_add(t, v->name[part]);
		return;
	}
	text_add(t, "part");
	text_add_u64(t, part);
}

void trace_time(struct text *t, const struct trace_view *v, uint64_t tsc)
{
	/* microseconds; what was before the base counts as 0 */
	uint64_t ticks = tsc > v->base ? tsc - v->base : 0, us;

	if (!v->tsc_khz) {
		text_add_u64(t, ticks);
		return;
	}
	us = ticks / v->tsc_khz * 1000 + ticks % v->tsc_khz * 1000 / v->tsc_khz;
	text_add_u64(t, us / 1000000);
	text_add_char(t, '.');
	for (uint64_t d = 100000; d; d /= 10)
		text_add_char(t, (char)('0' + us / d % 10));
}

static void arguments(struct text *t, const struct pv_trace_record *r)
{
	char buf[TRACE_LINE];
	const char *name;

	text_add(t, "(");
	for (unsigned i = 0;; i++) {
		struct text one = text_of(buf, sizeof(buf));

		if (!trace_arg(&one, r, i, &name))
			break;
		text_add(t, i ? ", " : "");
		text_add(t, name);
		text_add(t, "=");
		text_add(t, buf);
	}
	text_add(t, ")");
}

static void outcome(struct text *t, const struct pv_trace_record *r)
{
	char buf[TRACE_LINE];
	struct text one = text_of(buf, sizeof(buf));
	const char *name = trace_status(r->status);

	if (r->flags & PV_RECORD_WAITS) {
		text_add(t, " waits");
		return;
	}
	if (r->flags & PV_RECORD_RESUMES) {
		text_add(t, " goes on");
		return;
	}
	text_add(t, " = ");
	if (name)
		text_add(t, name);
	else
		text_add_u64(t, r->status);
	if (trace_result(&one, r, &name)) {
		text_add(t, " ");
		text_add(t, name);
		text_add(t, "=");
		text_add(t, buf);
	}
}

static void ticks(struct text *t, const struct pv_trace_record *r)
{
	text_add(t, " <");
	text_add_u64(t, r->ticks);
	text_add(t, " ticks>");
}

static void body(struct text *t, const struct pv_trace_record *r)
{
	switch (r->kind) {
	case PV_RECORD_CALL:
		text_add(t, r->flags & PV_RECORD_BATCH ? "- " : "");
		text_add(t, trace_what(r));
		arguments(t, r);
		outcome(t, r);
		ticks(t, r);
		return;
	case PV_RECORD_EXIT:
		text_add(t, "exit ");
		text_add(t, trace_what(r));
		arguments(t, r);
		text_add(t, " at ");
		hex(t, r->rip);
		return;
	default:
		text_add(t, "leaves its CPU: ");
		text_add(t, trace_what(r));
		ticks(t, r);
	}
}

void trace_line(struct text *t, const struct trace_view *v,
		const struct pv_trace_record *r)
{
	char buf[32];
	struct text when = text_of(buf, sizeof(buf));
	size_t from = t->len;

	trace_part(t, v, r->part);
	text_add(t, ".");
	text_add_u64(t, r->vcpu);
	pad(t, from, NAME_WIDTH);
	trace_time(&when, v, r->tsc);
	pad(t, t->len, when.len < TIME_WIDTH ? TIME_WIDTH - when.len : 1);
	text_add(t, buf);
	text_add(t, " ");
	body(t, r);
}

/* ---- calls that wait ---- */

static void forget(struct trace_open *o, unsigned i) { o->r[i] = o->r[--o->n]; }

bool trace_open_note(struct trace_open *o, const struct pv_trace_record *r)
{
	if (r->kind != PV_RECORD_CALL || r->flags & PV_RECORD_BATCH)
		return true;
	for (unsigned i = 0; i < o->n; i++)
		if (o->r[i].part == r->part && o->r[i].vcpu == r->vcpu) {
			forget(o, i);
			break;
		}
	if (!(r->flags & PV_RECORD_WAITS) || o->n == TRACE_OPEN)
		return true;
	o->r[o->n++] = *r;
	return false;
}

bool trace_open_take(struct trace_open *o, unsigned part,
		     struct pv_trace_record *r)
{
	for (unsigned i = 0; i < o->n; i++)
		if (part == TRACE_PARTS || o->r[i].part == part) {
			*r = o->r[i];
			forget(o, i);
			return true;
		}
	return false;
}
