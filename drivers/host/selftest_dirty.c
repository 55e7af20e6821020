/* SPDX-License-Identifier: BSD-2-Clause */
/* The self test's part on the log of pages that are written to. */
#include "selftest.h"

#include <string.h>

#include "host.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "pvabi/calls.h"

/* Writes to three pages, then reads a fourth for ever. */
static const uint8_t code[] = {
	0x89, 0x04, 0x25, 0x10, 0x00, 0x04, 0x00, /* mov %eax, 0x40010 */
	0x89, 0x04, 0x25, 0x00, 0xf0, 0x07, 0x00, /* mov %eax, 0x7f000 */
	0x89, 0x04, 0x25, 0xfc, 0xff, 0x1f, 0x00, /* mov %eax, 0x1ffffc */
	0x8b, 0x04, 0x25, 0x00, 0x00, 0x05, 0x00, /* mov 0x50000, %eax */
	0xeb, 0xf7,				  /* jmp to the last */
};
#define PAGES (TEST_MEMORY / 4096)
#define WORDS (PAGES / 64)
#define COPIED 0x60ff0 /* 32 bytes: in two pages */

static uint64_t bits[WORDS + 1] __attribute__((aligned(64)));
static uint8_t own[8 * 4096] __attribute__((aligned(4096)));

static void mark(uint64_t *map, unsigned page)
{
	map[page / 64] |= 1ull << page % 64;
}

static uint64_t look(uint64_t part)
{
	memset(bits, 0xee, sizeof(bits));
	return pv_partition_dirty_read(part, 0, PAGES, kit_gpa(bits));
}

/* Does the log name these, and no other? Of the tables it may say anything. */
static void named(const char *what, uint64_t part, const uint64_t *want)
{
	uint64_t err = look(part);

	for (unsigned i = 0; i < 4; i++) {
		unsigned page = TEST_TABLES / 4096 + i;

		bits[page / 64] &= ~(1ull << page % 64);
	}
	test_result("partition_dirty_read", what,
		    !err && !memcmp(bits, want, WORDS * 8) &&
			    bits[WORDS] == 0xeeeeeeeeeeeeeeee);
}

static void not_started(uint64_t part)
{
	uint64_t want[WORDS] = { 0 };

	test_expect("partition_dirty_log", PV_OK,
		    pv_partition_dirty_log(part, 1));
	test_expect("partition_dirty_read", PV_OK, look(part));
	named("none", part, want);
	pv_partition_write(part, COPIED, kit_gpa(test_page), 32);
	mark(want, COPIED / 4096);
	mark(want, COPIED / 4096 + 1);
	named("partition_write", part, want);
}

static void runs(uint64_t part)
{
	static struct pv_vcpu_start st __attribute__((aligned(64)));
	uint64_t want[WORDS] = { 0 };

	st = (struct pv_vcpu_start){ .rip = TEST_CODE, .cr3 = TEST_TABLES };
	test_expect("partition_start", PV_OK,
		    pv_partition_start(part, kit_gpa(&st)));
	host_wait(kit_time_ns() + 20 * KIT_MS);
	mark(want, 0x40);
	mark(want, 0x7f);
	mark(want, 0x1ff);
	named("what_the_guest_writes", part, want);
	memset(want, 0, sizeof(want));
	named("once", part, want);
	pv_partition_dirty_log(part, 0);
	test_expect("partition_dirty_read", PV_ESTATE, look(part));
}

/* What is beyond the last page, and what was written to while nobody logged. */
static void again(uint64_t part)
{
	uint64_t want[WORDS] = { 0 };

	pv_partition_dirty_log(part, 1);
	look(part);
	named("a_second_log", part, want);
	memset(bits, 0xee, sizeof(bits));
	pv_partition_dirty_read(part, 0x100000, 3, kit_gpa(bits));
	test_result("partition_dirty_read", "whole_words",
		    !bits[0] && bits[1] == 0xeeeeeeeeeeeeeeee);
}

/* Our own pages: written by us, and by calls for us. */
static void of_ourselves(void)
{
	uint64_t at = kit_gpa(own);
	volatile uint8_t *p = own;

	pv_partition_dirty_log(PV_SELF, 1);
	pv_partition_dirty_read(PV_SELF, at, 8, kit_gpa(bits));
	p[4096] = 1;
	pv_partition_status(PV_SELF, at + 3 * 4096);
	bits[0] = p[5 * 4096];
	test_expect("partition_dirty_read", PV_OK,
		    pv_partition_dirty_read(PV_SELF, at, 8, kit_gpa(bits)));
	test_result("partition_dirty_read", "results_of_calls", bits[0] == 10);
	pv_partition_dirty_read(PV_SELF, at, 8, at + 6 * 4096);
	pv_partition_dirty_read(PV_SELF, at, 8, kit_gpa(bits));
	test_result("partition_dirty_read", "its_own_result", bits[0] == 64);
	pv_partition_dirty_log(PV_SELF, 0);
}

/* A large page that the quota has no table for. */
static void no_room(void)
{
	uint64_t part, at;

	if (test_partition(&part))
		return;
	for (at = TEST_MEMORY; !pv_partition_populate(part, at, 1);)
		at += 4096;
	pv_partition_dirty_log(part, 1);
	test_expect("partition_dirty_read", PV_ENOMEM, look(part));
	test_destroy(part);
}

void selftest_dirty(void)
{
	uint64_t part = test_program(code, sizeof(code), 0);

	not_started(part);
	runs(part);
	again(part);
	test_destroy(part);
	of_ourselves();
	no_room();
}
