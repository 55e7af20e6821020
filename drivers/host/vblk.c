/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue of a guest's block device: each descriptor is copied once, then
 * checked; any content is survived. */
#include "vblk.h"

#include "vblk_regs.h"

#define PAGE 4096u

/* The device stops until the driver resets it (VIRTIO 1.2, 2.1.2). */
static void broken(struct vblk *v)
{
	v->status |= VIRTIO_STATUS_NEEDS_RESET;
	v->isr |= VBLK_ISR_CONFIG;
	v->tell = false;
	v->signal(v);
}

static bool is_alive(const struct vblk *v)
{
	return v->queue_ready && !v->resetting &&
	       (v->status & VIRTIO_STATUS_DRIVER_OK) &&
	       !(v->status & VIRTIO_STATUS_NEEDS_RESET);
}

static bool event_idx(const struct vblk *v)
{
	return v->driver_features & VIRTIO_F_EVENT_IDX;
}

/* ---- completion ---- */

static void used_push(struct vblk *v, uint16_t head, uint32_t written)
{
	struct virtq_used_elem e = { head, written };
	uint64_t at = v->used + 4 + 8ull * (v->used_idx % v->queue_size);

	if (!gmem_write(v->mem, at, &e, sizeof(e)) ||
	    !gmem_write16(v->mem, v->used + 2, (uint16_t)(v->used_idx + 1))) {
		broken(v);
		return;
	}
	v->used_idx++;
	v->tell = true;
}

static void io_end(struct vblk_io *io, uint8_t status)
{
	struct vblk *v = io->v;

	io->next_free = v->free;
	v->free = io;
	v->running--;
	if (v->resetting) {
		if (!v->running)
			vblk_reset(v);
		return;
	}
	if (!is_alive(v))
		return;
	if (!gmem_write(v->mem, io->status_at, &status, 1)) {
		broken(v);
		return;
	}
	used_push(v, io->head, io->written + 1);
}

void vblk_tell(struct vblk *v)
{
	uint16_t old = v->used_told;
	uint16_t wish = 0;

	if (!v->tell || !is_alive(v))
		return;
	v->tell = false;
	v->used_told = v->used_idx;
	/* the index must be seen before we read what the driver wants */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (event_idx(v)) {
		if (!gmem_read16(v->mem, v->avail + 4 + 2ull * v->queue_size,
				 &wish)) {
			broken(v);
			return;
		}
		if (!virtq_need_event(wish, v->used_idx, old))
			return;
	} else {
		if (!gmem_read16(v->mem, v->avail, &wish)) {
			broken(v);
			return;
		}
		if (wish & VIRTQ_AVAIL_NO_INTERRUPT)
			return;
	}
	v->isr |= VBLK_ISR_QUEUE;
	v->signal(v);
}

/* ---- transfer ---- */

/* Fills the segments of the next transfer; returns its bytes, 0: cannot. */
static uint32_t segs_fill(struct vblk_io *io)
{
	struct vblk *v = io->v;
	unsigned piece = io->piece;
	uint64_t off = 0;
	uint32_t bytes = 0;
	uint32_t n = 0;

	while (bytes < io->left && n < vdisk_max_segs(&v->disk) &&
	       bytes < vdisk_max_bytes(&v->disk)) {
		struct vblk_piece *p = &io->pieces[piece];
		uint64_t gpa = p->gpa + off;
		uint32_t len = PAGE - (uint32_t)(gpa % PAGE);
		struct blk_seg *s = &io->seg[n];

		if (len > p->len - off)
			len = (uint32_t)(p->len - off);
		if (len > vdisk_max_bytes(&v->disk) - bytes)
			len = vdisk_max_bytes(&v->disk) - bytes;
		s->va = gmem_at(v->mem, gpa, len);
		s->len = len;
		if (!s->va || (vdisk_needs_dma(&v->disk) &&
			       !gmem_dev(v->mem, gpa, &s->dev)))
			return 0;
		bytes += len;
		off += len;
		n++;
		if (off == p->len) {
			piece++;
			off = 0;
		}
	}
	io->req.nsegs = n;
	return bytes;
}

/* Only whole sectors go in one transfer. */
static uint32_t segs_trim(struct vblk_io *io, uint32_t bytes)
{
	uint32_t over = bytes % BLK_SECTOR;

	bytes -= over;
	while (over) {
		struct blk_seg *s = &io->seg[io->req.nsegs - 1];
		uint32_t cut = s->len < over ? s->len : over;

		s->len -= cut;
		over -= cut;
		if (!s->len)
			io->req.nsegs--;
	}
	return bytes;
}

