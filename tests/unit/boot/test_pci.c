/* SPDX-License-Identifier: BSD-2-Clause */
/* Which PCI functions the boot stage finds, and what it makes of their BARs. */
/* TEST-SRC: hv/boot/pci.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot/machine.h"
#include "boot/options.h"
#include "lib/log.h"
#include "lib/pci.h"

#define BDF(bus, dev, fn) ((bus) << 8 | (dev) << 3 | (fn))
#define MULTI 0x800000u
#define BRIDGE 0x010000u

u32 pci_count;
struct pci_func pci_funcs[PCI_MAX_FUNCS];
struct options boot_options;

static struct {
	u16 bdf;
	u32 reg[64], sizes[64]; /* sizes: the bits of a BAR that stay 0 */
	u32 writes;
} machine[80];
static u32 nr;

void log(const char *fmt, ...) {}

static int find(u16 bdf)
{
	for (u32 i = 0; i < nr; i++)
		if (machine[i].bdf == bdf)
			return (int)i;
	return -1;
}

u32 pci_read32(u16 bdf, u16 reg)
{
	int i = find(bdf);

	return i < 0 ? ~0u : machine[i].reg[reg / 4];
}

void pci_write32(u16 bdf, u16 reg, u32 v)
{
	int i = find(bdf);

	assert_true(i >= 0);
	machine[i].writes++;
	if (reg >= 0x10 && reg < 0x28)
		v = (v & ~machine[i].sizes[reg / 4]) |
		    (machine[i].reg[reg / 4] & 15 & machine[i].sizes[reg / 4]);
	machine[i].reg[reg / 4] = v;
}

static u32 *add(u16 bdf, u32 class, u32 header)
{
	machine[nr].bdf = bdf;
	machine[nr].reg[0] = 0x12345678;
	machine[nr].reg[2] = class << 8;
	machine[nr].reg[3] = header;
	return machine[nr++].reg;
}

static int setup(void **state)
{
	memset(machine, 0, sizeof(machine));
	nr = 0;
	memset(&boot_options, 0, sizeof(boot_options));
	return 0;
}

/* They are not touched, but what is behind them is found. */
static void bridges_are_left_out(void **state)
{
	add(BDF(0, 0, 0), 0x060000, 0);
	add(BDF(0, 1, 0), 0x060400, BRIDGE)[6] = 2 << 8; /* bus 2 behind */
	add(BDF(0, 2, 0), 0x060400, BRIDGE)[6] = 0;	 /* names its own bus */
	add(BDF(2, 5, 0), 0x020000, 0);
	add(BDF(2, 6, 0), 0x080600, 0); /* an IOMMU */
	add(BDF(3, 0, 0), 0x020000, 0); /* on a bus nobody names */
	pci_scan();
	assert_int_equal(pci_count, 1);
	assert_int_equal(pci_funcs[0].bdf, BDF(2, 5, 0));
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(machine[i].writes, 0);
}

static void only_multi_function_devices_have_more(void **state)
{
	add(BDF(0, 1, 0), 0x010000, MULTI);
	add(BDF(0, 1, 3), 0x010000, 0);
	add(BDF(0, 2, 0), 0x010000, 0);
	add(BDF(0, 2, 1), 0x010000, 0); /* an echo of function 0 */
	pci_scan();
	assert_int_equal(pci_count, 3);
	assert_int_equal(pci_funcs[1].bdf, BDF(0, 1, 3));
	assert_int_equal(pci_funcs[2].bdf, BDF(0, 2, 0));
}

static void bars_are_sized_and_put_back(void **state)
{
	u32 *r = add(BDF(0, 3, 0), 0x020000, 0), before[64];

	r[1] = 0x100007;
	r[4] = 0xC001;	   /* 32 ports */
	r[5] = 0xFE000004; /* 64 bits wide, 16 KiB */
	r[6] = 0x12;
	r[7] = 0xFD000000; /* 4 KiB */
	machine[0].sizes[4] = 31;
	machine[0].sizes[5] = 0x3FFF;
	machine[0].sizes[7] = 0xFFF;
	machine[0].sizes[8] = machine[0].sizes[9] = ~0u;
	memcpy(before, r, sizeof(before));
	pci_scan();
	before[1] &= 0xFFFF; /* the status bits were written as zeros */
	assert_memory_equal(r, before, sizeof(before));
	assert_true(pci_funcs[0].bar[0].io);
	assert_int_equal(pci_funcs[0].bar[0].base, 0xC000);
	assert_int_equal(pci_funcs[0].bar[0].size, 32);
	assert_int_equal(pci_funcs[0].bar[1].base, 0x12FE000000);
	assert_int_equal(pci_funcs[0].bar[1].size, 0x4000);
	assert_int_equal(pci_funcs[0].bar[2].size, 0);
	assert_int_equal(pci_funcs[0].bar[3].base, 0xFD000000);
	assert_int_equal(pci_funcs[0].bar[3].size, 0x1000);
	assert_int_equal(pci_funcs[0].bar[4].size, 0);
}

