/* SPDX-License-Identifier: BSD-2-Clause */
/* DISCARD and WRITE_ZEROES (VIRTIO 1.2, 5.2.6): ranges in place of data. */
#include "vblk.h"

static uint8_t range_check(const struct vblk_io *io,
			   const struct virtio_blk_range *r)
{
	uint32_t known = io->type == VIRTIO_BLK_T_WRITE_ZEROES ?
				 VIRTIO_BLK_RANGE_UNMAP :
				 0;

	if (r->flags & ~known)
		return VIRTIO_BLK_S_UNSUPP;
	if (r->num_sectors > VBLK_RANGE_MAX ||
	    !vdisk_holds(&io->v->disk, r->sector, r->num_sectors))
		return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}

/* Copies the ranges once, then checks them all. */
static uint8_t ranges_take(struct vblk_io *io)
{
	struct vq_chain *c = &io->chain;
	uint64_t bytes = c->read_bytes - sizeof(struct virtio_blk_hdr);
	uint8_t status = VIRTIO_BLK_S_OK;
	uint32_t off = 0;

	if (!bytes || bytes % sizeof(io->range[0]) || bytes > sizeof(io->range))
		return VIRTIO_BLK_S_IOERR;
	for (unsigned i = 0; i < io->piece; i++)
		off += c->piece[i].len; /* the header's, if it still counts */
	if (vq_read(&io->v->dev.q[0], c, off, io->range, (uint32_t)bytes) !=
	    bytes)
		return VIRTIO_BLK_S_IOERR;
	io->nr_ranges = (unsigned)(bytes / sizeof(io->range[0]));
	for (unsigned i = 0; i < io->nr_ranges && !status; i++)
		status = range_check(io, &io->range[i]);
	return status;
}

/* The next range that is not empty; none: io->left is 0. */
static void range_next(struct vblk_io *io)
{
	while (io->nr_ranges && !io->left) {
		struct virtio_blk_range *r = &io->range[--io->nr_ranges];

		io->sector = r->sector;
		io->left = r->num_sectors * BLK_SECTOR;
	}
}

static bool negotiated(const struct vblk_io *io)
{
	return io->v->dev.driver_features &
	       (io->type == VIRTIO_BLK_T_DISCARD ? VIRTIO_BLK_F_DISCARD :
						   VIRTIO_BLK_F_WRITE_ZEROES);
}

uint8_t vblk_zero_begin(struct vblk_io *io)
{
	struct vdisk *d = &io->v->disk;
	uint8_t status;

	if (!negotiated(io))
		return VIRTIO_BLK_S_UNSUPP;
	if (d->read_only)
		return VIRTIO_BLK_S_IOERR;
	status = ranges_take(io);
	if (status)
		return status;
	if (vdisk_writes_zeroes(d)) {
		if (io->type == VIRTIO_BLK_T_WRITE_ZEROES)
			range_next(io);
		return VIRTIO_BLK_S_OK;
	}
	for (unsigned i = 0; i < io->nr_ranges; i++)
		if (!vdisk_zero(d, io->range[i].sector,
				io->range[i].num_sectors,
				io->type == VIRTIO_BLK_T_DISCARD))
			return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}

uint32_t vblk_zero_fill(struct vblk_io *io)
{
	const struct vdisk *d = &io->v->disk;
	uint32_t max = vdisk_bytes(d, BLK_WRITE, io->sector);
	uint32_t bytes = 0;
	uint32_t n = 0;

	if (max > io->left)
		max = io->left;
	while (bytes < max && n < vdisk_max_segs(d)) {
		struct blk_seg *s = &io->seg[n++];

		*s = d->zeroes;
		if (s->len > max - bytes)
			s->len = max - bytes;
		bytes += s->len;
	}
	io->req.nsegs = n;
	return bytes;
}

void vblk_zero_advance(struct vblk_io *io, uint32_t bytes)
{
	io->left -= bytes;
	io->sector += bytes / BLK_SECTOR;
	range_next(io);
}
