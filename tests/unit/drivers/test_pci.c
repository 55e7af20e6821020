/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration space and the interrupts of a function that is well, one whose
 * registers are garbage, and one that is gone. */
/* TEST-SRC: drivers/pci.c drivers/pci_msix.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/fake_env.h"
#include "pci_msix.h"

#define BDF 0x0118u
#define BAR 0xfe000000ull
#define BAR_BYTES 0x1000u
#define MSI 0x50u
#define MSIX 0x70u
#define TABLE 0x800u

static uint8_t config[256];
static uint32_t address, table[BAR_BYTES / 4];
static unsigned writes;
static bool gone;

static uint8_t *selected(uint16_t port)
{
	assert_int_equal(address & 0x80000003u, 0x80000000u);
	assert_int_equal(address >> 8 & 0xffff, BDF);
	return config + (address & 0xfc) + (port - PCI_CONFIG_DATA);
}

static uint32_t in(uint16_t port, unsigned size)
{
	uint32_t v = 0;

	assert_in_range(port, PCI_CONFIG_DATA, PCI_CONFIG_DATA + 4 - size);
	if (gone)
		return ~0u >> (32 - 8 * size);
	memcpy(&v, selected(port), size);
	return v;
}

static void out(uint16_t port, unsigned size, uint32_t v)
{
	if (port == PCI_CONFIG_ADDRESS) {
		assert_int_equal(size, 4);
		address = v;
		return;
	}
	assert_in_range(port, PCI_CONFIG_DATA, PCI_CONFIG_DATA + 4 - size);
	writes++;
	if (gone)
		return;
	if ((address & 0xff) == MSIX && config[MSIX] == PCI_CAP_MSIX)
		v |= pci_read(&fake_env, BDF, MSIX + 2, 2) & PCI_MSIX_LAST;
	memcpy(selected(port), &v, size);
}

static void mmio_write(uint64_t at, unsigned size, uint64_t v)
{
	assert_int_equal(size, 4);
	assert_in_range(at, BAR, BAR + BAR_BYTES - 4);
	table[(at - BAR) / 4] = (uint32_t)v;
}

static void handler(void *arg) { (void)arg; }

static struct pci_dev dev;
static struct env_irq irq;

static void cap(unsigned at, uint8_t id, unsigned next)
{
	config[at] = id;
	config[at + 1] = (uint8_t)next;
}

static int setup(void **state)
{
	(void)state;
	fake_env_reset();
	fake_in = in;
	fake_out = out;
	fake_write = mmio_write;
	memset(config, 0, sizeof(config));
	memset(table, 0xee, sizeof(table));
	gone = false;
	writes = 0;
	config[PCI_STATUS] = PCI_STATUS_CAPS;
	config[PCI_CAP_PTR] = 0x40;
	cap(0x40, PCI_CAP_VENDOR, MSI);
	cap(MSI, PCI_CAP_MSI, MSIX);
	put_le16(config + MSI + PCI_MSI_CONTROL, PCI_MSI_64 | 0x24);
	cap(MSIX, PCI_CAP_MSIX, 0);
	put_le16(config + MSIX + PCI_MSIX_CONTROL, 3); /* 4 entries */
	put_le32(config + MSIX + PCI_MSIX_TABLE, TABLE | 2);
	dev = (struct pci_dev){ .bdf = BDF, .handle = 77 };
	dev.bar[2] = (struct pci_bar){ .base = BAR, .size = BAR_BYTES };
	return 0;
}

static void test_access(void **state)
{
	(void)state;
	put_le32(config + 0x10, 0x11223344);
	assert_int_equal(pci_read(&fake_env, BDF, 0x10, 4), 0x11223344);
	assert_int_equal(pci_read(&fake_env, BDF, 0x12, 2), 0x1122);
	assert_int_equal(pci_read(&fake_env, BDF, 0x13, 1), 0x11);
	pci_write(&fake_env, BDF, 0x11, 1, 0x99);
	assert_int_equal(le32(config + 0x10), 0x11229944);
	put_le16(config + PCI_COMMAND, 0x105);
	pci_command(&fake_env, BDF, PCI_COMMAND_MEM, PCI_COMMAND_MASTER);
	assert_int_equal(le16(config + PCI_COMMAND), 0x103);
	assert_int_equal(le16(config + PCI_STATUS), PCI_STATUS_CAPS);
}

