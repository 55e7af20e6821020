/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes results as text or as JSON, as they come. */
#include "out.h"

#include <string.h>

#include "text.h"

void out_raw(struct out *o, const char *text) { o->put(o, text, strlen(text)); }

static void fill(struct out *o, unsigned n)
{
	while (n--)
		o->put(o, " ", 1);
}

/* One byte inside of a JSON string. */
static void escaped(struct out *o, unsigned char c)
{
	static const char from[] = "\"\\\n\r\t", to[] = "\"\\nrt";
	const char *at = c ? strchr(from, c) : NULL;
	char buf[8];
	struct text t = text_of(buf, sizeof(buf));

	if (at) {
		text_add_char(&t, '\\');
		text_add_char(&t, to[at - from]);
	} else if (c < 0x20 || c > 0x7e) {
		text_add(&t, "\\u");
		text_add_hex(&t, c, 4);
	} else {
		text_add_char(&t, (char)c);
	}
	out_raw(o, buf);
}

static void escaped_text(struct out *o, const char *text, size_t n)
{
	size_t from = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c <= 0x7e && c != '"' && c != '\\')
			continue;
		o->put(o, text + from, i - from);
		escaped(o, c);
		from = i + 1;
	}
	o->put(o, text + from, n - from);
}

void out_quoted(struct out *o, const char *text, size_t n)
{
	out_raw(o, "\"");
	escaped_text(o, text, n);
	out_raw(o, "\"");
}

/* ---- text ---- */

void out_text(struct out *o, const char *text, size_t n)
{
	if (!o->json) {
		o->put(o, text, n);
		return;
	}
	if (o->what == OUT_NOTHING)
		out_raw(o, "\"");
	o->what = OUT_TEXT;
	escaped_text(o, text, n);
}

void out_say(struct out *o, const char *text)
{
	out_text(o, text, strlen(text));
	out_text(o, "\n", 1);
}

/* ---- tables ---- */

/* The cell of a text's column, with blanks up to the next one. */
static void padded(struct out *o, const char *text)
{
	unsigned width = o->columns[o->column].width;
	unsigned n = (unsigned)strlen(text);

	out_raw(o, text);
	if (++o->column < o->nr_columns)
		fill(o, n < width ? width - n + 1 : 1);
	else
		out_raw(o, "\n");
}

void out_table(struct out *o, const struct out_column *columns, unsigned n)
{
	o->what = OUT_TABLE;
	o->columns = columns;
	o->nr_columns = n;
	o->rows = 0;
	if (o->json) {
		out_raw(o, "[");
		return;
	}
	for (o->column = 0; o->column < n;)
		padded(o, columns[o->column].name);
}

void out_row(struct out *o)
{
	o->column = 0;
	if (o->json)
		out_raw(o, o->rows ? "},{" : "{");
	o->rows++;
}

/* The value as it is in JSON, and as text. */
static void cell(struct out *o, const char *text, bool quoted)
{
	if (!o->json) {
		padded(o, text);
		return;
	}
	if (o->column)
		out_raw(o, ",");
	out_quoted(o, o->columns[o->column].name,
		   strlen(o->columns[o->column].name));
	out_raw(o, ":");
	if (quoted)
		out_quoted(o, text, strlen(text));
	else
		out_raw(o, text);
	o->column++;
}

void out_cell(struct out *o, const char *text)
{
	if (text)
		cell(o, text, true);
	else
		cell(o, o->json ? "null" : "-", false);
}

void out_number(struct out *o, uint64_t v)
{
	char buf[24];
	struct text t = text_of(buf, sizeof(buf));

	text_add_u64(&t, v);
	cell(o, buf, false);
}

void out_tenths(struct out *o, uint64_t v)
{
	char buf[24];
	struct text t = text_of(buf, sizeof(buf));

	text_add_u64(&t, v / 10);
	text_add_char(&t, '.');
	text_add_u64(&t, v % 10);
	cell(o, buf, false);
}

void out_hex(struct out *o, uint64_t v)
{
	char buf[24];
	struct text t = text_of(buf, sizeof(buf));

	text_add(&t, "0x");
	text_add_hex(&t, v, 1);
	cell(o, buf, true);
}

void out_end(struct out *o)
{
	if (o->json && o->what == OUT_NOTHING)
		out_raw(o, "null");
	else if (o->json && o->what == OUT_TEXT)
		out_raw(o, "\"");
	else if (o->json)
		out_raw(o, o->rows ? "}]" : "]");
	o->what = OUT_NOTHING;
}
