/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes calls of which it is known how often, and with which arguments: it is
 * counted and traced. */
#include <string.h>

#include "check.h"
#include "kit/call.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/time.h"

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

/* One of each kind of argument and outcome. */
static void calls(void)
{
	struct pv_batch_entry *e = kit_pages_alloc(1);
	uint64_t page = kit_gpa(e), event = 0, v;

	pv_event_bind(PV_SELF, 9, 0, &event);
	pv_event_send(event);
	pv_event_send(0xdead0000beef);
	pv_io_read(PV_SPACE_MMIO, 0x7000000000, 4, &v);
	kit_event_scan();
	pv_vcpu_wait(1);
	pv_timer_set(kit_tsc() + 5 * kit_tsc_khz());
	pv_vcpu_wait(0);
	kit_event_scan();
	pv_mem_share(kit_info()->host, page, 1, PV_SHARE_WRITE);
	pv_mem_revoke(page, 1);
	pv_handle_derive(PV_SELF, event, PV_RIGHT_SEND | PV_RIGHT_GRANT, &v);
	e[0] = (struct pv_batch_entry){ .call = PV_CALL_nop };
	e[1] = (struct pv_batch_entry){ .call = PV_CALL_query,
					.arg = { PV_QUERY_VCPUS } };
	e[2] = (struct pv_batch_entry){ .call = PV_CALL_vcpu_wait };
	check(!pv_batch(page, 3, 0, &v) && e[2].status == PV_EINVAL, "a batch",
	      "%u", e[2].status);
	pv_call6(1000, 1, 2, 3, 4, 5, 0x123456, NULL);
}

/*
 * Dies after a rest of 100 ms: QEMU on one thread turns to the CPU of the guest that
 * sleeps when this one's CPU halts, or after 100 ms.
 */
static void crash(void)
{
	pv_vcpu_wait(kit_tsc() + 100 * kit_tsc_khz());
	pv_crash(kit_gpa("on purpose"), 10);
}

int kit_main(const char *cmdline)
{
	kit_irq_off();
	kit_event_scan();
	if (!strcmp(cmdline, "crash"))
		crash();
	if (!strcmp(cmdline, "sleep"))
		pv_vcpu_wait(0);
	counters();
	calls();
	kit_irq_on();
	return check_summary("traced");
}
