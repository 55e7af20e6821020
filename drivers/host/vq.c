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
	q->event_idx = event_idx;
	q->avail_idx = q->avail_seen = q->used_idx = q->used_told = 0;
	q->tell = false;
	q->ready = true;
	return true;
}

/* ---- taking requests ---- */

/* The queue's own descriptors, or an indirect table. */
struct table {
	uint64_t at;
	uint32_t n;
};

static bool desc_read(struct vq *q, const struct table *t, uint16_t i,
		      struct virtq_desc *d)
{
	return i < t->n && gmem_read(q->mem, t->at + 16ull * i, d, sizeof(*d));
}

static bool piece_add(struct vq_chain *c, const struct virtq_desc *d)
{
	unsigned n = c->nr_read + c->nr_write;

	if (!d->len || n == VQ_PIECES)
		return false;
	c->piece[n] = (struct vq_piece){ d->addr, d->len };
	if (d->flags & VIRTQ_DESC_WRITE) {
		c->nr_write++;
		c->write_bytes += d->len;
		return true;
	}
	if (c->nr_write)
		return false; /* 2.7.4.2: readable ones first */
	c->nr_read++;
	c->read_bytes += d->len;
	return true;
}

/* 2.7.5.3: the rest of the chain is in a table of its own, which is not to be
 * chained or nested. */
static bool indirect(struct table *t, const struct virtq_desc *d, bool nested)
{
	if (nested || (d->flags & VIRTQ_DESC_NEXT) || !d->len || d->len % 16)
		return false;
	*t = (struct table){ d->addr, d->len / 16 };
	return true;
}

/* Copies a chain's descriptors; false: it is malformed. */
static bool chain_read(struct vq *q, uint16_t i, struct vq_chain *c)
{
	struct table t = { q->desc, q->size };
	bool nested = false;
	struct virtq_desc d;

	c->head = i;
	c->nr_read = c->nr_write = 0;
	c->read_bytes = c->write_bytes = 0;
	/* a chain that loops meets the limit of pieces */
	while (desc_read(q, &t, i, &d)) {
		if (d.flags & VIRTQ_DESC_INDIRECT) {
			if (!indirect(&t, &d, nested))
				return false;
			nested = true;
			i = 0;
			continue;
		}
		if (!piece_add(c, &d))
			return false;
		if (!(d.flags & VIRTQ_DESC_NEXT))
			return true;
		i = d.next;
	}
	return false;
}

int vq_next(struct vq *q, struct vq_chain *c)
{
	uint64_t entry = q->avail + 4 + 2ull * (q->avail_seen & (q->size - 1));
	uint16_t head;

	if (q->avail_idx == q->avail_seen) {
		if (!gmem_read16(q->mem, q->avail + 2, &q->avail_idx) ||
		    (uint16_t)(q->avail_idx - q->avail_seen) > q->size)
			return -1;
		if (q->avail_idx == q->avail_seen)
			return 0;
	}
	if (!gmem_read16(q->mem, entry, &head) || !chain_read(q, head, c))
		return -1;
	q->avail_seen++;
	return 1;
}

bool vq_arm(struct vq *q)
{
	uint64_t avail_event = q->used + 4 + 8ull * q->size;

	if (q->event_idx && !gmem_write16(q->mem, avail_event, q->avail_seen))
		return false;
	/* our wish must be seen before we look a last time */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return true;
}

/* ---- giving them back ---- */

bool vq_push(struct vq *q, uint16_t head, uint32_t written)
{
	struct virtq_used_elem e = { head, written };
	uint64_t at = q->used + 4 + 8ull * (q->used_idx & (q->size - 1));
	uint16_t next = (uint16_t)(q->used_idx + 1);

	if (!gmem_write(q->mem, at, &e, sizeof(e)) ||
	    !gmem_write16(q->mem, q->used + 2, next))
		return false;
	q->used_idx = next;
	q->tell = true;
	return true;
}

int vq_wish(struct vq *q)
{
	uint64_t used_event = q->avail + 4 + 2ull * q->size;
	uint16_t old = q->used_told;
	uint16_t wish;

	q->tell = false;
	q->used_told = q->used_idx;
	/* the index must be seen before we read what the driver wants */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!gmem_read16(q->mem, q->event_idx ? used_event : q->avail, &wish))
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
