/* SPDX-License-Identifier: BSD-2-Clause */
/* Serves requests from a partition, from memory, from nothing, or from what was
 * written over one of these. */
#include "vdisk.h"

#include <string.h>

#include "guard.h"
#include "vfile.h"

static uint64_t req_bytes(const struct blk_req *req)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < req->nsegs; i++)
		n += req->seg[i].len;
	return n;
}

static bool request_ok(const struct vdisk *d, const struct blk_req *req,
		       uint64_t bytes)
{
	uint64_t count = bytes / BLK_SECTOR;

	if (req->op == BLK_FLUSH)
		return !req->nsegs;
	if (!bytes || bytes % BLK_SECTOR ||
	    (req->op == BLK_WRITE && d->read_only))
		return false;
	return vdisk_holds(d, req->sector, count);
}

static bool ram_move(struct vdisk *d, struct blk_req *req)
{
	uint8_t *at = d->ram + req->sector * BLK_SECTOR;

	for (uint32_t i = 0; i < req->nsegs; i++) {
		struct blk_seg *s = &req->seg[i];

		if (!(req->op == BLK_READ ? guard_copy(s->va, at, s->len) :
					    guard_copy(at, s->va, s->len)))
			return false;
		at += s->len;
	}
	return true;
}

static void file_submit(struct vdisk *d, struct blk_req *req);

static void base_submit(struct vdisk *d, enum vdisk_kind kind,
			struct blk_req *req)
{
	switch (kind) {
	case VDISK_PART:
		req->sector += req->op == BLK_FLUSH ? 0 : d->first;
		blk_submit(d->dev, req);
		return;
	case VDISK_RAM:
		req->done(req, ram_move(d, req) ? BLK_OK : BLK_EIO);
		return;
	case VDISK_FILE:
		file_submit(d, req);
		return;
	case VDISK_NULL:
	case VDISK_COW:
		req->done(req, BLK_OK);
		return;
	}
}

/* ---- files ---- */

/* As VDISK_PART or VDISK_RAM, from the file's place in the volume on. */
__attribute__((cold)) static void file_submit(struct vdisk *d,
					      struct blk_req *req)
{
	uint64_t wanted = req_bytes(req) / BLK_SECTOR;
	uint64_t count = wanted;

	if (req->op != BLK_FLUSH)
		req->sector = vfile_at(d->file, req->sector, &count);
	if (count == wanted)
		base_submit(d, d->volume, req);
	else
		req->done(req, BLK_EINVAL);
}

/* ---- copy on write ---- */

/* Where the segments of a request have been moved to. */
struct place {
	struct blk_seg *seg;
	uint32_t off;
};

static bool move(struct place *at, uint8_t *bytes, uint32_t n, bool write)
{
	while (n) {
		uint32_t len = at->seg->len - at->off;
		uint8_t *va = (uint8_t *)at->seg->va + at->off;

		if (len > n)
			len = n;
		if (!(write ? guard_copy(bytes, va, len) :
			      guard_copy(va, bytes, len)))
			return false;
		bytes += len;
		at->off += len;
		n -= len;
		if (at->off == at->seg->len)
			*at = (struct place){ at->seg + 1, 0 };
	}
	return true;
}

/* Sectors of one page of the overlay. */
static bool cow_page(struct vdisk *d, struct place *at, uint64_t sector,
		     uint32_t count, bool write)
{
	uint8_t *bytes = write ? overlay_room(d->over, sector) :
				 (uint8_t *)overlay_data(d->over, sector);

	if (!bytes || !move(at, bytes, count * BLK_SECTOR, write))
		return false;
	if (write)
		overlay_written(d->over, sector, count);
	return true;
}

static bool cow_move(struct vdisk *d, struct blk_req *req, uint64_t bytes)
{
	struct place at = { req->seg, 0 };
	uint64_t sector = req->sector;
	uint64_t left = bytes / BLK_SECTOR;

	while (left) {
		uint32_t n =
			OVERLAY_SECTORS - (uint32_t)(sector % OVERLAY_SECTORS);

		if (n > left)
			n = (uint32_t)left;
		if (!cow_page(d, &at, sector, n, req->op == BLK_WRITE))
			return false;
		sector += n;
		left -= n;
	}
	return true;
}

__attribute__((cold)) static void
cow_submit(struct vdisk *d, struct blk_req *req, uint64_t bytes)
{
	bool written = true;

	if (req->op == BLK_READ)
		overlay_run(d->over, req->sector, 1, &written);
	if (!written)
		base_submit(d, d->base, req);
	else
		req->done(req, cow_move(d, req, bytes) ? BLK_OK : BLK_EIO);
}

/* ---- all kinds ---- */

uint32_t vdisk_piece(const struct vdisk *d, enum blk_op op, uint64_t sector,
		     uint32_t bytes)
{
	uint64_t count = bytes / BLK_SECTOR;
	bool below = d->kind == VDISK_FILE, written = false;

	if (sector >= d->sectors)
		return bytes; /* it will be refused */
	if (count > d->sectors - sector)
		count = d->sectors - sector;
	if (d->kind == VDISK_COW && op == BLK_READ) {
		count = overlay_run(d->over, sector, (uint32_t)count, &written);
		below = !written && d->base == VDISK_FILE;
	}
	if (below)
		vfile_at(d->file, sector, &count);
	return (uint32_t)count * BLK_SECTOR;
}

void vdisk_submit(struct vdisk *d, struct blk_req *req)
{
	uint64_t bytes = req_bytes(req);

	if (!request_ok(d, req, bytes)) {
		req->done(req, BLK_EINVAL);
		return;
	}
	d->nr_requests++;
	d->nr_bytes += bytes;
	if (d->kind == VDISK_COW)
		cow_submit(d, req, bytes);
	else
		base_submit(d, d->kind, req);
}

bool vdisk_zero(struct vdisk *d, uint64_t sector, uint64_t count, bool discard)
{
	d->nr_requests++;
	if (d->kind == VDISK_COW)
		return overlay_zero(d->over, sector, count, !discard);
	if (d->kind == VDISK_RAM)
		memset(d->ram + sector * BLK_SECTOR, 0, count * BLK_SECTOR);
	return true;
}
