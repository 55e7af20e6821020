/* SPDX-License-Identifier: BSD-2-Clause */
/* Where interrupt lines end: two I/O APICs, and what the MADT overrides.
 * TEST-SRC: hv/boot/lines.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot/acpi.h"
#include "lib/lapic.h"

#define FIRST 0xfec00000u
#define SECOND 0xfec10000u

struct acpi_info acpi;
struct acpi_boot acpi_boot;
struct cpu_features cpu_feat;

static void override(u8 isa_irq, u32 gsi, bool level, bool low)
{
	acpi_boot.overrides[acpi_boot.nr_overrides++] =
		(struct acpi_override){ .isa_irq = isa_irq,
					.gsi = gsi,
					.level = level,
					.active_low = low };
}

static int setup(void **state)
{
	memset(&acpi, 0, sizeof(acpi));
	memset(&acpi_boot, 0, sizeof(acpi_boot));
	acpi_boot.nr_ioapics = 2;
	acpi_boot.ioapics[0] = (struct acpi_ioapic){ FIRST, 0, 24, 0, 0xf0ff };
	acpi_boot.ioapics[1] =
		(struct acpi_ioapic){ SECOND, 56, 24, 1, 0xf0f8 };
	override(0, 2, false, false);
	override(9, 9, true, false);
	override(5, 40, true, true);
	acpi_lines_find();
	return 0;
}

static void test_pins(void **state)
{
	assert_int_equal(acpi.pins[0].ioapic, FIRST);
	assert_int_equal(acpi.pins[0].rte, 0x10);
	assert_int_equal(acpi.pins[0].bdf, 0xf0ff);
	assert_int_equal(acpi.pins[23].rte, 0x10 + 46);
	assert_int_equal(acpi.pins[24].ioapic, 0);
	assert_int_equal(acpi.pins[55].ioapic, 0);
	assert_int_equal(acpi.pins[56].ioapic, SECOND);
	assert_int_equal(acpi.pins[63].rte, 0x10 + 14);
	assert_int_equal(acpi.pins[63].bdf, 0xf0f8);
}

/* The first of two that claim the same pin has it. */
static void test_pin_twice(void **state)
{
	acpi_boot.ioapics[1].gsi_base = 23;
	memset(&acpi, 0, sizeof(acpi));
	acpi_lines_find();
	assert_int_equal(acpi.pins[23].ioapic, FIRST);
	assert_int_equal(acpi.pins[24].ioapic, SECOND);
	assert_int_equal(acpi.pins[24].rte, 0x12);
}

static void test_pci(void **state)
{
	const struct acpi_line *l = acpi.lines[0];

	assert_int_equal(l[11].gsi, 11);
	assert_int_equal(l[11].rte, RTE_LEVEL | RTE_ACTIVE_LOW);
	assert_int_equal(l[9].rte, RTE_LEVEL);
	assert_int_equal(l[2].rte, 0);
	assert_int_equal(l[24].gsi, GSI_NONE);
	assert_int_equal(l[40].gsi, GSI_NONE);
	assert_int_equal(l[63].gsi, 63);
}

static void test_isa(void **state)
{
	const struct acpi_line *l = acpi.lines[1];

	assert_int_equal(l[0].gsi, 2);
	assert_int_equal(l[4].gsi, 4);
	assert_int_equal(l[4].rte, 0);
	assert_int_equal(l[9].gsi, 9);
	assert_int_equal(l[9].rte, RTE_LEVEL);
	assert_int_equal(l[5].gsi, GSI_NONE); /* there is no such pin */
	assert_int_equal(l[5].rte, RTE_LEVEL | RTE_ACTIVE_LOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_pins, setup),
		cmocka_unit_test_setup(test_pin_twice, setup),
		cmocka_unit_test_setup(test_pci, setup),
		cmocka_unit_test_setup(test_isa, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
