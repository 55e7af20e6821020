/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that owns PCI functions: a network card's registers and interrupts, a
 * disk by the driver that the host partition uses; and what is not its own. */
#include <stdio.h>
#include <string.h>

#include "ahci.h"
#include "check.h"
#include "kit/call.h"
#include "kit/device.h"
#include "kit/irq.h"
#include "kit/kit.h"
#include "kit/mm.h"
#include "kit/wait.h"
#include "nvme.h"
#include "virtio_blk.h"

#define FILE_SIZE 0x100000u
#define STEP 65536u
#define CLASS_NETWORK 2u

static struct env env;

/* ---- an e1000 (82540EM: Intel 317453, chapter 13) ---- */

#define EERD 0x14u /* EEPROM: start in bit 0, done in bit 4 */
#define ICR 0xc0u
#define ICS 0xc8u
#define IMS 0xd0u
#define IMC 0xd8u
#define LSC 4u
#define ROUNDS 3u

static uint64_t card;
static struct env_irq line;
static unsigned interrupts;

static uint32_t reg(uint32_t off)
{
	return (uint32_t)env.mmio_read(&env, card + off, 4);
}

static void reg_set(uint32_t off, uint32_t v)
{
	env.mmio_write(&env, card + off, 4, v);
}

static uint32_t eeprom(unsigned word)
{
	uint32_t v = 0;

	reg_set(EERD, word << 8 | 1);
	for (unsigned i = 0; i < 100000 && !(v & 0x10); i++)
		v = reg(EERD);
	return v >> 16;
}

static void card_interrupt(void *arg)
{
	(void)arg;
	if (reg(ICR) & LSC) /* reading clears it, and lowers the line */
		interrupts++;
	env.irq_ack(&env, &line);
}

static void card_lines(const struct pci_dev *pci)
{
	line = (struct env_irq){ .kind = ENV_IRQ_LINE, .device = pci->handle };
	reg_set(IMC, ~0u);
	reg(ICR);
	check(env.irq_attach(&env, &line, card_interrupt, NULL), "nic-line",
	      "it is refused");
	reg_set(IMS, LSC);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		reg_set(ICS, LSC);
		kit_wait_until(interrupts == i, kit_time_ns() + KIT_SECOND);
	}
	check(interrupts == ROUNDS, "nic-interrupts", "%u of %u", interrupts,
	      ROUNDS);
	reg_set(IMC, ~0u);
}

static void card_check(const struct pci_dev *pci)
{
	uint32_t mac[3];

	pci_command(&env, pci->bdf, PCI_COMMAND_MEM, PCI_COMMAND_INTX_OFF);
	card = pci->bar[0].base;
	check(env.mmio_map(&env, card, pci->bar[0].size), "nic-map", "refused");
	for (unsigned i = 0; i < 3; i++)
		mac[i] = eeprom(i);
	check(mac[0] == 0x5452 && mac[1] == 0x1200 && mac[2] == 0x5634,
	      "nic-mac", "%04x %04x %04x", mac[0], mac[1], mac[2]);
	card_lines(pci);
}

/* ---- a disk ---- */

static struct virtio_blk virtio;
static struct ahci ahci;
static struct nvme nvme;

static const struct disk_driver {
	bool (*matches)(const struct pci_dev *pci);
	struct blk_dev *blk;
	const struct env_irq *irq;
} drivers[] = {
	{ virtio_blk_matches, &virtio.blk, &virtio.pci.irq },
	{ ahci_matches, &ahci.port[0].blk, &ahci.irq },
	{ nvme_matches, &nvme.blk, &nvme.irq },
};

