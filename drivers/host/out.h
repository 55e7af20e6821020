/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a command's result goes: as text for people, or as one JSON value for
 * programs. A result is nothing, a text, or a table. Pure.
 */
#ifndef HOST_OUT_H
#define HOST_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct out_column {
	const char *name; /* of the members in JSON */
	unsigned width;	  /* of the text; 0: the last, as long as it is */
};

struct out {
	void (*put)(struct out *o, const char *text, size_t n);
	bool json;
	/* in between */
	enum { OUT_NOTHING, OUT_TEXT, OUT_TABLE } what;
	const struct out_column *columns;
	unsigned nr_columns, column, rows;
};

/* A text, in as many parts as there are; bytes above 0x7e are shown in JSON as
 * the characters U+0080 to U+00FF. */
void out_text(struct out *o, const char *text, size_t n);
void out_say(struct out *o, const char *text); /* a line */

/* A table: then rows, each with a cell for every column, in their order. */
void out_table(struct out *o, const struct out_column *columns, unsigned n);
void out_row(struct out *o);
void out_cell(struct out *o, const char *text); /* NULL: nothing is known */
void out_number(struct out *o, uint64_t v);
void out_tenths(struct out *o, uint64_t v); /* 123: 12.3 */
void out_hex(struct out *o, uint64_t v);    /* in JSON a string */

/* The result is complete. */
void out_end(struct out *o);

/* Plain text past all that, and a JSON string with its quotes. */
void out_raw(struct out *o, const char *text);
void out_quoted(struct out *o, const char *text, size_t n);

#endif