static void test_capabilities(void **state)
{
	(void)state;
	assert_int_equal(pci_cap_find(&fake_env, BDF, PCI_CAP_MSIX, 0), MSIX);
	assert_int_equal(pci_cap_find(&fake_env, BDF, PCI_CAP_VENDOR, 0), 0x40);
	assert_int_equal(pci_cap_find(&fake_env, BDF, PCI_CAP_VENDOR, 0x40), 0);
	assert_int_equal(pci_cap_find(&fake_env, BDF, 0x10, 0), 0);
	cap(MSIX, PCI_CAP_MSIX, 0x40); /* it loops */
	assert_int_equal(pci_cap_find(&fake_env, BDF, 0x10, 0), 0);
	cap(MSIX, PCI_CAP_MSIX, 0x3c); /* into the header */
	assert_int_equal(pci_cap_find(&fake_env, BDF, 0x10, 0), 0);
	cap(MSIX, PCI_CAP_MSIX, 0xfc); /* the last that there may be */
	cap(0xfc, 0x10, 0x10);
	assert_int_equal(pci_cap_find(&fake_env, BDF, 0x10, 0), 0xfc);
	config[PCI_STATUS] = 0;
	assert_int_equal(pci_cap_find(&fake_env, BDF, PCI_CAP_MSI, 0), 0);
}

/* Any lists: it ends, and what it finds lies behind the header. */
static void test_noise(void **state)
{
	(void)state;
	srand(1);
	for (unsigned round = 0; round < 2000; round++) {
		unsigned after = round % 3 ? 0 : 0x40, at;

		for (unsigned i = 0x40; i < sizeof(config); i++)
			config[i] = (uint8_t)rand();
		config[PCI_CAP_PTR] = (uint8_t)rand();
		at = pci_cap_find(&fake_env, BDF, (uint8_t)rand(), after);
		assert_true(!at || (at >= 0x40 && at <= 0xfc));
		dev.bar[rand() % 6].size = (unsigned)rand() % BAR_BYTES;
		dev.bar[rand() % 6].base = round % 2 ? BAR : 0;
		pci_irq_attach(&fake_env, &dev, &irq, handler, NULL);
	}
}

static void entry_is(unsigned index, uint32_t address_low)
{
	const uint32_t *e = table + TABLE / 4 + 4 * index;

	assert_int_equal(e[0], address_low);
	if (address_low != 0xeeeeeeeeu) {
		assert_int_equal(e[1], 0);
		assert_int_equal(e[2], FAKE_MSI_DATA);
		assert_int_equal(e[3], 0);
	}
}

static void test_msix(void **state)
{
	(void)state;
	assert_true(pci_irq_attach(&fake_env, &dev, &irq, handler, NULL));
	assert_int_equal(irq.kind, ENV_IRQ_MSI);
	assert_int_equal(irq.device, 77);
	entry_is(0, FAKE_MSI_ADDRESS);
	entry_is(1, 0xeeeeeeee);
	assert_int_equal(le16(config + MSIX + PCI_MSIX_CONTROL) &
				 PCI_MSIX_ENABLE,
			 PCI_MSIX_ENABLE);
	assert_int_equal(config[MSI + PCI_MSI_CONTROL] & PCI_MSI_ENABLE, 0);
	irq.index = 3;
	assert_true(pci_msix_attach(&fake_env, &dev, &irq, handler, NULL));
	assert_int_equal(fake_irq.index, 3);
	entry_is(3, FAKE_MSI_ADDRESS);
	irq.index = 4;
	assert_false(pci_msix_attach(&fake_env, &dev, &irq, handler, NULL));
	assert_int_equal(table[TABLE / 4 + 16], 0xeeeeeeee);
}

/* No table of MSI-X where it says: then MSI is taken. */
static void table_is_no_good(uint32_t at, struct pci_bar bar)
{
	put_le32(config + MSIX + PCI_MSIX_TABLE, at);
	dev.bar[2] = bar;
	memset(config + MSI + 4, 0, 12);
	assert_true(pci_irq_attach(&fake_env, &dev, &irq, handler, NULL));
	assert_int_equal(irq.kind, ENV_IRQ_MSI);
	assert_int_equal(le16(config + MSIX + PCI_MSIX_CONTROL), 3);
	assert_int_equal(le32(config + MSI + PCI_MSI_ADDRESS),
			 FAKE_MSI_ADDRESS);
}

