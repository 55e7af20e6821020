/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual disks: what stands behind a guest's block device. */
#ifndef HOST_VDISK_H
#define HOST_VDISK_H

#include "block.h"
#include "overlay.h"

enum vdisk_kind {
	VDISK_PART,
	VDISK_RAM,
	VDISK_NULL,
	/* these lie on another kind, and in pieces */
	VDISK_FILE,
	VDISK_COW
};

struct vdisk {
	enum vdisk_kind kind;
	uint64_t sectors;
	bool read_only;
	uint64_t nr_requests, nr_bytes; /* so far, for people */
	struct blk_dev *dev;   /* moves the data; null: they are copied */
	uint64_t first;	       /* VDISK_PART */
	struct blk_seg zeroes; /* memory that holds nothing else */
	uint8_t *ram;	       /* VDISK_RAM */
	struct overlay *over;  /* VDISK_COW: above */
	enum vdisk_kind base;  /* the kind of disk below, which is read only */
	struct vfile *file;    /* VDISK_FILE: where its sectors are */
	enum vdisk_kind
		volume; /* in which kind of disk; sectors from first on */
	/* private to vdisk_make.c */
	bool borrowed; /* ram is a file of the boot medium */
	bool alone, changes;
	struct vdisk *next;
};

static inline bool vdisk_holds(const struct vdisk *d, uint64_t sector,
			       uint64_t count)
{
	return count <= d->sectors && sector <= d->sectors - count;
}

static inline bool vdisk_needs_dma(const struct vdisk *d) { return d->dev; }

static inline uint32_t vdisk_max_segs(const struct vdisk *d)
{
	return d->dev ? d->dev->max_segs : BLK_SEGS;
}

static inline uint32_t vdisk_max_bytes(const struct vdisk *d)
{
	return d->dev ? d->dev->max_bytes : BLK_MAX_BYTES;
}

/* The most bytes of one transfer that begins there: a read of a VDISK_COW is of
 * what has been written, or of what has not, and one of a VDISK_FILE is of a
 * piece of the file that is in one place. */
__attribute__((cold)) uint32_t vdisk_piece(const struct vdisk *d,
					   enum blk_op op, uint64_t sector,
					   uint32_t bytes);
static inline uint32_t vdisk_bytes(const struct vdisk *d, enum blk_op op,
				   uint64_t sector)
{
	uint32_t max = vdisk_max_bytes(d);

	return d->kind >= VDISK_FILE ? vdisk_piece(d, op, sector, max) : max;
}

/* WRITE_ZEROES is done by writes of d->zeroes. */
static inline bool vdisk_writes_zeroes(const struct vdisk *d)
{
	return d->kind == VDISK_PART || d->kind == VDISK_FILE;
}

/* As blk_submit, with sectors of the virtual disk; req->sector is changed. At most
 * vdisk_bytes(). */
void vdisk_submit(struct vdisk *d, struct blk_req *req);

/*
 * Makes sectors read as zeroes, at once, where vdisk_writes_zeroes() is false.
 * The disk holds them, and can be written. false: there is no room (VDISK_COW).
 * `discard`: they may also stay as they are.
 */
bool vdisk_zero(struct vdisk *d, uint64_t sector, uint64_t count, bool discard);

#endif
