/* SPDX-License-Identifier: BSD-2-Clause */
/* Which mitigations a CPU gets for what it says of itself. */
/* TEST-SRC: hv/boot/vulns.c hv/lib/machine.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot/vulns.h"

struct cpu_boot cpu_boot;

#define SKYLAKE_D (1u << 10 | 1u << 26 | 1u << 28 | 1u << 31)
#define ALL_NO (~0ull & ~(1ull << 19))

static struct vuln list[VULN_COUNT];

static enum vuln_state state_of(const char *name)
{
	for (u32 i = 0; i < VULN_COUNT; i++)
		if (!strcmp(list[i].name, name))
			return list[i].state;
	fail_msg("no entry %s", name);
	return VULN_OPEN;
}

static void names_in_order_with_reasons(void **state)
{
	struct vuln_cpu c = { .vendor = CPU_INTEL };

	vulns_assess(&c, true, list);
	for (u32 i = 0; i < VULN_COUNT; i++) {
		assert_true(list[i].reason[0]);
		if (i)
			assert_true(strcmp(list[i - 1].name, list[i].name) < 0);
	}
}

static void old_intel(void **state)
{
	struct vuln_cpu c = { .vendor = CPU_INTEL,
			      .family = 6,
			      .leaf7_b = 1u << 11,
			      .leaf7_d = SKYLAKE_D };
	u32 on = vulns_assess(&c, true, list);

	assert_int_equal(on, MIT_IBPB | MIT_RSB | MIT_VERW | MIT_L1D |
				     MIT_IBRS | MIT_SSBD | MIT_NX_LARGE);
	assert_int_equal(state_of("mds"), VULN_MITIGATED);
	assert_int_equal(state_of("l1tf"), VULN_MITIGATED);
	assert_int_equal(state_of("tsx_async_abort"), VULN_MITIGATED);
	assert_int_equal(state_of("tsa"), VULN_NOT_AFFECTED);
	assert_int_equal(vulns_assess(&c, false, list), 0);
	assert_int_equal(state_of("mds"), VULN_OFF);
	assert_int_equal(state_of("spectre_v1"), VULN_MITIGATED);
	assert_int_equal(state_of("meltdown"), VULN_MITIGATED);
}

static void new_intel(void **state)
{
	struct vuln_cpu c = { .vendor = CPU_INTEL,
			      .family = 6,
			      .leaf7_d = SKYLAKE_D,
			      .caps = ALL_NO };
	u32 on = vulns_assess(&c, true, list);

	assert_int_equal(on, MIT_IBPB | MIT_RSB | MIT_IBRS_ALWAYS);
	assert_int_equal(state_of("l1tf"), VULN_NOT_AFFECTED);
	assert_int_equal(state_of("retbleed"), VULN_NOT_AFFECTED);
	assert_int_equal(state_of("itlb_multihit"), VULN_NOT_AFFECTED);
}

static void zen(void **state)
{
	struct vuln_cpu c = { .vendor = CPU_AMD,
			      .family = 0x17,
			      .ext8_b = 1u << 12 | 1u << 24 };
	u32 on = vulns_assess(&c, true, list);

	assert_int_equal(on, MIT_IBPB | MIT_RSB | MIT_SSBD);
	assert_int_equal(state_of("mds"), VULN_NOT_AFFECTED);
	assert_int_equal(state_of("spec_rstack_overflow"), VULN_OPEN);
	assert_int_equal(state_of("tsa"), VULN_NOT_AFFECTED);
	c.family = 0x19;
	c.ext21_a = 1u << 5;
	assert_true(vulns_assess(&c, true, list) & MIT_VERW);
	assert_int_equal(state_of("tsa"), VULN_MITIGATED);
	c.ext21_c = 6;
	assert_false(vulns_assess(&c, true, list) & MIT_VERW);
}

static void nothing_available(void **state)
{
	struct vuln_cpu c = { .vendor = CPU_INTEL, .family = 6 };

	vulns_assess(&c, true, list);
	assert_int_equal(state_of("spectre_v2"), VULN_OPEN);
	assert_int_equal(state_of("mds"), VULN_OPEN);
	assert_int_equal(state_of("l1tf"), VULN_OPEN);
	assert_int_equal(state_of("tsx_async_abort"), VULN_NOT_AFFECTED);
}

static void each_part_of_a_pair_counts(void **state)
{
	struct vuln_cpu c = { .vendor = CPU_INTEL, .leaf7_d = 1u << 10 };

	c.caps = 1ull << 13 | 1ull << 14;
	vulns_assess(&c, true, list);
	assert_int_equal(state_of("mmio_stale_data"), VULN_MITIGATED);
	c.caps |= 1ull << 15;
	vulns_assess(&c, true, list);
	assert_int_equal(state_of("mmio_stale_data"), VULN_NOT_AFFECTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_in_order_with_reasons),
		cmocka_unit_test(old_intel),
		cmocka_unit_test(new_intel),
		cmocka_unit_test(zen),
		cmocka_unit_test(nothing_available),
		cmocka_unit_test(each_part_of_a_pair_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