static void pieces_advance(struct vblk_io *io, uint32_t bytes)
{
	io->left -= bytes;
	io->sector += bytes / BLK_SECTOR;
	while (bytes) {
		struct vblk_piece *p = &io->pieces[io->piece];
		uint32_t n = p->len < bytes ? p->len : bytes;

		p->gpa += n;
		p->len -= n;
		bytes -= n;
		if (!p->len)
			io->piece++;
	}
}

static void io_go_on(struct vblk_io *io);

static void transfer_done(struct blk_req *req, enum blk_status status)
{
	struct vblk_io *io = req->arg;

	io->waiting = false;
	gmem_drop(io->v->mem);
	if (io->type == VIRTIO_BLK_T_FLUSH)
		io->left = 0;
	if (status != BLK_OK || io->v->resetting) {
		io->left = 0;
		io->type = VBLK_TYPE_FAILED;
	} else {
		pieces_advance(io, io->under_way);
		if (io->type == VIRTIO_BLK_T_IN)
			io->written += io->under_way;
	}
	if (!io->inside)
		io_go_on(io);
}

static void transfer_begin(struct vblk_io *io)
{
	static const struct blk_req none;

	io->req = none;
	io->req.done = transfer_done;
	io->req.arg = io;
	io->req.seg = io->seg;
	io->req.sector = io->sector;
	io->waiting = true;
	gmem_hold(io->v->mem);
	io->under_way = 0;
	if (io->type == VIRTIO_BLK_T_FLUSH) {
		io->req.op = BLK_FLUSH;
	} else {
		io->req.op = io->type == VIRTIO_BLK_T_IN ? BLK_READ : BLK_WRITE;
		io->under_way = segs_trim(io, segs_fill(io));
		if (!io->under_way) {
			transfer_done(&io->req, BLK_EINVAL);
			return;
		}
	}
	vdisk_submit(&io->v->disk, &io->req);
}

/* Goes on until the request waits for its disk or has ended; transfers that
 * end at once come back here by the loop, not by recursion. */
static void io_go_on(struct vblk_io *io)
{
	io->inside = true;
	while (io->left) {
		transfer_begin(io);
		if (io->waiting) {
			io->inside = false;
			return;
		}
	}
	io->inside = false;
	io_end(io, io->type == VBLK_TYPE_FAILED ? VIRTIO_BLK_S_IOERR :
						  VIRTIO_BLK_S_OK);
}

/* ---- taking requests ---- */

struct chain {
	struct vblk_piece read[VBLK_QUEUE], write[VBLK_QUEUE];
	unsigned nr_read, nr_write;
	uint64_t read_bytes, write_bytes;
};

/* Copies a chain's descriptors; false: it is malformed. */
static bool chain_read(struct vblk *v, uint16_t head, struct chain *c)
{
	uint16_t i = head;

	c->nr_read = c->nr_write = 0;
	c->read_bytes = c->write_bytes = 0;
	for (uint32_t n = 0; n < v->queue_size; n++) {
		struct virtq_desc d;
		struct vblk_piece *p;

		if (i >= v->queue_size ||
		    !gmem_read(v->mem, v->desc + 16ull * i, &d, sizeof(d)) ||
		    (d.flags & VIRTQ_DESC_INDIRECT) || !d.len)
			return false;
		if (d.flags & VIRTQ_DESC_WRITE) {
			p = &c->write[c->nr_write++];
			c->write_bytes += d.len;
		} else {
			if (c->nr_write)
				return false; /* 2.7.4.2: readable ones first */
			p = &c->read[c->nr_read++];
			c->read_bytes += d.len;
		}
		*p = (struct vblk_piece){ d.addr, d.len };
		if (!(d.flags & VIRTQ_DESC_NEXT))
			return true;
		i = d.next;
	}
	return false; /* it loops */
}

/* Takes the header off the readable pieces, wherever they part it. */
static bool header_take(struct vblk *v, struct chain *c, unsigned *first,
			struct virtio_blk_hdr *hdr)
{
	uint8_t *to = (uint8_t *)hdr;
	uint32_t left = sizeof(*hdr);

