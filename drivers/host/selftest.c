/* SPDX-License-Identifier: BSD-2-Clause */
/* Provokes the errors of the calls that only the host partition can make;
 * runs when the configuration says so. */
#include "selftest.h"

#include <string.h>

#include "host.h"
#include "image.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "pvabi/calls.h"
#include "tables.h"

struct test_handles test;
uint8_t test_page[4096] __attribute__((aligned(4096)));
static unsigned failed;

void test_result(const char *call, const char *error, bool ok)
{
	kit_printf("[host] %s %s/%s\n", ok ? "PASS" : "FAIL", call, error);
	if (!ok)
		failed++;
}

void test_expect(const char *call, uint64_t wanted, uint64_t got)
{
	test_result(call, kit_status_name(wanted), got == wanted);
	if (got != wanted)
		kit_printf("host:   %s returned %s\n", call,
			   kit_status_name(got));
}

void test_sleep(uint64_t ns)
{
	uint64_t end = kit_time_ns() + ns;

	while (kit_time_ns() < end)
		host_wait(end);
}

uint64_t test_partition(uint64_t *part)
{
	return test_partition_of(PV_PROFILE_PV, part);
}

uint64_t test_partition_of(uint64_t profile, uint64_t *part)
{
	static struct pv_partition_params p __attribute__((aligned(64)));
	uint64_t err;

	p = (struct pv_partition_params){ .name = "selftest",
					  .vcpus = 1,
					  .profile = (uint32_t)profile,
					  .port = HOST_PORT_TEST,
					  .max_pages =
						  TEST_MEMORY / 4096 + 256 };
	err = pv_partition_create(kit_info()->self, kit_gpa(&p), part);
	if (!err)
		err = pv_partition_populate(*part, 0, TEST_MEMORY / 4096);
	return err;
}

uint64_t test_program(const void *code, unsigned len, uint64_t cpu_mask)
{
	static uint8_t tables[8 * 4096] __attribute__((aligned(4096)));
	static uint8_t text[64] __attribute__((aligned(64)));
	static struct pv_partition_params p __attribute__((aligned(64)));
	struct image im = { .nr_segs = 1,
			    .seg = { { TEST_CODE, 4096, 0, 0, IMAGE_SEG_X } } };
	uint64_t part;

	p = (struct pv_partition_params){ .name = "program",
					  .vcpus = 1,
					  .port = HOST_PORT_TEST,
					  .cpu_mask = cpu_mask,
					  .max_pages = 1024 };
	memset(tables, 0, sizeof(tables));
	memcpy(text, code, len);
	tables_build(&im, TEST_MEMORY, (uint64_t *)tables, TEST_TABLES);
	if (pv_partition_create(test.self, kit_gpa(&p), &part))
		return 0;
	if (pv_partition_populate(part, 0, TEST_MEMORY / 4096) ||
	    pv_partition_write(part, TEST_CODE, kit_gpa(text), len) ||
	    pv_partition_write(part, TEST_TABLES, kit_gpa(tables), 4 * 4096)) {
		test_destroy(part);
		return 0;
	}
	return part;
}

void test_destroy(uint64_t part)
{
	uint64_t end = kit_time_ns() + KIT_SECOND;

	while (pv_partition_destroy(part) == PV_EAGAIN && kit_time_ns() < end)
		test_sleep(KIT_MS / 10); /* its CPU has to leave it */
}

/* Page tables of zeroes and no IDT: it dies at its first instruction. */
static uint64_t dead_make(void)
{
	static struct pv_vcpu_start st __attribute__((aligned(64)));
	static struct pv_partition_status s __attribute__((aligned(64)));
	uint64_t end = kit_time_ns() + 2 * KIT_SECOND;
	uint64_t part = 0;

	if (test_partition(&part))
		return 0;
	st = (struct pv_vcpu_start){ .rip = 0x1000, .cr3 = 0x2000 };
	if (pv_partition_start(part, kit_gpa(&st)))
		return 0;
	do {
		test_sleep(KIT_MS);
		if (pv_partition_status(part, kit_gpa(&s)))
			return 0;
	} while (s.state != PV_STATE_DIED && kit_time_ns() < end);
	test_result("selftest", "triple_fault_ends_only_the_guest",
		    s.state == PV_STATE_DIED);
	return part;
}

static bool handles_make(void)
{
	uint64_t self = kit_info()->self;

	test.self = self;
	return !pv_handle_derive(self, self, PV_RIGHT_SHARE, &test.weak_self) &&
	       !test_partition(&test.part) &&
	       !pv_handle_derive(self, test.part, PV_RIGHT_SHARE,
				 &test.weak_part) &&
	       !pv_event_bind(test.part, 9, 0, &test.event) &&
	       !pv_handle_derive(self, test.event, PV_RIGHT_GRANT,
				 &test.weak_event) &&
	       (test.dead = dead_make()) != 0;
}

void selftest_run(void)
{
	if (!handles_make()) {
		test_result("selftest", "set_up", false);
		host_off(1);
	}
	selftest_forbidden();
	selftest_works();
	selftest_calls();
	selftest_devices();
	selftest_dirty();
	selftest_trace();
	selftest_state();
	selftest_memory();
	selftest_limits();
	test_destroy(test.dead);
	test_destroy(test.part);
	kit_printf("host: selftest: %u failed\n", failed);
	if (failed)
		host_off(1);
}
