/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual disks: what stands behind a guest's block device. */
#ifndef HOST_VDISK_H
#define HOST_VDISK_H

#include "block.h"

struct vdisk {
	enum { VDISK_PART, VDISK_RAM, VDISK_NULL } kind;
	uint64_t sectors;
	bool read_only;
	uint64_t nr_requests, nr_bytes; /* so far, for people */
	struct blk_dev *dev;		/* VDISK_PART */
	uint64_t first;
	struct blk_seg zeroes; /* memory that holds nothing else */
	uint8_t *ram;	       /* VDISK_RAM */
};

static inline bool vdisk_holds(const struct vdisk *d, uint64_t sector,
			       uint64_t count)
{
	return count <= d->sectors && sector <= d->sectors - count;
}

static inline bool vdisk_needs_dma(const struct vdisk *d)
{
	return d->kind == VDISK_PART;
}

static inline uint32_t vdisk_max_segs(const struct vdisk *d)
{
	return d->kind == VDISK_PART ? d->dev->max_segs : BLK_SEGS;
}

static inline uint32_t vdisk_max_bytes(const struct vdisk *d)
{
	return d->kind == VDISK_PART ? d->dev->max_bytes : BLK_MAX_BYTES;
}

/* As blk_submit, with sectors of the virtual disk; req->sector is changed. */
void vdisk_submit(struct vdisk *d, struct blk_req *req);

/* Makes sectors read as zeroes, at once; not of a VDISK_PART, which takes writes
 * of d->zeroes. The disk holds them, and can be written. */
void vdisk_zero(struct vdisk *d, uint64_t sector, uint64_t count);

#endif
