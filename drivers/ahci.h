/* SPDX-License-Identifier: BSD-2-Clause */
/* SATA disks on an AHCI host bus adapter (AHCI 1.3.1). */
#ifndef DRIVERS_AHCI_H
#define DRIVERS_AHCI_H

#include "ata.h"
#include "block.h"
#include "pci.h"

#define AHCI_CLASS 0x01u
#define AHCI_SUBCLASS 0x06u
#define AHCI_PROGIF 0x01u
#define AHCI_PORTS 32u
#define AHCI_SLOTS 32u
#define AHCI_NO_DISK "no disk there"

struct ahci_header { /* of a command: 4.2.2 */
	uint32_t flags;
	uint32_t bytes; /* moved, written by the HBA */
	uint64_t table;
	uint32_t reserved[4];
};

struct ahci_prd { /* 4.2.3.3 */
	uint64_t base;
	uint32_t reserved;
	uint32_t last; /* bytes - 1 */
};

struct ahci_table { /* of a command: 4.2.3 */
	uint8_t fis[64];
	uint8_t atapi[64];
	struct ahci_prd prd[BLK_SEGS];
};

struct ahci_area { /* what a port's HBA side reads and writes, one page */
	struct ahci_header list[AHCI_SLOTS];
	uint8_t fis[256]; /* received ones: 4.2.1 */
	uint8_t unused[768];
	uint16_t id[256];
};

_Static_assert(sizeof(struct ahci_header) == 32, "AHCI 1.3.1, 4.2.2");
_Static_assert(sizeof(struct ahci_table) % 128 == 0, "AHCI 1.3.1, 4.2.2");
_Static_assert(offsetof(struct ahci_area, fis) % 256 == 0, "AHCI, 3.3.3");

struct ahci;

struct ahci_port {
	struct blk_dev blk; /* first */
	struct ahci *hba;
	uint64_t regs;
	volatile struct ahci_area *area;
	dev_addr_t area_dev;
	volatile struct ahci_table *table; /* by slot */
	dev_addr_t table_dev;
	bool up;	 /* it runs, and is served */
	uint32_t issued; /* slots that the HBA has */
	uint32_t again;	 /* slots to be issued one by one */
	struct blk_req *req[AHCI_SLOTS];
	struct blk_req *bounced; /* whose data is in the bounce buffer */
	uint8_t *bounce;	 /* BLK_MAX_BYTES */
	dev_addr_t bounce_dev;
	struct ata_id id;
};

struct ahci {
	struct env *env;
	uint16_t bdf;
	uint64_t regs;
	uint32_t ports; /* implemented */
	unsigned slots;
	bool wide; /* reaches addresses above 4 GiB */
	struct env_irq irq;
	struct ahci_port port[AHCI_PORTS];
};

bool ahci_matches(const struct pci_dev *pci);

/* Takes the HBA over from the firmware and resets it. Null, or what is wrong. */
const char *ahci_start(struct ahci *h, struct env *e,
		       const struct pci_dev *pci);

/* Starts the disk at port n. Null, or what is wrong (AHCI_NO_DISK: nothing is). */
const char *ahci_disk_start(struct ahci *h, unsigned n);

/* Stops the HBA with all its ports: it reaches no memory any more. */
bool ahci_stop(struct ahci *h);

#endif
