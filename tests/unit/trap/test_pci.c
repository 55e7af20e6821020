/* SPDX-License-Identifier: BSD-2-Clause */
/* What the owner of a PCI function may write of its configuration. */
/* TEST-SRC: hv/trap/pci.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/device.h"
#include "trap/emul.h"

#define MSI 0x50
#define MSIX 0x60

static u32 config[64];
static struct partition part;
static struct vcpu vcpu;
static struct device dev;
static bool owned;
struct lock device_lock;
struct pci_func pci_funcs[PCI_MAX_FUNCS];

u32 pci_read32(u16 bdf, u16 reg) { return config[reg / 4]; }

void pci_write32(u16 bdf, u16 reg, u32 v) { config[reg / 4] = v; }

struct device *device_at_locked(const struct partition *p, u16 bdf)
{
	assert_true(lock_held(&device_lock));
	return p == &part && owned && bdf == 8 ? &dev : NULL;
}

u32 device_nr(const struct device *d) { return 0; }

static u64 port(u16 at, u32 size, bool write, u64 value)
{
	struct ioreq r = {
		.addr = at, .size = size, .write = write, .value = value
	};

	return trap_pci(&vcpu, &r);
}

static void select_reg(u32 reg)
{
	port(0xcf8, 4, true, 0x80000000u | 8 << 8 | reg);
}

static u32 get(u32 reg)
{
	select_reg(reg);
	return (u32)port(0xcfc, 4, false, 0);
}

/* What a write of all ones, or of zeros, leaves of a register. */
static u32 set(u32 reg, u32 from, u32 to)
{
	config[reg / 4] = from;
	select_reg(reg);
	port(0xcfc, 4, true, to);
	return config[reg / 4];
}

static int setup(void **state)
{
	memset(config, 0, sizeof(config));
	memset(pci_funcs, 0, sizeof(pci_funcs));
	pci_funcs[0] = (struct pci_func){
		.bdf = 8, .msi = MSI, .msi_size = 16, .msix = MSIX
	};
	vcpu.part = &part;
	owned = true;
	return 0;
}

static void only_some_bits_can_be_written(void **state)
{
	assert_int_equal(set(0, 0x11111111, ~0u), 0x11111111);
	assert_int_equal(set(4, 0, ~0u), 0x407);
	assert_int_equal(set(4, 0xffff0407, 0), 0); /* no status is cleared */
	assert_int_equal(set(0xc, 0, ~0u), 0xffff);
	assert_int_equal(set(0x3c, 0, ~0u), 0xff);
	for (u32 reg = 0x40; reg < 0x100; reg += 4)
		if (reg < MSI || (reg >= MSI + 16 && reg != MSIX))
			assert_int_equal(set(reg, 0x1234, ~0u), 0x1234);
}

static void messages_can_be_switched_on(void **state)
{
	/* one message of MSI's, also where firmware has left more */
	assert_int_equal(set(MSI, 0x00200005, ~0u), 0x00010005);
	assert_int_equal(set(MSI, 0x00010005, 0), 5);
	for (u32 reg = MSI + 4; reg < MSI + 16; reg += 4)
		assert_int_equal(set(reg, 0, 0xfee01071), 0xfee01071);
	assert_int_equal(set(MSIX, 0x00070011, ~0u), 0xc0070011);
	assert_int_equal(set(MSIX + 4, 0x2003, ~0u), 0x2003);
	/* as 16 bits, where a driver writes no more */
	config[MSIX / 4] = 0x00070011;
	select_reg(MSIX);
	port(0xcfe, 2, true, 0x8000);
	assert_int_equal(config[MSIX / 4], 0x80070011);
	pci_funcs[0].msi = pci_funcs[0].msix = 0;
	assert_int_equal(set(MSIX, 0x00070011, ~0u), 0x00070011);
	assert_int_equal(set(MSI, 5, ~0u), 5);
	assert_int_equal(set(MSI + 4, 5, ~0u), 5);
	assert_int_equal(set(0, 5, ~0u), 5);
}

static void bars_are_sized_and_stay(void **state)
{
	pci_funcs[0].raw_bar[1] = 0xe0000000;
	pci_funcs[0].bar_mask[1] = 0xfffff000;
	config[0x14 / 4] = 0xe0000000;
	assert_int_equal(get(0x14), 0xe0000000);
	assert_int_equal(set(0x14, 0xe0000000, ~0u), 0xe0000000);
	assert_int_equal(get(0x14), 0xfffff000);
	dev.sizing = 0; /* as by a move */
	assert_int_equal(get(0x14), 0xe0000000);
	assert_int_equal(set(0x14, 0xe0000000, ~0u), 0xe0000000);
	assert_int_equal(set(0x14, 0xe0000000, 0x1000), 0xe0000000);
	assert_int_equal(get(0x14), 0xe0000000);
	assert_int_equal(get(0x30), 0); /* no expansion ROM */
}

static void others_read_as_ones(void **state)
{
	config[0] = 0x12345678;
	assert_int_equal(get(0), 0x12345678);
	owned = false;
	assert_int_equal(get(0), ~0u);
	assert_int_equal(set(4, 0, ~0u), 0);
	assert_false(lock_held(&device_lock));
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(only_some_bits_can_be_written),
		T(messages_can_be_switched_on),
		T(bars_are_sized_and_stay),
		T(others_read_as_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
