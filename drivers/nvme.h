/* SPDX-License-Identifier: BSD-2-Clause */
/* NVMe disks (NVM Express base specification 1.4): the first namespace of a
 * controller, by one pair of queues. */
#ifndef DRIVERS_NVME_H
#define DRIVERS_NVME_H

#include "block.h"
#include "pci.h"

#define NVME_CLASS 0x01u
#define NVME_SUBCLASS 0x08u
#define NVME_PROGIF 0x02u
#define NVME_DEPTH 32u	 /* most requests at once */
#define NVME_ENTRIES 64u /* most of a queue */

struct nvme_command { /* figure 104 */
	uint8_t opcode, flags;
	uint16_t cid;
	uint32_t nsid;
	uint64_t reserved, metadata;
	uint64_t prp1, prp2;
	uint32_t cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};

struct nvme_completion { /* figure 121 */
	uint32_t result, reserved;
	uint16_t sq_head, sq_id;
	uint16_t cid;
	uint16_t status; /* bit 0: the phase */
};

_Static_assert(sizeof(struct nvme_command) == 64, "NVMe 1.4, 4.2");
_Static_assert(sizeof(struct nvme_completion) == 16, "NVMe 1.4, 4.6");

/* A submission and a completion queue of the same number and size. */
struct nvme_queue {
	uint16_t nr, entries, tail, told, head;
	uint16_t phase; /* of what is new */
	volatile struct nvme_command *sq;
	volatile struct nvme_completion *cq;
	dev_addr_t sq_dev, cq_dev;
};

/* PRP list of a request: its pages but the first one. */
struct nvme_prps {
	uint64_t page[BLK_MAX_BYTES / 4096];
};

struct nvme {
	struct blk_dev blk; /* first */
	uint16_t bdf;
	uint64_t regs, cap;
	struct env_irq irq;
	struct nvme_queue admin, io;
	bool up;
	bool has_cache;
	uint32_t nsid;
	uint16_t depth;
	struct blk_req *req[NVME_DEPTH]; /* by command identifier */
	volatile struct nvme_prps *prps; /* likewise */
	dev_addr_t prps_dev;
	struct blk_req *bounced; /* whose data is in the bounce buffer */
	uint8_t *bounce;	 /* BLK_MAX_BYTES; also for Identify */
	dev_addr_t bounce_dev;
	char model[41];
};

bool nvme_matches(const struct pci_dev *pci);

/* Starts the disk; null, or what is wrong. */
const char *nvme_start(struct nvme *d, struct env *e,
		       const struct pci_dev *pci);

/* Stops the controller: it reaches no memory any more. False: it hangs, and is
 * off the bus. */
bool nvme_stop(struct nvme *d);

#endif
