/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's virtio block device (VIRTIO 1.2, 5.2), served from a virtual
 * disk. */
#ifndef HOST_VBLK_H
#define HOST_VBLK_H

#include "guard.h"
#include "vdev.h"
#include "vdisk.h"
#include "virtio_blk.h"

#define VBLK_QUEUE 128u		    /* entries at most */
#define VBLK_IOS 64u		    /* requests that are worked on at a time */
#define VBLK_REQUEST_MAX (1u << 20) /* bytes of one request */
#define VBLK_RANGES 8u		    /* of one DISCARD or WRITE_ZEROES */
#define VBLK_RANGE_MAX (VBLK_REQUEST_MAX / BLK_SECTOR) /* sectors of each */

struct vblk;

/* A request of the guest while it is worked on. */
struct vblk_io {
	struct vblk *v;
	struct vq_chain chain;
	uint32_t type;
	uint64_t sector;
	uint64_t status_at;
	uint32_t left, written;
	unsigned piece; /* where the next transfer begins */
	bool inside, waiting, failed;
	uint32_t under_way; /* bytes of the transfer that runs */
	struct blk_req req;
	struct blk_seg seg[BLK_SEGS];
	struct vblk_io *next_free;
	/* VIRTIO_BLK_T_WRITE_ZEROES: those that are not done yet */
	struct virtio_blk_range range[VBLK_RANGES];
	unsigned nr_ranges;
};

struct vblk {
	struct vdev dev; /* first */
	struct vdisk disk;
	bool starved; /* requests wait for one of io[] */
	struct vblk_io *free;
	struct vblk_io io[VBLK_IOS];
};

/* v->disk is set; vdev_init follows. */
void vblk_init(struct vblk *v);

void vblk_free(struct vdev *dev); /* vblk_make.c, as vdev_ops.free */

/* For a request that is no more. */
static inline void vblk_io_free(struct vblk_io *io)
{
	io->next_free = io->v->free;
	io->v->free = io;
}

/* There is a free io again. */
__attribute__((cold)) void vblk_feed(struct vblk *v);

/* For what has faulted. */
__attribute__((cold)) bool vblk_status_again(struct vblk_io *io,
					     uint8_t status);

/* Ends a request that has waited for nothing, or does not any more. */
static inline __attribute__((always_inline)) void vblk_end(struct vblk_io *io,
							   uint8_t status)
{
	struct vblk *v = io->v;
	void *p;

	vblk_io_free(io);
	if (v->starved)
		vblk_feed(v);
	if (!vdev_live(&v->dev, 0))
		return;
	p = gmem_near(v->dev.mem, io->status_at, 1);
	if (!(p && guard_write8(p, status)) && !vblk_status_again(io, status))
		vdev_break(&v->dev);
	else
		vdev_push_live(&v->dev, 0, io->chain.head, io->written + 1);
}

/* ---- vblk_quick.c ---- */

/* Takes the next request if it is a plain read or write of a page or less, which
 * nothing has to be made ready for, and begins it with the first free io. false:
 * it is another, or there is none. */
bool vblk_quick(struct vblk *v);

/* ---- vblk_zero.c: DISCARD and WRITE_ZEROES ---- */

/* Checks the request and does what can be done at once. VIRTIO_BLK_S_OK with
 * io->left: the rest is to be done by transfers. */
__attribute__((cold)) uint8_t vblk_zero_begin(struct vblk_io *io);
/* Fills the segments of the next transfer, with zeroes; returns its bytes. */
__attribute__((cold)) uint32_t vblk_zero_fill(struct vblk_io *io);
/* So many bytes have been transferred. */
__attribute__((cold)) void vblk_zero_advance(struct vblk_io *io,
					     uint32_t bytes);

#endif
