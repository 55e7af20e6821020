/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-blk: its layout (VIRTIO 1.2, 5.2), and a driver over modern PCI. */
#ifndef DRIVERS_VIRTIO_BLK_H
#define DRIVERS_VIRTIO_BLK_H

#include "block.h"
#include "virtio_pci.h"

#define VIRTIO_ID_BLOCK 2u

#define VIRTIO_BLK_F_SIZE_MAX (1ull << 1)
#define VIRTIO_BLK_F_SEG_MAX (1ull << 2)
#define VIRTIO_BLK_F_RO (1ull << 5)
#define VIRTIO_BLK_F_BLK_SIZE (1ull << 6)
#define VIRTIO_BLK_F_FLUSH (1ull << 9)
#define VIRTIO_BLK_F_DISCARD (1ull << 13)
#define VIRTIO_BLK_F_WRITE_ZEROES (1ull << 14)

#define VIRTIO_BLK_T_IN 0u
#define VIRTIO_BLK_T_OUT 1u
#define VIRTIO_BLK_T_FLUSH 4u
#define VIRTIO_BLK_T_GET_ID 8u
#define VIRTIO_BLK_T_DISCARD 11u
#define VIRTIO_BLK_T_WRITE_ZEROES 13u

#define VIRTIO_BLK_S_OK 0u
#define VIRTIO_BLK_S_IOERR 1u
#define VIRTIO_BLK_S_UNSUPP 2u

#define VIRTIO_BLK_ID_BYTES 20u

struct virtio_blk_hdr {
	uint32_t type, reserved;
	uint64_t sector;
};

_Static_assert(sizeof(struct virtio_blk_hdr) == 16, "VIRTIO 1.2, 5.2.6");

/* What DISCARD and WRITE_ZEROES have in place of data. */
struct virtio_blk_range {
	uint64_t sector;
	uint32_t num_sectors, flags;
};

_Static_assert(sizeof(struct virtio_blk_range) == 16, "VIRTIO 1.2, 5.2.6");

#define VIRTIO_BLK_RANGE_UNMAP 1u /* flags; WRITE_ZEROES only */

#define VIRTIO_BLK_CONFIG_CAPACITY 0u
#define VIRTIO_BLK_CONFIG_SIZE_MAX 8u
#define VIRTIO_BLK_CONFIG_SEG_MAX 12u
#define VIRTIO_BLK_CONFIG_BLK_SIZE 20u
#define VIRTIO_BLK_CONFIG_DISCARD_SECTORS 36u
#define VIRTIO_BLK_CONFIG_DISCARD_SEG 40u
#define VIRTIO_BLK_CONFIG_DISCARD_ALIGNMENT 44u
#define VIRTIO_BLK_CONFIG_ZEROES_SECTORS 48u
#define VIRTIO_BLK_CONFIG_ZEROES_SEG 52u

/* What the device reads and writes beside the data. */
struct virtio_blk_slot {
	struct virtio_blk_hdr hdr;
	uint8_t status;
	uint8_t pad[15];
};

_Static_assert(sizeof(struct virtio_blk_slot) * VIRTQ_SIZE_MAX == 4096,
	       "all slots fill one page");

struct virtio_blk {
	struct blk_dev blk; /* first */
	struct virtio_pci pci;
	struct virtq q;
	void *ring_page;
	dev_addr_t ring_dev;
	volatile struct virtio_blk_slot *slot;
	dev_addr_t slot_dev;
	/* a request has the slot whose number is that of its chain's head */
	struct blk_req *req[VIRTQ_SIZE_MAX];
	bool has_flush;
};

/* Starts the device; null, or what is wrong. On failure it is left reset. */
const char *virtio_blk_start(struct virtio_blk *d, struct env *e,
			     const struct pci_dev *pci);
bool virtio_blk_matches(const struct pci_dev *pci);

#endif
