/* SPDX-License-Identifier: BSD-2-Clause */
/* The start of AHCI on a fake HBA: what is refused, the firmware, messages. */
/* TEST-SRC: drivers/ahci.c drivers/ahci_port.c drivers/ata.c drivers/pci_msix.c drivers/pci.c drivers/block.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "drivers/fake_ahci.h"

static void refused(const char *why)
{
	assert_string_equal(start(), why);
	setup(NULL);
}

static void test_refused(void **state)
{
	(void)state;
	pci.bar[5].size = 0x17f;
	refused("has no registers");
	pci.bar[5].io = true;
	refused("has no registers");
	pci.bar[5].base = 0;
	refused("has no registers");
	hba.gone = true;
	refused("does not answer");
	hba.stuck = true;
	refused("does not come out of reset");
	hba.pi = 0xffffffc0; /* all beyond the BAR */
	refused("has no ports");
	fake_no_irq = true;
	refused("its interrupt is refused");
	fake_no_memory = true;
	refused("no memory");
	hba.port[0].sulks = true;
	refused("does not become ready");
	hba.port[0].sig = 0x12345678;
	refused("not an ATA disk");
	hba.port[0].dead_identify = true;
	refused("does not say what it is");
	hba.port[0].silent = true;
	refused("does not say what it is");
	hba.port[0].short_by = 2;
	refused("does not say what it is");
	hba.port[0].id[100] = 0;
	refused("has no capacity");
	hba.port[0].id[49] = 0;
	refused("has no LBA");
	hba.port[0].id[106] = 0x5000;
	refused("its sectors are not of 512 bytes");
	hba.port[0].id[49] = 1 << 9;
	refused("has no DMA or no 48-bit addresses");
	hba.port[0].id[83] = 0;
	hba.port[0].id[60] = 3;
	refused("has no DMA or no 48-bit addresses");
}

static void test_firmware(void **state)
{
	(void)state;
	hba.cap2 = CAP2_BOH;
	hba.bohc = BOHC_BOS;
	assert_null(start());
	assert_int_equal(hba.bohc, BOHC_OOS);
	setup(NULL);
	hba.cap2 = CAP2_BOH;
	hba.bohc = BOHC_BOS;
	hba.firmware_stays = true;
	assert_null(start());
	assert_int_equal(io(BLK_READ, 0, 512), BLK_OK);
}

static void msi(unsigned control)
{
	config[PCI_STATUS] = PCI_STATUS_CAPS;
	config[PCI_CAP_PTR] = MSI_CAP;
	config[MSI_CAP] = PCI_CAP_MSI;
	config[MSI_CAP + 2] = (uint8_t)control;
	memset(config + MSI_CAP + 4, 0xff, 12);
}

static void test_message(void **state)
{
	const unsigned data_at[2] = { PCI_MSI_DATA, PCI_MSI_DATA64 };

	(void)state;
	for (unsigned wide = 0; wide < 2; wide++) {
		msi(PCI_MSI_MANY | (wide ? PCI_MSI_64 : 0));
		assert_null(start());
		assert_int_equal(fake_irq.kind, ENV_IRQ_MSI);
		assert_int_equal(le32(config + MSI_CAP + 4), FAKE_MSI_ADDRESS);
		assert_int_equal(le32(config + MSI_CAP + 8),
				 wide ? 0 : 0xffff0000 | FAKE_MSI_DATA);
		assert_int_equal(le16(config + MSI_CAP + data_at[wide]),
				 FAKE_MSI_DATA);
		assert_int_equal(config[MSI_CAP + 2],
				 PCI_MSI_ENABLE | (wide ? PCI_MSI_64 : 0));
		assert_int_equal(io(BLK_READ, 1, 512), BLK_OK);
		setup(NULL);
	}
	msi(0);
	fake_no_msi = true;
	assert_null(start());
	assert_int_equal(fake_irq.kind, ENV_IRQ_LINE);
	assert_int_equal(config[MSI_CAP + 2], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_firmware, setup),
		cmocka_unit_test_setup(test_message, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
