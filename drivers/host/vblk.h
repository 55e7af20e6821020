/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's virtio block device: virtio-mmio version 2 registers (VIRTIO 1.2,
 * 4.2.2) and a split virtqueue, served from a virtual disk. */
#ifndef HOST_VBLK_H
#define HOST_VBLK_H

#include "gmem.h"
#include "vdisk.h"
#include "virtio_blk.h"

#define VBLK_QUEUE 64u		    /* entries at most */
#define VBLK_REQUEST_MAX (1u << 20) /* bytes of one request */
#define VBLK_NOTIFY_REG 0x50u

struct vblk;

struct vblk_piece {
	uint64_t gpa;
	uint32_t len;
};

/* A request of the guest while it is worked on. */
struct vblk_io {
	struct vblk *v;
	uint16_t head;
	uint32_t type;
	uint64_t sector;
	uint64_t status_at;
	uint32_t left, written;
	unsigned piece, nr_pieces; /* where the next transfer begins */
	struct vblk_piece pieces[VBLK_QUEUE];
	bool inside, waiting;
	uint32_t under_way; /* bytes of the transfer that runs */
	struct blk_req req;
	struct blk_seg seg[BLK_SEGS];
	struct vblk_io *next_free;
};

struct vblk {
	struct gmem *mem;
	struct vdisk disk;
	char name[24];
	/* Called when the guest is to be told; the event is sent soon. */
	void (*signal)(struct vblk *v);
	void *signal_arg;
	uint64_t event;
	/* registers */
	uint32_t status, isr, device_sel, driver_sel, queue_sel;
	uint64_t driver_features;
	bool queue_ready, resetting;
	uint32_t queue_size;
	uint64_t desc, avail, used;
	/* queue */
	uint16_t avail_seen, used_idx, used_told;
	unsigned running; /* requests */
	bool tell;	  /* the used ring has grown */
	struct vblk_io *free;
	struct vblk_io io[VBLK_QUEUE];
};

void vblk_init(struct vblk *v, struct gmem *mem);

/* The guest reads or writes a register; off < 0x1000. */
uint64_t vblk_read(struct vblk *v, uint32_t off, unsigned size);
void vblk_write(struct vblk *v, uint32_t off, unsigned size, uint64_t value);

/* Takes what the guest put into the queue. True: there is more to do, call
 * again after others had their turn. */
bool vblk_run(struct vblk *v);

/* Tells the guest of what has been completed, if it wants to know. */
void vblk_tell(struct vblk *v);

#endif
