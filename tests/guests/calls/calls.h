/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of this guest share: a call, and what it is to return. */
#ifndef CALLS_CALLS_H
#define CALLS_CALLS_H

#include "check.h"
#include "kit/call.h"
#include "kit/mm.h"

#define BAD 0xdead0000beefull	/* a handle that names nothing */
#define NOWHERE 0x7000000000ull /* a gpa with nothing there */
#define PORT 77u

extern uint64_t self, host, weak, stats_only, event, weak_event;
extern uint64_t page; /* gpa of four pages of ours */
extern uint64_t last; /* the call's second result */

static inline uint64_t call(uint64_t nr, const uint64_t *a)
{
	return pv_call6(nr, a[0], a[1], a[2], a[3], a[4], a[5], &last);
}

static inline void expect(const char *name, const char *status, uint64_t want,
			  uint64_t got)
{
	char text[64];

	snprintf(text, sizeof(text), "call %s %s", name, status);
	check(want == got, text, "got %s", kit_status_name(got));
}

#define E(status, name, ...)           \
	expect(#name, #status, status, \
	       call(PV_CALL_##name, (const uint64_t[6]){ __VA_ARGS__ }))
/* A right that is missing, and a handle that names nothing: argument 1. */
#define RIGHTS(name, lacking, ...)                        \
	do {                                              \
		E(PV_EHANDLE, name, BAD, __VA_ARGS__);    \
		E(PV_ERIGHT, name, lacking, __VA_ARGS__); \
	} while (0)

void memory(void);
void balloon(void);
void sched(void);

#endif
