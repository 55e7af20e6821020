/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes calls of which it is known how often, and with which arguments: it is
 * counted and traced. */
#include <string.h>

#include "check.h"
#include "kit/call.h"
#include "kit/mm.h"

#define NOPS 7
#define UNKNOWN 3

static struct pv_vcpu_calls before, after;

static uint64_t counted(unsigned nr)
{
	return after.calls[nr] - before.calls[nr];
}

static void counters(void)
{
	unsigned i;

	pv_partition_calls(PV_SELF, 0, kit_gpa(&before));
	for (i = 0; i < NOPS; i++)
		pv_nop();
	pv_query(99, NULL);
	for (i = 0; i < UNKNOWN; i++)
		pv_call0(PV_CALL_COUNT + i, NULL);
	pv_call0(~0ull, NULL);
	pv_partition_calls(PV_SELF, 0, kit_gpa(&after));
	check(counted(PV_CALL_nop) == NOPS, "counter of a call", "%lu",
	      (unsigned long)counted(PV_CALL_nop));
	check(counted(PV_CALL_query) == 1 &&
		      counted(PV_CALL_partition_calls) == 1,
	      "counter of a call that fails", "%lu",
	      (unsigned long)counted(PV_CALL_query));
	check(after.unknown - before.unknown == UNKNOWN + 1,
	      "counter of unknown calls", "%lu",
	      (unsigned long)(after.unknown - before.unknown));
}

int kit_main(const char *cmdline)
{
	(void)cmdline;
	counters();
	return check_summary("traced");
}
