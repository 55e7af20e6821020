/* SPDX-License-Identifier: BSD-2-Clause */
/* Which memory the boot stage takes to be readable. */
/* TEST-SRC: hv/boot/known.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot/acpi.h"

#define AT 0x40000000ull

static void test_known(void **state)
{
	static struct boot_info bi = {
		.nr_ranges = 2,
		.ranges = { { AT, 16 * PAGE_SIZE, BOOT_MEM_FREE, 0 },
			    { AT + 32 * PAGE_SIZE, PAGE_SIZE, BOOT_MEM_ACPI,
			      0 } },
	};

	assert_true(boot_known(&bi, 0xF0000, 36));
	assert_false(boot_known(&bi, 0, 36));
	assert_true(boot_known(&bi, AT, 16 * PAGE_SIZE));
	assert_false(boot_known(&bi, AT, 16 * PAGE_SIZE + 1));
	assert_false(boot_known(&bi, AT + 20 * PAGE_SIZE, 1));
	assert_true(boot_known(&bi, AT + 32 * PAGE_SIZE, PAGE_SIZE));
	assert_false(boot_known(&bi, ~0ull - 10, 36));
	assert_false(boot_known(&bi, AT, ~0ull));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_known) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
