/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes chains from a guest's queue and gives them back. */
#include "vq.h"

/* ---- set-up ---- */

bool vq_start(struct vq *q, uint32_t max, bool event_idx)
{
	uint32_t n = q->size;

	if (!n || (n & (n - 1)) || n > max || q->desc % 16 || q->avail % 2 ||
	    q->used % 4)
		return false;
	if (!gmem_at(q->mem, q->desc, 16ull * n) ||
	    !gmem_at(q->mem, q->avail, 6 + 2ull * n) ||
	    !gmem_at(q->mem, q->used, 6 + 8ull * n))
		return false;
	q->desc_at = gmem_near(q->mem, q->desc, 16ull * n);
	q->avail_at = gmem_near(q->mem, q->avail, 6 + 2ull * n);
	q->used_at = gmem_near(q->mem, q->used, 6 + 8ull * n);
	q->event_idx = event_idx;
	q->avail_idx = q->avail_seen = q->used_idx = q->used_told = 0;
	q->tell = false;
	q->ready = true;
	return true;
}

/* ---- the rings: read and written where they are; what faults was taken back
 * by the guest, and may have been shared anew ---- */

#define COLD __attribute__((noinline, cold))

static COLD bool read_again(struct vq *q, uint64_t gpa, uint16_t *v)
{
	return gmem_read16(q->mem, gpa, v);
}

COLD bool vq_used_again(struct vq *q, uint64_t off, uint16_t v)
{
	return gmem_write16(q->mem, q->used + off, v);
}

COLD bool vq_push_again(struct vq *q, uint16_t head, uint32_t written)
{
	uint64_t off = 4 + 8ull * (q->used_idx & (q->size - 1));
	uint64_t e = head | (uint64_t)written << 32;
	uint16_t next = (uint16_t)(q->used_idx + 1);

	if (!gmem_write(q->mem, q->used + off, &e, sizeof(e)) ||
	    !vq_used_again(q, 2, next))
		return false;
	q->used_idx = next;
	q->tell = true;
	return true;
}

static inline bool avail_read(struct vq *q, uint64_t off, uint16_t *v)
{
	return guard_read16(q->avail_at + off, v) ||
	       read_again(q, q->avail + off, v);
}

/* ---- taking requests ---- */

/* The queue's own descriptors, or an indirect table. */
struct table {
	const uint8_t *at;
	uint64_t gpa;
	uint32_t n;
	bool nested;
};

/* A descriptor as it lies in memory (2.7.5); no length: it could not be read. */
struct words {
	uint64_t addr, rest;
};

#define WORDS_LEN(w) ((uint32_t)(w).rest)
#define WORDS_FLAGS(w) ((uint32_t)((w).rest >> 32)) /* and next */

static COLD struct words desc_read_again(struct vq *q, uint64_t gpa)
{
	struct words w;

	if (!gmem_read(q->mem, gpa, &w, sizeof(w)))
		w.rest = 0;
	return w;
}

static inline struct words desc_read(struct vq *q, const struct table *t,
				     uint32_t i)
{
	const uint64_t *p = (const uint64_t *)(t->at + 16ull * i);
	struct words w = { 0, 0 };

	if (i >= t->n)
		return w;
	if (!guard_read64(p, &w.addr) || !guard_read64(p + 1, &w.rest))
		return desc_read_again(q, t->gpa + 16ull * i);
	return w;
}

static bool indirect(struct vq *q, const struct table *t, struct words w,
		     struct vq_chain *c);

/* Copies a chain's descriptors behind those that c has; false: it is malformed.
 * One that loops meets the limit of pieces. */
static inline __attribute__((always_inline)) bool
chain_read(struct vq *q, const struct table *t, uint32_t i, struct vq_chain *c)
{
	struct vq_piece *end = &c->piece[VQ_PIECES];
	struct vq_piece *readable = &c->piece[c->nr_read];
	struct vq_piece *p = readable + c->nr_write;
	bool good = false;

	while (p < end) {
		struct words w = desc_read(q, t, i);
		uint32_t len = WORDS_LEN(w), flags = WORDS_FLAGS(w);

		if (!len)
			break;
		if (flags & VIRTQ_DESC_INDIRECT) {
			c->nr_read = (uint16_t)(readable - c->piece);
			c->nr_write = (uint16_t)(p - readable);
			return indirect(q, t, w, c);
		}
		*p = (struct vq_piece){ w.addr, len };
		if (flags & VIRTQ_DESC_WRITE) {
			c->write_bytes += len;
		} else {
			if (p != readable++)
				break; /* 2.7.4.2: readable ones first */
			c->read_bytes += len;
		}
		p++;
		good = !(flags & VIRTQ_DESC_NEXT);
		if (good)
			break;
		i = flags >> 16;
	}
	c->nr_read = (uint16_t)(readable - c->piece);
	c->nr_write = (uint16_t)(p - readable);
	return good;
}