static const struct disk_driver *disk_driver(const struct pci_dev *pci)
{
	for (unsigned i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (drivers[i].matches(pci))
			return &drivers[i];
	return NULL;
}

static const char *disk_start(const struct blk_dev *blk,
			      const struct pci_dev *pci)
{
	const char *why;

	if (blk == &virtio.blk)
		return virtio_blk_start(&virtio, &env, pci);
	if (blk == &nvme.blk)
		return nvme_start(&nvme, &env, pci);
	why = ahci_start(&ahci, &env, pci);
	return why ? why : ahci_disk_start(&ahci, 0);
}

static bool disk_stop(const struct blk_dev *blk)
{
	if (blk == &virtio.blk)
		return virtio_pci_reset(&virtio.pci);
	return blk == &nvme.blk ? nvme_stop(&nvme) : ahci_stop(&ahci);
}

static bool disk_read(struct blk_dev *d, uint32_t *crc)
{
	dev_addr_t dev;
	uint8_t *buf = env.dma_alloc(&env, STEP, &dev);

	*crc = 0;
	for (uint64_t at = 0; buf && at < FILE_SIZE; at += STEP) {
		if (blk_sync(d, BLK_READ, at / BLK_SECTOR, buf, dev, STEP))
			return false;
		*crc = crc32_add(*crc, buf, STEP);
	}
	return buf;
}

/* Writes all bits of some sectors the other way round, twice. */
static bool disk_write(struct blk_dev *d)
{
	dev_addr_t dev;
	uint8_t *buf = env.dma_alloc(&env, 2 * STEP, &dev);
	dev_addr_t back = dev_addr(dev.v + STEP);
	bool ok = buf && !blk_sync(d, BLK_READ, 5, buf, dev, STEP);

	for (int turn = 0; ok && turn < 2; turn++) {
		for (unsigned i = 0; i < STEP; i++)
			buf[i] ^= 0xff;
		ok = !blk_sync(d, BLK_WRITE, 5, buf, dev, STEP) &&
		     !blk_sync(d, BLK_FLUSH, 0, NULL, dev, 0) &&
		     !blk_sync(d, BLK_READ, 5, buf + STEP, back, STEP) &&
		     !memcmp(buf, buf + STEP, STEP);
	}
	return ok;
}

static void disk_check(const struct disk_driver *d, const struct pci_dev *pci)
{
	uint32_t want = (uint32_t)kit_option_hex("crc", 0), got = 0;
	const char *why;

	kit_irq_off(); /* as the environment demands */
	why = disk_start(d->blk, pci);
	if (check(!why, "disk-start", "%s", why ? why : "") &&
	    check(d->irq->kind == ENV_IRQ_MSI, "disk-message", "by line") &&
	    check(disk_write(d->blk), "disk-write", "an I/O error") &&
	    check(disk_read(d->blk, &got), "disk-read", "an I/O error"))
		check(got == want, "disk-crc", "got %08x, expected %08x", got,
		      want);
	check(disk_stop(d->blk), "disk-stop", "it hangs");
	kit_irq_on();
}

/* ---- what is not its own ---- */

static bool ours(uint16_t bdf)
{
	const struct pv_device *d = NULL;

	while ((d = kit_device(d, PV_DEV_PCI, NULL)))
		if (d->bdf == bdf)
			return true;
	return false;
}

static void others_check(void)
{
	unsigned seen = 0, lost = 0;

	for (unsigned bdf = 0; bdf < 256; bdf++) {
		bool there = pci_read(&env, (uint16_t)bdf, PCI_VENDOR, 2) !=
			     0xffff;

		if (ours((uint16_t)bdf))
			lost += !there;
		else
			seen += there;
	}
	check(!seen && !lost, "only-its-own", "%u of others, %u missing", seen,
	      lost);
}

static void refusals(const struct pci_dev *pci)
{
	uint64_t v, weak = 0;

	check(pv_device_take(PV_SELF, pci->bdf, &v) == PV_ERIGHT, "take",
	      "not refused");
	check(pv_device_assign(PV_SELF, pci->handle, PV_DEVICE_UNSAFE_DMA,
			       &v) == PV_ESTATE,
	      "assign-to-itself", "not refused");
	pv_handle_derive(PV_SELF, pci->handle, PV_RIGHT_GRANT, &weak);
	check(pv_device_irq_bind(weak, 0, 0, 1, &v) == PV_ERIGHT, "weak",
	      "not refused");
	check(pv_handle_close(weak) == PV_OK &&
		      pv_device_irq_bind(weak, 0, 0, 1, &v) == PV_EHANDLE,
	      "closed", "not refused");
}

int kit_main(const char *cmdline)
{
	const struct pv_device *d = NULL;
	struct pci_dev pci;
	char word[8];
	unsigned n = 0;

	(void)cmdline;
	while ((d = kit_device(d, PV_DEV_PCI, NULL))) {
		kit_pci_dev(&pci, d);
		kit_env_init(&env, pci.handle);
		printf("device %02x:%02x.%x: %04x:%04x\n", pci.bdf >> 8,
		       pci.bdf >> 3 & 31, pci.bdf & 7, pci.vendor, pci.device);
		others_check();
		refusals(&pci);
		if (pci.class_code == CLASS_NETWORK)
			card_check(&pci);
		else if (disk_driver(&pci))
			disk_check(disk_driver(&pci), &pci);
		n++;
	}
	check(n == kit_option_u64("devices", 1), "devices", "%u", n);
	while (kit_option("stay", word, sizeof(word)))
		kit_wait(KIT_FOREVER);
	return check_summary("device");
}
