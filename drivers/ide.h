/* SPDX-License-Identifier: BSD-2-Clause */
/* ATA disks on a PCI IDE controller: bus-master DMA, PIO where it must. */
#ifndef DRIVERS_IDE_H
#define DRIVERS_IDE_H

#include "ata.h"
#include "block.h"
#include "pci.h"

#define IDE_CLASS 0x01u
#define IDE_SUBCLASS 0x01u
#define IDE_DRIVES 4u /* two channels, master and slave */
#define IDE_NO_DISK "no disk there"

struct ide_channel;

struct ide {
	struct blk_dev blk; /* first */
	struct ide_channel *ch;
	uint8_t drive; /* 0 master, 1 slave */
	bool dma;
	struct ata_id id;
	struct blk_req *req; /* the one that runs */
	bool bounced;	     /* by way of the bounce buffer */
	bool dma_runs;
	uint8_t *bounce; /* BLK_MAX_BYTES */
	dev_addr_t bounce_dev;
	volatile uint64_t *prd; /* one page of PRD entries */
	dev_addr_t prd_dev;
};

/* What a master and a slave share: one command at a time, one interrupt. */
struct ide_channel {
	struct env *env;
	uint16_t cmd, ctl, bm; /* port bases; cmd 0: none; bm 0: no DMA */
	struct env_irq irq;
	bool attached;
	struct ide *running; /* whose command that is */
	bool resetting;	     /* it ends in the reset, whatever is told */
	struct ide disk[2];
};

struct ide_controller {
	struct env *env;
	uint16_t bdf;
	struct ide_channel ch[2];
};

bool ide_matches(const struct pci_dev *pci);

/* Finds the channels. */
void ide_start(struct ide_controller *c, struct env *e,
	       const struct pci_dev *pci);

/* Starts the disk in place n (0 primary master ... 3 secondary slave), which is
 * ch[n / 2].disk[n % 2]. Null, or what is wrong (IDE_NO_DISK: nothing is). */
const char *ide_disk_start(struct ide_controller *c, unsigned n);

#endif