/* 2.7.5.3: the rest of the chain is in a table of its own, which is not to be
 * chained or nested. */
static COLD bool indirect(struct vq *q, const struct table *t, struct words w,
			  struct vq_chain *c)
{
	uint32_t len = WORDS_LEN(w);
	struct table inner = { gmem_near(q->mem, w.addr, len), w.addr, len / 16,
			       true };

	if (t->nested || (WORDS_FLAGS(w) & VIRTQ_DESC_NEXT) || len % 16 ||
	    w.addr % 8 || !inner.at)
		return false;
	return chain_read(q, &inner, 0, c);
}

int vq_next(struct vq *q, struct vq_chain *c)
{
	struct table t = { q->desc_at, q->desc, q->size, false };
	uint64_t entry = 4 + 2ull * (q->avail_seen & (q->size - 1));
	uint16_t head;

	if (q->avail_idx == q->avail_seen) {
		if (!avail_read(q, 2, &q->avail_idx) ||
		    (uint16_t)(q->avail_idx - q->avail_seen) > q->size)
			return -1;
		if (q->avail_idx == q->avail_seen)
			return 0;
	}
	if (!avail_read(q, entry, &head))
		return -1;
	c->head = head;
	c->nr_read = c->nr_write = 0;
	c->read_bytes = c->write_bytes = 0;
	if (!chain_read(q, &t, head, c))
		return -1;
	q->avail_seen++;
	return 1;
}

bool vq_arm(struct vq *q)
{
	uint64_t avail_event = 4 + 8ull * q->size;

	if (q->event_idx && !vq_used_write(q, avail_event, q->avail_seen))
		return false;
	/* our wish must be seen before we look a last time */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return true;
}

bool vq_arm_behind(struct vq *q, uint32_t n)
{
	uint64_t avail_event = 4 + 8ull * q->size;

	return !q->event_idx ||
	       vq_used_write(q, avail_event, (uint16_t)(q->avail_seen + n));
}

/* ---- giving them back ---- */

int vq_wish(struct vq *q)
{
	uint64_t used_event = 4 + 2ull * q->size;
	uint16_t old = q->used_told;
	uint16_t wish;

	q->tell = false;
	q->used_told = q->used_idx;
	/* the index must be seen before we read what the driver wants */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!avail_read(q, q->event_idx ? used_event : 0, &wish))
		return -1;
	if (q->event_idx)
		return virtq_need_event(wish, q->used_idx, old);
	return !(wish & VIRTQ_AVAIL_NO_INTERRUPT);
}

/* ---- buffers ---- */

static uint32_t move(struct vq *q, const struct vq_piece *p, unsigned nr,
		     uint32_t off, uint8_t *bytes, uint32_t n, bool write)
{
	uint32_t done = 0;

	for (; nr && done < n; nr--, p++) {
		uint32_t part = p->len > off ? p->len - off : 0;
		uint64_t at = p->gpa + off;

		off -= off < p->len ? off : p->len;
		if (!part)
			continue;
		if (part > n - done)
			part = n - done;
		if (write ? !gmem_write(q->mem, at, bytes + done, part) :
			    !gmem_read(q->mem, at, bytes + done, part))
			break;
		done += part;
	}
	return done;
}

uint32_t vq_read(struct vq *q, const struct vq_chain *c, uint32_t off, void *to,
		 uint32_t n)
{
	return move(q, c->piece, c->nr_read, off, to, n, false);
}

uint32_t vq_write(struct vq *q, const struct vq_chain *c, uint32_t off,
		  const void *from, uint32_t n)
{
	return move(q, c->piece + c->nr_read, c->nr_write, off,
		    (uint8_t *)(uintptr_t)from, n, true);
}
