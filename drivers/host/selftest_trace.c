/* SPDX-License-Identifier: BSD-2-Clause */
/* The self test's part about tracing: no memory for a ring, a trace of our own
 * calls, what a full ring loses, and partitions that have ended. */
#include "host.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "pvabi/calls.h"
#include "rings.h"
#include "selftest.h"

static void no_memory(void)
{
	uint64_t spent = test_spend();

	test_expect("trace_map", PV_ENOMEM,
		    pv_trace_map(test.self, 0, TEST_NOWHERE, HOST_PORT_TRACE));
	test_unspend(spent);
}

static bool next_call(uint32_t nr, struct pv_trace_record *r)
{
	while (rings_next(r))
		if (r->kind == PV_RECORD_CALL && r->nr == nr)
			return true;
	return false;
}

/* The arguments, both results, and a call that has failed. */
static void own_calls(void)
{
	struct pv_trace_record r;
	uint64_t vcpus, was;
	bool ok;

	test_expect("trace_set", PV_OK,
		    pv_trace_set(test.self, test.self, PV_TRACE_CALLS));
	pv_query(PV_QUERY_VCPUS, &vcpus);
	pv_query(77, NULL);
	pv_call0(PV_CALL_COUNT, NULL);
	test_expect("trace_set", PV_OK, pv_trace_set(test.self, test.self, 0));
	ok = next_call(PV_CALL_query, &r) && r.arg[0] == PV_QUERY_VCPUS &&
	     r.status == PV_OK && r.value == vcpus && !r.part && !r.vcpu &&
	     r.rip && r.ticks;
	was = r.tsc;
	ok = ok && next_call(PV_CALL_query, &r) && r.status == PV_EINVAL &&
	     r.arg[0] == 77 && r.tsc > was;
	ok = ok && next_call(PV_RECORD_UNKNOWN, &r) && r.status == PV_ENOSYS;
	test_result("selftest", "trace_of_own_calls", ok);
	pv_nop();
	test_result("selftest", "no_trace_when_it_is_off",
		    !next_call(PV_CALL_nop, &r));
}

/* More calls than a ring holds: the newest are there, the others counted. */
static void full_ring(void)
{
	struct pv_trace_record r;
	uint64_t found = 0, calls = 3 * PV_TRACE_RECORDS;

	rings_lost();
	pv_trace_set(test.self, test.self, PV_TRACE_CALLS);
	for (uint64_t i = 0; i < calls; i++)
		pv_nop();
	pv_trace_set(test.self, test.self, 0);
	while (next_call(PV_CALL_nop, &r))
		found++;
	test_result("selftest", "a_full_ring_counts_what_it_loses",
		    found && found <= PV_TRACE_RECORDS &&
			    found + rings_lost() >= calls);
}

void selftest_trace(void)
{
	no_memory();
	test_expect("trace_map", PV_OK, rings_map());
	test_expect("trace_map", PV_EEXIST,
		    pv_trace_map(test.self, 0, TEST_NOWHERE, HOST_PORT_TRACE));
	own_calls();
	full_ring();
	test_expect("trace_set", PV_OK,
		    pv_trace_set(test.self, test.part, PV_TRACE_ALL));
	test_expect("trace_set", PV_OK,
		    pv_trace_set(test.self, test.dead, PV_TRACE_ALL));
}
