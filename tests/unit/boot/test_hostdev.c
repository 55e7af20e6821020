/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host partition is granted of the machine's devices. */
/* TEST-SRC: hv/boot/hostdev.c hv/lib/machine.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot/acpi.h"
#include "boot/host.h"
#include "boot/options.h"
#include "lib/log.h"
#include "lib/machine.h"
#include "lib/pci.h"
#include "pvabi/abi.h"

#define MIB (1ull << 20)

u32 pci_count;
struct pci_ecam pci_ecam;
struct acpi_boot acpi_boot;
struct pci_func pci_funcs[PCI_MAX_FUNCS];
struct options boot_options;
static struct boot_info bi;
static struct pv_device dev[64];

void log(const char *fmt, ...) {}

static int setup(void **state)
{
	memset(&bi, 0, sizeof(bi));
	memset(&boot_options, 0, sizeof(boot_options));
	memset(pci_funcs, 0, sizeof(pci_funcs));
	bi.nr_ranges = 1;
	bi.ranges[0] = (struct boot_range){ .start = MIB,
					    .size = 511 * MIB,
					    .type = BOOT_MEM_FREE };
	cpu_feat.phys_bits = 40;
	acpi.lapic_addr = 0xFEE00000;
	acpi_boot.nr_ioapics = 1;
	acpi_boot.ioapics[0].addr = 0xFEC00000;
	acpi.off[0].port = 0xB004;
	pci_count = 1;
	return 0;
}

/* Is a BAR there granted? Ports and memory beside the UART's. */
static bool granted(u64 base, u64 size, bool io)
{
	bi.host.nr_grants = 0;
	pci_funcs[0].bar[0] = (struct pci_bar){ base, size, io };
	assert_int_equal(host_devices(&bi, dev, 64), 3);
	assert_int_equal(dev[1].bar[0].size, bi.host.nr_grants > 1 ? size : 0);
	return bi.host.nr_grants > 1;
}

static void ordinary_bars_are_granted(void **state)
{
	assert_true(granted(0xC000, 64, true));
	assert_true(granted(0xFE000000, 0x4000, false));
	assert_true(granted(0xE000000000, 0x4000, false));
	assert_true(granted(0xFE000800, 0x100, false)); /* its whole page */
	assert_int_equal(bi.host.grants[1].start, 0xFE000000);
	assert_int_equal(bi.host.grants[1].size, PAGE_SIZE);
}

static void the_hypervisors_ports_are_not(void **state)
{
	static const u16 ports[] = { 0x20, 0xA1,  0x40,	 0x61,	0x70,  0x92,
				     0xB2, 0xCF8, 0xCF9, 0xCFC, 0xB004 };

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		assert_false(granted(ports[i] & ~3u, 4, true));
	assert_false(granted(0xFFFC, 8, true));
	assert_false(granted(0x1000, 0x1000, true));
}

static void memory_and_interrupt_controllers_are_not(void **state)
{
	assert_false(granted(16 * MIB, PAGE_SIZE, false));
	assert_false(granted(0xA0000, PAGE_SIZE, false));
	assert_false(granted(0xFEE00000, PAGE_SIZE, false));
	assert_false(granted(0xFEC00000, PAGE_SIZE, false));
	assert_false(granted(0xFEB00000, 4 * MIB, false)); /* contains them */
	assert_false(granted(0xFED90000, PAGE_SIZE, false));
	assert_true(granted(0xFD000000, PAGE_SIZE, false));
	acpi_boot.iommu.unit[acpi_boot.iommu.nr++].regs = 0xFCFFF000;
	assert_false(granted(0xFD000000, PAGE_SIZE, false));
	acpi_boot.iommu.nr = 0;
	pci_ecam = (struct pci_ecam){ 0xF0000000, 1, 4 };
	assert_false(granted(0xF0400000, PAGE_SIZE, false));
	assert_true(granted(0xF0500000, PAGE_SIZE, false));
	pci_ecam.base = 0;
	assert_true(granted(0xF0400000, PAGE_SIZE, false));
	assert_false(granted(PV_PARTITION_PAGE, PAGE_SIZE, false));
	assert_false(granted(PV_MODULE_BASE, PAGE_SIZE, false));
	assert_false(granted(1ull << 40, PAGE_SIZE, false));
	assert_false(granted(~0ull << 12, PAGE_SIZE, false));
}

