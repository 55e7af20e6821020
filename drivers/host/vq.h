/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's side of a split virtqueue in a guest's memory (VIRTIO 1.2, 2.7).
 * Each descriptor is copied once, then checked; any content is survived. */
#ifndef HOST_VQ_H
#define HOST_VQ_H

#include "gmem.h"
#include "guard.h"
#include "virtq.h"

#define VQ_PIECES 66u /* descriptors of one chain at most */

struct vq_piece {
	uint64_t gpa;
	uint32_t len; /* bytes, not 0 */
};

/* A request: its buffers, the readable ones first. */
struct vq_chain {
	uint16_t head;
	uint16_t nr_read, nr_write;
	uint64_t read_bytes, write_bytes;
	struct vq_piece piece[VQ_PIECES];
};

struct vq {
	struct gmem *mem;
	uint32_t size; /* entries, as the driver wrote it */
	bool ready, event_idx;
	bool tell;			       /* the used ring has grown */
	uint64_t desc, avail, used;	       /* gpa */
	uint8_t *desc_at, *avail_at, *used_at; /* where they are, for guard.h */
	uint16_t avail_idx, avail_seen, used_idx, used_told;
};

/* Begins with empty rings; false: they are malformed or not shared. */
bool vq_start(struct vq *q, uint32_t max, bool event_idx);

/* The next request: 1 with *c, 0 none, -1 the driver broke the protocol. */
int vq_next(struct vq *q, struct vq_chain *c);

/* Asks to be notified of the next request: 1 look again, one may have come;
 * 0: the queue is no longer shared. */
bool vq_arm(struct vq *q);

/* The same of the request behind the next n: who asks so looks by itself before
 * long. Without EVENT_IDX of the next one all the same. */
bool vq_arm_behind(struct vq *q, uint32_t n);

/* Writes to the used ring that have faulted. */
bool vq_used_again(struct vq *q, uint64_t off, uint16_t v);
bool vq_elem_again(struct vq *q, uint64_t off, uint64_t e);

static inline bool vq_used_write(struct vq *q, uint64_t off, uint16_t v)
{
	return guard_write16(q->used_at + off, v) || vq_used_again(q, off, v);
}

/* Gives a chain back, with so many bytes written; false: not shared. */
static inline bool vq_push(struct vq *q, uint16_t head, uint32_t written)
{
	uint64_t off = 4 + 8ull * (q->used_idx & (q->size - 1));
	uint64_t e = head | (uint64_t)written << 32;
	uint16_t next = (uint16_t)(q->used_idx + 1);

	if (!guard_write64(q->used_at + off, e) && !vq_elem_again(q, off, e))
		return false;
	if (!vq_used_write(q, 2, next))
		return false;
	q->used_idx = next;
	q->tell = true;
	return true;
}

/* Does the driver want to be told of what was pushed? -1: not shared. */
int vq_wish(struct vq *q);

/* Copies from the readable bytes from `off` on, or to the writable ones;
 * returns how many, less when the chain ends or is not shared. */
uint32_t vq_read(struct vq *q, const struct vq_chain *c, uint32_t off, void *to,
		 uint32_t n);
uint32_t vq_write(struct vq *q, const struct vq_chain *c, uint32_t off,
		  const void *from, uint32_t n);

#endif
