/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the parts of the self test. */
#ifndef HOST_SELFTEST_H
#define HOST_SELFTEST_H

#include <stdbool.h>
#include <stdint.h>

#define TEST_BAD_HANDLE 0xdeadbeef0bad0000ull
#define TEST_NOWHERE 0x7800000000ull /* nothing is mapped there, or before */
#define TEST_MEMORY (2ull << 20)     /* of a test partition */

struct test_handles {
	uint64_t self;
	uint64_t weak_self; /* own handle with no right but SHARE */
	uint64_t part;	    /* a partition that was not started */
	uint64_t weak_part;
	uint64_t dead;	     /* a partition that has ended */
	uint64_t event;	     /* an event of part */
	uint64_t weak_event; /* without PV_RIGHT_SEND */
};

extern struct test_handles test;
extern uint8_t test_page[4096]; /* scratch, page-aligned */

/* For so long, whatever is handled meanwhile. */
void test_sleep(uint64_t ns);

/* Prints "[host] PASS call/error" or FAIL. */
void test_result(const char *call, const char *error, bool ok);
void test_expect(const char *call, uint64_t wanted, uint64_t got);

/* Makes a partition with memory at 0 .. TEST_MEMORY; status. */
uint64_t test_partition(uint64_t *part);
uint64_t test_partition_of(uint64_t profile, uint64_t *part);
void test_destroy(uint64_t part);

/* Takes all that is left of our own quota, and how much; gives it back. */
uint64_t test_spend(void);
void test_unspend(uint64_t pages);

/*
 * A partition with one vCPU and page tables at TEST_TABLES, in whose memory code
 * stands at TEST_CODE, not started; 0 if there is none of these CPUs.
 */
#define TEST_CODE 0x1000
#define TEST_TABLES 0x10000
uint64_t test_program(const void *code, unsigned len, uint64_t cpu_mask);

void selftest_state(void);     /* registers of vCPUs that do not run */
void selftest_works(void);     /* calls that succeed */
void selftest_calls(void);     /* errors that one call shows */
void selftest_devices(void);   /* PCI functions */
void selftest_limits(void);    /* full tables, spent quotas, states */
void selftest_dirty(void);     /* the log of pages written to */
void selftest_trace(void);     /* the trace's rings, of our own calls */
void selftest_memory(void);    /* what comes back */
void selftest_forbidden(void); /* what the host partition may not touch */

#endif
