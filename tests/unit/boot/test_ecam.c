/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration space in memory, and by ports: which one is used, and that it is
 * the right register. The memory is a part of this program. */
/* TEST-SRC: hv/boot/ecam.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/acpi.h"
#include "boot/machine.h"
#include "lib/lock.h"
#include "lib/log.h"

/* ---- the ports; then the source once more, with them ---- */

static u32 by_ports[256], address; /* of 00:03.0, the only one there */
static u32 port_accesses;

static u32 fake_inl(u16 port)
{
	port_accesses++;
	assert_int_equal(port, 0xcfc);
	return address >> 8 == 0x800018 ? by_ports[(address & 0xff) / 4] : ~0u;
}

static void fake_outl(u16 port, u32 v)
{
	if (port == 0xcf8)
		address = v;
	else if (address >> 8 == 0x800018)
		by_ports[(address & 0xff) / 4] = v;
}

#define inl fake_inl
#define outl fake_outl
#include "hv/lib/pci.c"

struct acpi_info acpi;
struct acpi_boot acpi_boot;
struct cpu_features cpu_feat;

void log(const char *fmt, ...) {}

/* ---- the machine ---- */

#define BUSES 2u
#define FIRST 0u
static u8 *window, *memory; /* the window is aligned to a bus's part */
static struct boot_info info;

static u32 *reg(u32 bus, u32 dev, u32 at)
{
	return (u32 *)(window + bus * ECAM_BUS + (dev << 15) + at);
}

static int setup(void **state)
{
	memory = malloc((BUSES + 1) * ECAM_BUS);
	window = (u8 *)(((uintptr_t)memory + ECAM_BUS - 1) & ~(ECAM_BUS - 1));
	memset(window, 0xff, BUSES * ECAM_BUS);
	memset(&info, 0, sizeof(info));
	memset(by_ports, 0, sizeof(by_ports));
	memset(&acpi_boot, 0, sizeof(acpi_boot));
	pci_ecam = (struct pci_ecam){ 0 };
	port_accesses = 0;
	cpu_feat.phys_bits = 48;
	acpi.lapic_addr = 0xfee00000;
	acpi_boot.ecam.base = (u64)(uintptr_t)window;
	acpi_boot.ecam.last = BUSES - 1;
	by_ports[0] = *reg(0, 3, 0) = 0x12345678;
	return 0;
}

static int teardown(void **state)
{
	free(memory);
	return 0;
}

static void memory_is_used(void **state)
{
	ecam_use(&info);
	assert_int_equal(pci_ecam.base, acpi_boot.ecam.base);
	port_accesses = 0;
	*reg(1, 31, 0xfc) = 77;
	assert_int_equal(pci_read32(1 << 8 | 31 << 3, 0xfc), 77);
	*reg(0, 3, 0x7000 + 0x10) = 78; /* function 7 */
	assert_int_equal(pci_read32(3 << 3 | 7, 0x10), 78);
	pci_write32(3 << 3 | 7, 0x10, 79);
	assert_int_equal(*reg(0, 3, 0x7010), 79);
	assert_int_equal(port_accesses, 0);
	/* beyond its buses the ports are left */
	assert_int_equal(pci_read32(BUSES << 8, 0), ~0u);
	assert_int_equal(port_accesses, 1);
}

static void window_begins_at_another_bus(void **state)
{
	acpi_boot.ecam.base -= 5 * ECAM_BUS;
	acpi_boot.ecam.first = 5;
	acpi_boot.ecam.last = 6;
	pci_ecam = acpi_boot.ecam;
	*reg(1, 2, 8) = 80;
	assert_int_equal(pci_read32(6 << 8 | 2 << 3, 8), 80);
	assert_int_equal(pci_read32(3 << 3, 0), 0x12345678); /* by ports */
	assert_int_equal(pci_read32(7 << 8, 0), ~0u);
}

static void ports_are_used(void)
{
	ecam_use(&info);
	assert_int_equal(pci_ecam.base, 0);
	assert_int_equal(pci_read32(3 << 3, 0), 0x12345678);
	pci_write32(3 << 3, 0x40, 9);
	assert_int_equal(by_ports[0x10], 9);
}

static void no_table(void **state)
{
	acpi_boot.ecam.base = 0;
	ports_are_used();
}

/* What is there by ports is not, or is another one. */
static void table_lies(void **state)
{
	*reg(0, 3, 0) = 0x12345679;
	ports_are_used();
	*reg(0, 3, 0) = ~0u;
	ports_are_used();
	*reg(0, 3, 0) = 0x12345678;
	*reg(0, 2, 0) = 0x12345678; /* by memory only */
	ports_are_used();
}

static void window_is_not_free(void **state)
{
	u64 base = acpi_boot.ecam.base;

	acpi_boot.ecam.base = base + 0x1000;
	ports_are_used();
	acpi_boot.ecam.base = base;
	acpi_boot.ecam.first = 3; /* more than the last */
	ports_are_used();
	acpi_boot.ecam.first = 0;
	cpu_feat.phys_bits = 32;
	ports_are_used();
	cpu_feat.phys_bits = 48;
	acpi_boot.ecam.base = ~0ull << 20;
	ports_are_used();
	acpi_boot.ecam.base = base;
	info.nr_ranges = 1;
	info.ranges[0] = (struct boot_range){ base + BUSES * ECAM_BUS - 0x1000,
					      0x10000, BOOT_MEM_FREE, false };
	ports_are_used();
	info.ranges[0].type = BOOT_MEM_OTHER; /* as firmware calls it */
	ecam_use(&info);
	assert_int_equal(pci_ecam.base, base);
	acpi.lapic_addr = base + 0x3000;
	pci_ecam.base = 0;
	ports_are_used();
	acpi.lapic_addr = 0;
	acpi_boot.nr_ioapics = 1;
	acpi_boot.ioapics[0].addr = base;
	ports_are_used();
	acpi_boot.nr_ioapics = 0;
	acpi_boot.iommu.nr = 1;
	acpi_boot.iommu.unit[0].regs = base + ECAM_BUS;
	ports_are_used();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(memory_is_used, setup,
						teardown),
		cmocka_unit_test_setup_teardown(window_begins_at_another_bus,
						setup, teardown),
		cmocka_unit_test_setup_teardown(no_table, setup, teardown),
		cmocka_unit_test_setup_teardown(table_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(window_is_not_free, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