	*first = 0;
	while (left) {
		struct vblk_piece *p = &c->read[*first];
		uint32_t n;

		if (*first == c->nr_read)
			return false;
		n = p->len < left ? p->len : left;
		if (!gmem_read(v->mem, p->gpa, to, n))
			return false;
		to += n;
		left -= n;
		p->gpa += n;
		p->len -= n;
		if (!p->len)
			(*first)++;
	}
	return true;
}

/* The last writable byte is the status. */
static bool status_take(struct chain *c, struct vblk_io *io)
{
	struct vblk_piece *p;

	if (!c->nr_write)
		return false;
	p = &c->write[c->nr_write - 1];
	p->len--;
	io->status_at = p->gpa + p->len;
	if (!p->len)
		c->nr_write--;
	c->write_bytes--;
	return true;
}

static void pieces_set(struct vblk_io *io, const struct vblk_piece *p,
		       unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		io->pieces[i] = p[i];
	io->nr_pieces = n;
	io->piece = 0;
}

/* GET_ID: the name of the disk. */
static uint8_t id_write(struct vblk_io *io)
{
	char id[VIRTIO_BLK_ID_BYTES] = { 0 };
	uint32_t n = 0;

	for (; n < sizeof(id) && io->v->name[n]; n++)
		id[n] = io->v->name[n];
	if (!io->nr_pieces || io->pieces[0].len < sizeof(id) ||
	    !gmem_write(io->v->mem, io->pieces[0].gpa, id, sizeof(id)))
		return VIRTIO_BLK_S_IOERR;
	io->written = sizeof(id);
	return VIRTIO_BLK_S_OK;
}

static void io_begin(struct vblk_io *io, struct chain *c, unsigned first)
{
	uint64_t bytes = 0;

	switch (io->type) {
	case VIRTIO_BLK_T_IN:
		bytes = c->write_bytes;
		pieces_set(io, c->write, c->nr_write);
		break;
	case VIRTIO_BLK_T_OUT:
		bytes = c->read_bytes - sizeof(struct virtio_blk_hdr);
		pieces_set(io, c->read + first, c->nr_read - first);
		break;
	case VIRTIO_BLK_T_FLUSH:
		io->left = 1; /* one transfer, without bytes */
		io_go_on(io);
		return;
	case VIRTIO_BLK_T_GET_ID:
		pieces_set(io, c->write, c->nr_write);
		io_end(io, id_write(io));
		return;
	default:
		io_end(io, VIRTIO_BLK_S_UNSUPP);
		return;
	}
	if (!bytes || bytes % BLK_SECTOR || bytes > VBLK_REQUEST_MAX) {
		io_end(io, VIRTIO_BLK_S_IOERR);
		return;
	}
	io->left = (uint32_t)bytes;
	io_go_on(io);
}

static void chain_start(struct vblk *v, uint16_t head)
{
	static struct chain c; /* the program has one thread */
	struct vblk_io *io = v->free;
	struct virtio_blk_hdr hdr;
	unsigned first;

	if (!io || !chain_read(v, head, &c) || !status_take(&c, io) ||
	    !header_take(v, &c, &first, &hdr)) {
		broken(v);
		return;
	}
	v->free = io->next_free;
	v->running++;
	io->head = head;
	io->type = hdr.type;
	io->sector = hdr.sector;
	io->written = 0;
	io->left = 0;
	io->inside = false;
	io_begin(io, &c, first);
}

/* Asks to be notified of the next request. */
static bool arm(struct vblk *v)
{
	if (event_idx(v) &&
	    !gmem_write16(v->mem, v->used + 4 + 8ull * v->queue_size,
			  v->avail_seen))
		return false;
	/* our wish must be seen before we look a last time */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return true;
}

bool vblk_run(struct vblk *v)
{
	uint32_t budget = v->queue_size;
	bool armed = false;

	while (is_alive(v)) {
		uint16_t idx;
		uint16_t head;

		if (!gmem_read16(v->mem, v->avail + 2, &idx) ||
		    (uint16_t)(idx - v->avail_seen) > v->queue_size) {
			broken(v);
			return false;
		}
		if (idx == v->avail_seen) {
			if (armed)
				return false;
			armed = arm(v);
			if (!armed)
				broken(v);
			continue;
		}
		armed = false;
		if (!budget--)
			return true;
		if (!gmem_read16(v->mem,
				 v->avail + 4 +
					 2ull * (v->avail_seen % v->queue_size),
				 &head)) {
			broken(v);
			return false;
		}
		v->avail_seen++;
		chain_start(v, head);
	}
	return false;
}
