/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's side of a split virtqueue in a guest's memory (VIRTIO 1.2, 2.7).
 * What is acted on is a copy of each descriptor, checked; any content is
 * survived. */
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

/* A chain of three descriptors of the queue's own table, as they lie in memory
 * (2.7.5): what most requests of a disk are. */
struct vq_three {
	uint16_t head;
	uint64_t gpa[3];
	uint64_t rest[3]; /* VQ_REST */
};

#define VQ_REST(len, flags) ((uint32_t)(len) | (uint64_t)(flags) << 32)
#define VQ_REST_SANS_NEXT(rest) ((rest) << 16 >> 16)
#define VQ_REST_FLAGS(rest) ((uint16_t)((rest) >> 32))
#define VQ_REST_NEXT(rest) ((uint32_t)((rest) >> 48))

/* Is a request there? Looks anew when all that were seen have been taken. */
static inline bool vq_waits(struct vq *q)
{
	uint16_t idx;

	if (q->avail_idx != q->avail_seen)
		return true;
	if (!guard_read16(q->avail_at + 2, &idx) ||
	    (uint16_t)(idx - q->avail_seen) > q->size)
		return false;
	q->avail_idx = idx;
	return idx != q->avail_seen;
}

static inline __attribute__((always_inline)) bool
vq_desc(const uint8_t *table, uint32_t size, uint32_t i, uint64_t *gpa,
	uint64_t *rest)
{
	const uint64_t *p = (const uint64_t *)(table + 16ull * i);

	return i < size && guard_read64(p, gpa) && guard_read64(p + 1, rest);
}

/*
 * The next request, seen as such a chain: whether its flags say that it is one is
 * the caller's to check. It is not taken before vq_three_take(). false, or not
 * taken: vq_next looks at all of it anew.
 */
static inline __attribute__((always_inline)) bool vq_three(struct vq *q,
							   struct vq_three *t)
{
	uint64_t entry = 4 + 2ull * (q->avail_seen & (q->size - 1));
	const uint8_t *at = q->desc_at;
	uint32_t n = q->size;

	return vq_waits(q) && guard_read16(q->avail_at + entry, &t->head) &&
	       vq_desc(at, n, t->head, &t->gpa[0], &t->rest[0]) &&
	       vq_desc(at, n, VQ_REST_NEXT(t->rest[0]), &t->gpa[1],
		       &t->rest[1]) &&
	       vq_desc(at, n, VQ_REST_NEXT(t->rest[1]), &t->gpa[2],
		       &t->rest[2]);
}

static inline void vq_three_take(struct vq *q) { q->avail_seen++; }

/* Asks to be notified of the next request: 1 look again, one may have come;
 * 0: the queue is no longer shared. */
bool vq_arm(struct vq *q);

/* The same of the request behind the next n: who asks so looks by itself before
 * long. Without EVENT_IDX of the next one all the same. */
bool vq_arm_behind(struct vq *q, uint32_t n);

/* For what has faulted. */
bool vq_used_again(struct vq *q, uint64_t off, uint16_t v);
bool vq_push_again(struct vq *q, uint16_t head, uint32_t written);

static inline bool vq_used_write(struct vq *q, uint64_t off, uint16_t v)
{
	return guard_write16(q->used_at + off, v) || vq_used_again(q, off, v);
}

/* Gives a chain back, with so many bytes written; false: nothing came of it, as a
 * page is not where it was. */
static inline bool vq_push_quick(struct vq *q, uint16_t head, uint32_t written)
{
	uint64_t off = 4 + 8ull * (q->used_idx & (q->size - 1));
	uint16_t next = (uint16_t)(q->used_idx + 1);
	uint8_t *used = q->used_at;

	if (!guard_write64(used + off, head | (uint64_t)written << 32) ||
	    !guard_write16(used + 2, next))
		return false;
	q->used_idx = next;
	q->tell = true;
	return true;
}

/* The same; false: the page is not shared. */
static inline bool vq_push(struct vq *q, uint16_t head, uint32_t written)
{
	return vq_push_quick(q, head, written) ||
	       vq_push_again(q, head, written);
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
