/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace records as lines that a program reads back; pure. A line is
 *   pvtrace WORD [VALUE...] #CHECKSUM
 *   time BASE KHZ   TSC at time 0 and the TSC's frequency, hexadecimal
 *   part N NAME     a partition's number and name
 *   end N           it has ended: what has not returned will not
 *   lost N          so many records were overwritten before they were read
 *   rec W0 W1 ...   a struct pv_trace_record as words, without the zeros at its end
 * CHECKSUM is the CRC-32 of what is between "pvtrace " and " #".
 */
#ifndef HOST_TRACE_RAW_H
#define HOST_TRACE_RAW_H

#include "trace_text.h"

enum trace_word {
	TRACE_OTHER, /* no line of a trace */
	TRACE_BAD,
	TRACE_TIME,
	TRACE_PART,
	TRACE_END,
	TRACE_LOST,
	TRACE_REC,
};

struct trace_item {
	const char *why; /* TRACE_BAD: what is wrong */
	uint64_t a, b;	 /* TIME, PART, END, LOST */
	char name[24];	 /* PART */
	struct pv_trace_record rec;
};

/* Both make a line, without its end. */
void trace_raw_words(struct text *t, const char *word, const uint64_t *w,
		     unsigned n);
void trace_raw_part(struct text *t, unsigned part, const char *name);
void trace_raw_record(struct text *t, const struct pv_trace_record *r);

/* Reads a line of n bytes. */
enum trace_word trace_raw_parse(const char *line, size_t n,
				struct trace_item *item);

#endif
