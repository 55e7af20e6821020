/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds disks and partitions. */
#include "disks.h"

#include <string.h>

#include "ahci.h"
#include "gpt.h"
#include "host.h"
#include "ide.h"
#include "kit/console.h"
#include "kit/device.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "nvme.h"
#include "virtio_blk.h"

#define DISKS CFG_DISKS
#define ENTRIES_BYTES (GPT_PARTS_MAX * 512u)

struct disk {
	struct blk_dev *dev;
	uint16_t bdf;
	char name[24];
	int nr_parts;
	struct gpt_part part[GPT_PARTS_MAX];
};

static struct disk disks[DISKS];
static unsigned nr_disks;
static uint8_t *buffer; /* for the partition table */
static dev_addr_t buffer_dev;
static struct blk_seg zeroes = { .len = 4096 };

static const char *read_header(struct blk_dev *dev, uint64_t lba,
			       struct gpt_header *h)
{
	uint32_t bytes;

	if (blk_sync(dev, BLK_READ, lba, buffer, buffer_dev, BLK_SECTOR))
		return "cannot be read";
	if (gpt_header_parse(buffer, lba, dev->sectors, h))
		return gpt_header_parse(buffer, lba, dev->sectors, h);
	bytes = gpt_entries_sectors(h) * BLK_SECTOR;
	if (blk_sync(dev, BLK_READ, h->entries_at, buffer, buffer_dev, bytes))
		return "cannot be read";
	return NULL;
}

/* The primary table, else the backup at the disk's end. */
static const char *parts_read(struct disk *d)
{
	const char *why = NULL;
	struct gpt_header h;

	for (int backup = 0; backup < 2; backup++) {
		uint64_t lba = backup ? d->dev->sectors - 1 : 1;

		why = read_header(d->dev, lba, &h);
		if (why)
			continue;
		d->nr_parts =
			gpt_entries_parse(&h, buffer, d->part, GPT_PARTS_MAX);
		if (d->nr_parts >= 0)
			return NULL;
		why = "the GPT's checksum is wrong";
	}
	d->nr_parts = 0;
	return why;
}

/* A function that was pulled out answers to nobody. */
static bool present(struct blk_dev *dev)
{
	uint16_t bdf = disks[disks_number(dev)].bdf;

	return pci_read(&host_env, bdf, PCI_VENDOR, 2) != 0xffff;
}

static void disk_add(struct blk_dev *dev, const struct pci_dev *pci)
{
	struct disk *d = &disks[nr_disks];
	const char *why;

	d->dev = dev;
	d->bdf = pci->bdf;
	kit_format(d->name, sizeof(d->name), "disk %u (%s)", nr_disks,
		   dev->driver);
	dev->name = d->name;
	dev->present = present;
	why = parts_read(d);
	kit_printf("host: disk %u: %s at %02x:%02x.%x, %lu MiB%s%s, ", nr_disks,
		   dev->driver, pci->bdf >> 8, pci->bdf >> 3 & 31, pci->bdf & 7,
		   (unsigned long)(dev->sectors >> 11), dev->model ? ", " : "",
		   dev->model ? dev->model : "");
	if (why)
		kit_printf("no partitions: %s\n", why);
	else
		kit_printf("%d partitions\n", d->nr_parts);
	nr_disks++;
}

/* ---- drivers: each adds what disks a function has, or says why not ---- */

static void say(const struct pci_dev *pci, const char *driver, const char *why)
{
	kit_printf("host: %s at %02x:%02x.%x: %s\n", driver, pci->bdf >> 8,
		   pci->bdf >> 3 & 31, pci->bdf & 7, why);
}

/* What a driver that failed has in memory stays there: a device that hangs may
 * still write to it. */
static const char *try_virtio(const struct pci_dev *pci)
{
	struct virtio_blk *d = kit_calloc(1, sizeof(*d));
	const char *why = "no memory";

	if (d)
		why = virtio_blk_start(d, &host_env, pci);
	if (!why)
		disk_add(&d->blk, pci);
	return why;
}