static void test_bad_table(void **state)
{
	const struct pci_bar good = { .base = BAR, .size = BAR_BYTES };

	(void)state;
	table_is_no_good(TABLE | 6, good); /* there are six BARs */
	table_is_no_good(TABLE | 7, good);
	table_is_no_good(TABLE | 3, good); /* absent */
	table_is_no_good((BAR_BYTES - 8) | 2, good);
	table_is_no_good(0xfffffff8u | 2, good);
	table_is_no_good(TABLE | 2, (struct pci_bar){ BAR, BAR_BYTES, true });
	table_is_no_good(TABLE | 2, (struct pci_bar){ 0, BAR_BYTES, false });
	table_is_no_good(TABLE | 2, (struct pci_bar){ BAR, TABLE + 8, false });
	assert_int_equal(table[TABLE / 4], 0xeeeeeeee);
}

static void test_msi(void **state)
{
	uint16_t control;

	(void)state;
	cap(MSI, PCI_CAP_MSI, 0); /* no MSI-X */
	put_le16(config + MSI + PCI_MSI_CONTROL, PCI_MSI_64 | PCI_MSI_MANY);
	put_le32(config + MSI + PCI_MSI_ADDRESS + 4, 5);
	assert_true(pci_irq_attach(&fake_env, &dev, &irq, handler, NULL));
	control = le16(config + MSI + PCI_MSI_CONTROL);
	assert_int_equal(control, PCI_MSI_64 | PCI_MSI_ENABLE); /* one only */
	assert_int_equal(le32(config + MSI + PCI_MSI_ADDRESS),
			 FAKE_MSI_ADDRESS);
	assert_int_equal(le32(config + MSI + PCI_MSI_ADDRESS + 4), 0);
	assert_int_equal(le16(config + MSI + PCI_MSI_DATA64), FAKE_MSI_DATA);
	put_le16(config + MSI + PCI_MSI_CONTROL, 0); /* 32 bits */
	put_le32(config + MSI + PCI_MSI_DATA64, 0x12345678);
	assert_true(pci_irq_attach(&fake_env, &dev, &irq, handler, NULL));
	assert_int_equal(le16(config + MSI + PCI_MSI_DATA), FAKE_MSI_DATA);
	assert_int_equal(le32(config + MSI + PCI_MSI_DATA64), 0x12345678);
}

static void test_line(void **state)
{
	(void)state;
	fake_no_msi = true; /* messages are refused */
	assert_true(pci_irq_attach(&fake_env, &dev, &irq, handler, NULL));
	assert_int_equal(irq.kind, ENV_IRQ_LINE);
	assert_int_equal(irq.device, 77);
	assert_int_equal(table[TABLE / 4], 0xeeeeeeee);
	assert_int_equal(writes, 0);
	fake_no_irq = true;
	assert_false(pci_irq_attach(&fake_env, &dev, &irq, handler, NULL));
	fake_no_irq = fake_no_msi = false;
	config[PCI_STATUS] = 0; /* it has none */
	assert_true(pci_irq_attach(&fake_env, &dev, &irq, handler, NULL));
	assert_int_equal(irq.kind, ENV_IRQ_LINE);
	config[PCI_STATUS] = PCI_STATUS_CAPS;
	config[PCI_CAP_PTR] = 0xf4; /* no room for all of its registers */
	cap(0xf4, PCI_CAP_MSI, 0);
	assert_true(pci_irq_attach(&fake_env, &dev, &irq, handler, NULL));
	assert_int_equal(irq.kind, ENV_IRQ_LINE);
	assert_int_equal(writes, 0);
}

/* Reads are ones from now on: nothing is taken for a capability. */
static void test_gone(void **state)
{
	(void)state;
	gone = true;
	assert_int_equal(pci_read(&fake_env, BDF, PCI_VENDOR, 2), 0xffff);
	assert_int_equal(pci_cap_find(&fake_env, BDF, PCI_CAP_MSIX, 0), 0);
	assert_true(pci_irq_attach(&fake_env, &dev, &irq, handler, NULL));
	assert_int_equal(irq.kind, ENV_IRQ_LINE);
	irq.index = 1;
	assert_false(pci_msix_attach(&fake_env, &dev, &irq, handler, NULL));
	assert_int_equal(table[TABLE / 4 + 4], 0xeeeeeeee);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_access, setup),
		cmocka_unit_test_setup(test_capabilities, setup),
		cmocka_unit_test_setup(test_noise, setup),
		cmocka_unit_test_setup(test_msix, setup),
		cmocka_unit_test_setup(test_bad_table, setup),
		cmocka_unit_test_setup(test_msi, setup),
		cmocka_unit_test_setup(test_line, setup),
		cmocka_unit_test_setup(test_gone, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
