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

struct ide {
	struct blk_dev blk;    /* first */
	uint16_t cmd, ctl, bm; /* port bases; bm 0: no bus mastering */
	struct env_irq irq;
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

/*
 * Starts the disk in place n (0 primary master ... 3 secondary slave) of a
 * controller. Null, or what is wrong ("no disk there" included).
 */
const char *ide_start(struct ide *d, struct env *e, const struct pci_dev *pci,
		      unsigned n);
bool ide_matches(const struct pci_dev *pci);

#endif