static const char *try_ahci(const struct pci_dev *pci)
{
	struct ahci *h = kit_calloc(1, sizeof(*h));
	const char *why = "no memory";

	if (h)
		why = ahci_start(h, &host_env, pci);
	for (unsigned n = 0; !why && n < AHCI_PORTS && nr_disks < DISKS; n++) {
		const char *here = ahci_disk_start(h, n);

		if (!here)
			disk_add(&h->port[n].blk, pci);
		else if (strcmp(here, AHCI_NO_DISK))
			say(pci, "ahci", here);
	}
	return why;
}

static const char *try_nvme(const struct pci_dev *pci)
{
	struct nvme *d = kit_calloc(1, sizeof(*d));
	const char *why = "no memory";

	if (d)
		why = nvme_start(d, &host_env, pci);
	if (!why)
		disk_add(&d->blk, pci);
	return why;
}

static const char *try_ide(const struct pci_dev *pci)
{
	struct ide_controller *c = kit_calloc(1, sizeof(*c));
	unsigned before = nr_disks;

	if (!c)
		return "no memory";
	ide_start(c, &host_env, pci);
	for (unsigned n = 0; n < IDE_DRIVES && nr_disks < DISKS; n++) {
		const char *why = ide_disk_start(c, n);

		if (!why)
			disk_add(&c->ch[n / 2].disk[n % 2].blk, pci);
		else if (strcmp(why, IDE_NO_DISK))
			say(pci, "ide", why);
	}
	return nr_disks > before ? NULL : "no disk";
}

static const struct {
	const char *name;
	bool (*matches)(const struct pci_dev *pci);
	const char *(*start)(const struct pci_dev *pci);
} drivers[] = {
	{ "virtio-blk", virtio_blk_matches, try_virtio },
	{ "ahci", ahci_matches, try_ahci },
	{ "nvme", nvme_matches, try_nvme },
	{ "ide", ide_matches, try_ide },
};

static void try_drivers(const struct pci_dev *pci)
{
	const char *why;

	for (unsigned i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (!drivers[i].matches(pci))
			continue;
		why = drivers[i].start(pci);
		if (why)
			say(pci, drivers[i].name, why);
	}
}

void disks_init(const struct config *c)
{
	const struct pv_device *d = NULL;
	struct pci_dev pci;

	buffer = host_env.dma_alloc(&host_env, ENTRIES_BYTES, &buffer_dev);
	zeroes.va = host_env.dma_alloc(&host_env, zeroes.len, &zeroes.dev);
	if (!buffer || !zeroes.va)
		return;
	while ((d = kit_device(d, PV_DEV_PCI, NULL)) && nr_disks < DISKS) {
		if (config_assigns(c, d->bdf) || !d->handle)
			continue;
		kit_pci_dev(&pci, d);
		try_drivers(&pci);
	}
	if (!nr_disks)
		kit_printf("host: found no disk that it has a driver for\n");
}

const struct blk_dev *disks_nth(unsigned i, uint16_t *bdf)
{
	if (i >= nr_disks)
		return NULL;
	*bdf = disks[i].bdf;
	return disks[i].dev;
}

void disks_check(void)
{
	uint64_t now = 0;

	for (unsigned i = 0; i < nr_disks; i++) {
		if (!disks[i].dev->running.first)
			continue;
		if (!now)
			now = kit_time_ns();
		host_wake_at(blk_check(disks[i].dev, now));
	}
}

/* ---- what is on them ---- */

unsigned disks_number(const struct blk_dev *dev)
{
	unsigned i = 0;

	while (i < nr_disks && disks[i].dev != dev)
		i++;
	return i;
}

bool disks_part(const char *name, struct disk_range *r)
{
	for (unsigned i = 0; i < nr_disks; i++) {
		struct disk *d = &disks[i];

		for (int p = 0; p < d->nr_parts; p++) {
			if (strcmp(d->part[p].name, name))
				continue;
			r->dev = d->dev;
			r->first = d->part[p].first;
			r->count = d->part[p].count;
			return true;
		}
	}
	return false;
}

bool disks_whole(unsigned number, struct disk_range *r)
{
	if (number >= nr_disks)
		return false;
	r->dev = disks[number].dev;
	r->first = 0;
	r->count = r->dev->sectors;
	return true;
}

struct blk_seg disks_zeroes(void) { return zeroes; }
