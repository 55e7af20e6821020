/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's virtio block device (VIRTIO 1.2, 5.2), served from a virtual
 * disk. */
#ifndef HOST_VBLK_H
#define HOST_VBLK_H

#include "vdev.h"
#include "vdisk.h"
#include "virtio_blk.h"

#define VBLK_QUEUE 128u		    /* entries at most */
#define VBLK_IOS 64u		    /* requests that are worked on at a time */
#define VBLK_REQUEST_MAX (1u << 20) /* bytes of one request */

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

#endif