static void capabilities_of_messages_are_found(void **state)
{
	u32 *r = add(BDF(0, 3, 0), 0x020000, 0);

	r[1] = 0x100000; /* it has a list */
	r[13] = 0x40;
	r[16] = 0x4801;	    /* power management; goes on at 48 */
	r[18] = 0x01805005; /* MSI: 64 bits, masks; goes on at 50 */
	r[20] = 0x00075011; /* MSI-X, whose list loops */
	add(BDF(0, 4, 0), 0x020000, 0)[13] = 0x40; /* no list */
	machine[1].reg[16] = 0x11;
	pci_scan();
	assert_int_equal(pci_funcs[0].msi, 0x48);
	assert_int_equal(pci_funcs[0].msi_size, 24);
	assert_int_equal(pci_funcs[0].msix, 0x50);
	assert_int_equal(pci_funcs[1].msi, 0);
	assert_int_equal(pci_funcs[1].msix, 0);
	r[1] = 0x100000; /* the scan wrote it, where real ones keep it */
	r[13] = 0x48;
	r[18] = 0x0005;
	pci_scan();
	assert_int_equal(pci_funcs[0].msi, 0x48);
	assert_int_equal(pci_funcs[0].msi_size, 12);
	assert_int_equal(pci_funcs[0].msix, 0);
}

/* Of a function with both, the registers of PCI Express count. */
static void what_makes_it_quiet_is_found(void **state)
{
	u32 *r = add(BDF(0, 3, 0), 0x010802, 0);

	r[1] = 0x100000;
	r[13] = 0x80;
	r[32] = 0x00020010 | 0xa000; /* PCI Express; goes on at a0 */
	r[33] = 1u << 28;
	r[40] = 0x03060013; /* Advanced Features, with both bits */
	pci_scan();
	assert_int_equal(pci_funcs[0].quiet, 0x88);
	assert_int_equal(pci_funcs[0].pending, 1u << 21);
	assert_int_equal(pci_funcs[0].reset, 1u << 15);
	r[1] = 0x100000;
	r[33] = 0;
	pci_scan();
	assert_int_equal(pci_funcs[0].pending, 1u << 21);
	assert_int_equal(pci_funcs[0].reset, 0);
	r[1] = 0x100000;
	r[13] = 0xa0;
	pci_scan();
	assert_int_equal(pci_funcs[0].quiet, 0xa4);
	assert_int_equal(pci_funcs[0].pending, 0x100);
	assert_int_equal(pci_funcs[0].reset, 1);
	r[1] = 0x100000;
	r[40] = 0x01060013;
	pci_scan();
	assert_int_equal(pci_funcs[0].pending, 0x100);
	assert_int_equal(pci_funcs[0].reset, 0);
}

static void too_many_are_left_out(void **state)
{
	for (u32 i = 0; i < PCI_MAX_FUNCS + 5; i++)
		add((u16)BDF(0, i / 8, i % 8), 0x010000, MULTI);
	pci_scan();
	assert_int_equal(pci_count, PCI_MAX_FUNCS);
}

/* Off the bus, without interrupts, and unknown to all that comes later. */
static void who_is_not_named_is_nobodys(void **state)
{
	u32 *r = add(BDF(0, 3, 0), 0x020000, 0);

	add(BDF(0, 4, 0), 0x010000, 0)[1] = 7;
	r[1] = 0x100007;
	r[13] = 0x48;
	r[18] = 0x00015005; /* MSI, on; goes on at 50 */
	r[20] = 0x80000011; /* MSI-X, on */
	boot_options.some_devices = true;
	boot_options.nr_devices = 1;
	boot_options.device[0] = BDF(0, 4, 0);
	pci_scan();
	assert_int_equal(pci_count, 1);
	assert_int_equal(pci_funcs[0].bdf, BDF(0, 4, 0));
	assert_int_equal(r[1], 0x403);
	assert_int_equal(r[18], 0x5005);
	assert_int_equal(r[20], 0x11);
	assert_int_equal(machine[1].reg[1], 7);
	boot_options.nr_devices = 0;
	pci_scan();
	assert_int_equal(pci_count, 0);
	assert_int_equal(machine[1].reg[1], 0x403);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(bridges_are_left_out),
		T(only_multi_function_devices_have_more),
		T(bars_are_sized_and_put_back),
		T(capabilities_of_messages_are_found),
		T(what_makes_it_quiet_is_found),
		T(too_many_are_left_out),
		T(who_is_not_named_is_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