static void ide_has_its_legacy_ports(void **state)
{
	pci_funcs[0].class = 1;
	pci_funcs[0].subclass = 1;
	pci_funcs[0].progif = 4; /* the second channel is native */
	assert_int_equal(host_devices(&bi, dev, 64), 3);
	assert_int_equal(bi.host.nr_grants, 3);
	assert_int_equal(bi.host.grants[1].start, 0x1F0);
	assert_int_equal(bi.host.grants[2].start, 0x3F6);
}

static void com2_is_there_if_configured(void **state)
{
	boot_options.control = true;
	assert_int_equal(host_devices(&bi, dev, 64), 4);
	assert_int_equal(dev[1].type, PV_DEV_UART);
	assert_int_equal(dev[1].base, 0x2F8);
	assert_int_equal(dev[1].irq, 3);
	assert_int_equal(bi.host.nr_grants, 2);
	assert_int_equal(bi.host.grants[1].start, 0x2F8);
	assert_int_equal(bi.host.grants[1].kind, BOOT_GRANT_PORTS);
}

static void com3_is_there_if_configured(void **state)
{
	boot_options.pcap = true;
	assert_int_equal(host_devices(&bi, dev, 64), 4);
	assert_int_equal(dev[1].type, PV_DEV_UART);
	assert_int_equal(dev[1].base, 0x3E8);
	assert_int_equal(bi.host.grants[1].start, 0x3E8);
}

static void each_range_names_its_function(void **state)
{
	pci_count = 2;
	pci_funcs[0].bar[0] = (struct pci_bar){ 0xFE000000, 0x100, false };
	pci_funcs[0].bar[1] = (struct pci_bar){ 0xFE000400, 0x100, false };
	pci_funcs[0].bar[2] = (struct pci_bar){ 0xC000, 8, true };
	pci_funcs[1].bar[0] = (struct pci_bar){ 0xFE000800, 0x100, false };
	assert_int_equal(host_devices(&bi, dev, 64), 4);
	/* one page of a function is there once, of two functions twice */
	assert_int_equal(bi.host.nr_grants, 4);
	assert_int_equal(bi.host.grants[0].func, 0); /* the UART */
	assert_int_equal(bi.host.grants[1].func, 1);
	assert_int_equal(bi.host.grants[2].kind, BOOT_GRANT_PORTS);
	assert_int_equal(bi.host.grants[2].func, 1);
	assert_int_equal(bi.host.grants[3].func, 2);
	assert_int_equal(bi.host.grants[3].start, 0xFE000000);
	assert_int_equal(dev[1].bar[1].size, 0x100);
}

/* The screen mostly lies in a BAR, and is then granted with it. */
static void the_screen_is_there_with_its_memory(void **state)
{
	static const struct boot_screen screen = { 0xE0001000, 0x100000, 640,
						   400, 1024 };

	pci_funcs[0].bdf = 0x10;
	pci_funcs[0].bar[0] = (struct pci_bar){ 0xE0000000, 0x200000, false };
	boot_screen = screen;
	assert_int_equal(host_devices(&bi, dev, 64), 4);
	assert_int_equal(bi.host.nr_grants, 2);
	assert_int_equal(dev[2].type, PV_DEV_SCREEN);
	assert_int_equal(dev[2].base, 0xE0001000);
	assert_int_equal(dev[2].stride, 1024);
	assert_int_equal(dev[2].bdf, 0x10);
	assert_int_equal(dev[3].type, PV_DEV_KEYBOARD);
	setup(NULL);
	assert_int_equal(host_devices(&bi, dev, 64), 4);
	assert_int_equal(bi.host.nr_grants, 2);
	assert_int_equal(bi.host.grants[1].start, 0xE0001000);
	assert_int_equal(bi.host.grants[1].func, 0);
	assert_int_equal(dev[2].bdf, 0);
	setup(NULL);
	boot_screen.base = MIB; /* that is RAM */
	assert_int_equal(host_devices(&bi, dev, 64), 3);
	assert_int_equal(dev[2].type, PV_DEV_KEYBOARD);
	boot_screen.size = 0;
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(ordinary_bars_are_granted),
		T(the_hypervisors_ports_are_not),
		T(memory_and_interrupt_controllers_are_not),
		T(ide_has_its_legacy_ports),
		T(com2_is_there_if_configured),
		T(com3_is_there_if_configured),
		T(each_range_names_its_function),
		T(the_screen_is_there_with_its_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
