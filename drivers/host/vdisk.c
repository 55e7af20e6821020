/* SPDX-License-Identifier: BSD-2-Clause */
/* Serves requests from a partition, from memory, or from nothing. */
#include "vdisk.h"

#include <string.h>

#include "guard.h"

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

void vdisk_submit(struct vdisk *d, struct blk_req *req)
{
	uint64_t bytes = req_bytes(req);

	if (!request_ok(d, req, bytes)) {
		req->done(req, BLK_EINVAL);
		return;
	}
	d->nr_requests++;
	d->nr_bytes += bytes;
	switch (d->kind) {
	case VDISK_PART:
		req->sector += req->op == BLK_FLUSH ? 0 : d->first;
		blk_submit(d->dev, req);
		return;
	case VDISK_RAM:
		req->done(req, ram_move(d, req) ? BLK_OK : BLK_EIO);
		return;
	case VDISK_NULL:
		req->done(req, BLK_OK);
		return;
	}
}

void vdisk_zero(struct vdisk *d, uint64_t sector, uint64_t count)
{
	d->nr_requests++;
	if (d->kind == VDISK_RAM)
		memset(d->ram + sector * BLK_SECTOR, 0, count * BLK_SECTOR);
}
