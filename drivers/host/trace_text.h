/* SPDX-License-Identifier: BSD-2-Clause */
/* Trace records as lines of text; pure. Also part of build/pvtrace. */
#ifndef HOST_TRACE_TEXT_H
#define HOST_TRACE_TEXT_H

#include <stdbool.h>

#include "pvabi/abi.h"
#include "text.h"

#define TRACE_LINE 400u /* bytes of the longest line, NUL included */
#define TRACE_PARTS 256u

/* What lines tell times and partitions by. */
struct trace_view {
	uint64_t base, tsc_khz; /* TSC at time 0; 0 kHz: times are TSC ticks */
	char name[TRACE_PARTS][24]; /* of partitions; empty: not known */
};

/* The name of what the record is about: of a call, an exit, a reason. */
const char *trace_what(const struct pv_trace_record *r);
/* The name of a status; NULL: it is none. */
const char *trace_status(uint32_t status);
/* "pv" or "part3". */
void trace_part(struct text *t, const struct trace_view *v, unsigned part);
/* "0.001234": seconds since the base. */
void trace_time(struct text *t, const struct trace_view *v, uint64_t tsc);

/* Argument i of the record, its name in *name and its value in t; false: there
 * are no more. */
bool trace_arg(struct text *t, const struct pv_trace_record *r, unsigned i,
	       const char **name);
/* The same for the second result: false if there is none. */
bool trace_result(struct text *t, const struct pv_trace_record *r,
		  const char **name);

/* The whole, without an end of line:
 * pv.0     0.001234 event_send(event=0x100000002) = PV_OK <36 ticks> */
void trace_line(struct text *t, const struct trace_view *v,
		const struct pv_trace_record *r);

/* Calls that wait, kept until their second record comes. */
#define TRACE_OPEN 64u
struct trace_open {
	unsigned n;
	struct pv_trace_record r[TRACE_OPEN];
};
/* False: r waits, and is kept instead of being shown (not if there is no room). */
bool trace_open_note(struct trace_open *o, const struct pv_trace_record *r);
/* Takes out one of partition `part` (TRACE_PARTS: any) that never returned. */
bool trace_open_take(struct trace_open *o, unsigned part,
		     struct pv_trace_record *r);

#endif
