/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of a guest's block device, from its queue to the virtual disk. */
#include "vblk.h"

#include "guard.h"

#define PAGE 4096u

/* ---- completion ---- */

bool vblk_status_again(struct vblk_io *io, uint8_t status)
{
	return gmem_write(io->v->dev.mem, io->status_at, &status, 1);
}

void vblk_feed(struct vblk *v)
{
	v->starved = false;
	vdev_look(&v->dev);
}

/* Out of line, for those that are not frequent. */
__attribute__((noinline)) static void io_end(struct vblk_io *io, uint8_t status)
{
	vblk_end(io, status);
}

/* ---- transfer ---- */

/* Fills the segments of the next transfer; returns its bytes, 0: cannot. */
static uint32_t segs_fill(struct vblk_io *io)
{
	struct vblk *v = io->v;
	uint32_t max = vdisk_bytes(&v->disk, io->req.op, io->sector);
	unsigned piece = io->piece;
	uint64_t off = 0;
	uint32_t bytes = 0;
	uint32_t n = 0;

	while (bytes < io->left && n < vdisk_max_segs(&v->disk) &&
	       bytes < max) {
		struct vq_piece *p = &io->chain.piece[piece];
		uint64_t gpa = p->gpa + off;
		uint32_t len = PAGE - (uint32_t)(gpa % PAGE);
		struct blk_seg *s = &io->seg[n];

		if (len > p->len - off)
			len = (uint32_t)(p->len - off);
		if (len > max - bytes)
			len = max - bytes;
		s->va = gmem_at(v->dev.mem, gpa, len);
		s->len = len;
		if (!s->va || (vdisk_needs_dma(&v->disk) &&
			       !gmem_dev(v->dev.mem, gpa, &s->dev)))
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
		struct vq_piece *p = &io->chain.piece[io->piece];
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
	gmem_drop(io->v->dev.mem);
	if (io->type == VIRTIO_BLK_T_FLUSH)
		io->left = 0;
	if (status != BLK_OK || io->v->dev.resetting) {
		io->left = 0;
		io->failed = true;
	} else if (io->type == VIRTIO_BLK_T_WRITE_ZEROES) {
		vblk_zero_advance(io, io->under_way);
	} else {
		pieces_advance(io, io->under_way);
		if (io->type == VIRTIO_BLK_T_IN)
			io->written += io->under_way;
	}
	if (!io->inside)
		io_go_on(io);
}

/* The segments of the next transfer, whole sectors; their bytes, 0: cannot. */
static uint32_t transfer_fill(struct vblk_io *io)
{
	io->req.op = io->type == VIRTIO_BLK_T_IN ? BLK_READ : BLK_WRITE;
	if (io->type == VIRTIO_BLK_T_WRITE_ZEROES)
		return vblk_zero_fill(io);
	return segs_trim(io, segs_fill(io));
}

static void transfer_begin(struct vblk_io *io)
{
	io->req.done = transfer_done;
	io->req.nsegs = 0;
	io->req.sector = io->sector;
	io->waiting = true;
	gmem_hold(io->v->dev.mem);
	io->under_way = 0;
	if (io->type == VIRTIO_BLK_T_FLUSH) {
		io->req.op = BLK_FLUSH;
	} else {
		io->under_way = transfer_fill(io);
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
	if (vdev_end(&io->v->dev))
		io_end(io, io->failed ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
	else
		vblk_io_free(io);
}

static void io_move(struct vblk_io *io)
{
	vdev_begin(&io->v->dev);
	io_go_on(io);
}

/* ---- taking requests ---- */

static bool header_read(struct gmem *mem, uint64_t gpa,
			struct virtio_blk_hdr *hdr)
{
	const uint64_t *p = gmem_near(mem, gpa, sizeof(*hdr));
	uint64_t first;

	if (!p || gpa % 8 || !guard_read64(p, &first) ||
	    !guard_read64(p + 1, &hdr->sector))
		return gmem_read(mem, gpa, hdr, sizeof(*hdr));
	hdr->type = (uint32_t)first;
	return true;
}

/* Takes the header off the readable pieces, wherever they part it. */
static bool header_take(struct vblk_io *io, struct virtio_blk_hdr *hdr)
{
	struct vq_chain *c = &io->chain;
	uint32_t left = sizeof(*hdr);

	if (c->nr_read && c->piece[0].len == left) {
		io->piece = 1;
		return header_read(io->v->dev.mem, c->piece[0].gpa, hdr);
	}
	if (vq_read(&io->v->dev.q[0], c, 0, hdr, left) != left)
		return false;
	for (io->piece = 0; left; io->piece++) {
		struct vq_piece *p = &c->piece[io->piece];
		uint32_t n = p->len < left ? p->len : left;

		p->gpa += n;
		p->len -= n;
		left -= n;
		if (p->len)
			break;
	}
	return true;
}

/* The last writable byte is the status. */
static bool status_take(struct vblk_io *io)
{
	struct vq_chain *c = &io->chain;
	struct vq_piece *p;

	if (!c->nr_write)
		return false;
	p = &c->piece[c->nr_read + c->nr_write - 1];
	p->len--;
	io->status_at = p->gpa + p->len;
	if (!p->len)
		c->nr_write--;
	c->write_bytes--;
	return true;
}

/* GET_ID: the name of the disk. */
static uint8_t id_write(struct vblk_io *io)
{
	char id[VIRTIO_BLK_ID_BYTES] = { 0 };
	struct vdev *d = &io->v->dev;

	for (unsigned n = 0; n < sizeof(id) && d->name[n]; n++)
		id[n] = d->name[n];
	if (vq_write(&d->q[0], &io->chain, 0, id, sizeof(id)) != sizeof(id))
		return VIRTIO_BLK_S_IOERR;
	io->written = sizeof(id);
	return VIRTIO_BLK_S_OK;
}

/* Nothing is moved: nothing of the buffers has to be looked at. */
static void io_end_null(struct vblk_io *io)
{
	uint64_t n = io->left / BLK_SECTOR;
	uint64_t sectors = io->v->disk.sectors;

	if (n > sectors || io->sector > sectors - n) {
		io_end(io, VIRTIO_BLK_S_IOERR);
		return;
	}
	if (io->type == VIRTIO_BLK_T_IN)
		io->written = io->left;
	io_end(io, VIRTIO_BLK_S_OK);
}

static void move_begin(struct vblk_io *io, uint64_t bytes)
{
	if (!bytes || bytes % BLK_SECTOR || bytes > VBLK_REQUEST_MAX) {
		io_end(io, VIRTIO_BLK_S_IOERR);
		return;
	}
	io->left = (uint32_t)bytes;
	if (io->v->disk.kind == VDISK_NULL)
		io_end_null(io);
	else
		io_move(io);
}

__attribute__((noinline, cold)) static void zero_begin(struct vblk_io *io)
{
	uint8_t status = vblk_zero_begin(io);

	if (status)
		io_end(io, status);
	else
		io_move(io);
}

__attribute__((noinline)) static void other_begin(struct vblk_io *io)
{
	switch (io->type) {
	case VIRTIO_BLK_T_FLUSH:
		io->left = 1; /* one transfer, without bytes */
		io_move(io);
		break;
	case VIRTIO_BLK_T_GET_ID:
		io_end(io, id_write(io));
		break;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		zero_begin(io);
		break;
	default:
		io_end(io, VIRTIO_BLK_S_UNSUPP);
	}
}

/* The frequent ones by the shortest way. */
static void io_begin(struct vblk_io *io)
{
	if (io->type == VIRTIO_BLK_T_IN) {
		io->piece = io->chain.nr_read;
		move_begin(io, io->chain.write_bytes);
	} else if (io->type == VIRTIO_BLK_T_OUT) {
		move_begin(io, io->chain.read_bytes -
				       sizeof(struct virtio_blk_hdr));
	} else {
		other_begin(io);
	}
}

static void io_start(struct vblk *v, struct vblk_io *io)
{
	struct virtio_blk_hdr hdr;

	if (!status_take(io) || !header_take(io, &hdr)) {
		vdev_break(&v->dev);
		return;
	}
	v->free = io->next_free;
	io->type = hdr.type;
	io->sector = hdr.sector;
	io->written = io->left = 0;
	io->inside = io->failed = false;
	io_begin(io);
}

static bool requests_take(struct vblk *v)
{
	for (unsigned budget = VBLK_QUEUE; budget; budget--) {
		struct vblk_io *io = v->free;

		if (!io) {
			v->starved = true; /* vblk_feed looks again */
			return false;
		}
		if (vblk_quick(v))
			continue;
		if (!vdev_next(&v->dev, 0, &io->chain))
			return false;
		io_start(v, io);
	}
	return true;
}

/* The disk hears of all of them at once. */
static bool run(struct vdev *dev, unsigned queue)
{
	struct vblk *v = (struct vblk *)dev;
	struct blk_dev *disk = v->disk.dev;
	bool more;

	(void)queue; /* there is one */
	if (disk)
		blk_cork(disk);
	more = requests_take(v);
	if (disk)
		blk_uncork(disk);
	return more;
}

/* ---- the device ---- */

static uint64_t features(const struct vdev *dev)
{
	const struct vblk *v = (const struct vblk *)dev;

	return VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_SEG_MAX |
	       VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_FLUSH |
	       (v->disk.read_only ?
			VIRTIO_BLK_F_RO :
			VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES);
}

static void config(const struct vdev *dev, uint8_t *c)
{
	const struct vblk *v = (const struct vblk *)dev;

	put_le64(c + VIRTIO_BLK_CONFIG_CAPACITY, v->disk.sectors);
	put_le32(c + VIRTIO_BLK_CONFIG_SIZE_MAX, VBLK_REQUEST_MAX / 4);
	put_le32(c + VIRTIO_BLK_CONFIG_SEG_MAX, VQ_PIECES - 2);
	put_le32(c + VIRTIO_BLK_CONFIG_BLK_SIZE, BLK_SECTOR);
	if (v->disk.read_only)
		return;
	put_le32(c + VIRTIO_BLK_CONFIG_DISCARD_SECTORS, VBLK_RANGE_MAX);
	put_le32(c + VIRTIO_BLK_CONFIG_DISCARD_SEG, VBLK_RANGES);
	put_le32(c + VIRTIO_BLK_CONFIG_DISCARD_ALIGNMENT, PAGE / BLK_SECTOR);
	put_le32(c + VIRTIO_BLK_CONFIG_ZEROES_SECTORS, VBLK_RANGE_MAX);
	put_le32(c + VIRTIO_BLK_CONFIG_ZEROES_SEG, VBLK_RANGES);
}

static void reset(struct vdev *dev) { ((struct vblk *)dev)->starved = false; }

static const struct vdev_ops vblk_ops = {
	.id = VIRTIO_ID_BLOCK,
	.nr_queues = 1,
	.queue_max = VBLK_QUEUE,
	.features = features,
	.config = config,
	.run = run,
	.reset = reset,
	.free = vblk_free,
};

void vblk_init(struct vblk *v)
{
	for (unsigned i = 0; i < VBLK_IOS; i++) {
		v->io[i].v = v;
		v->io[i].req.seg = v->io[i].seg;
		v->io[i].req.arg = &v->io[i];
		v->io[i].next_free = i + 1 < VBLK_IOS ? &v->io[i + 1] : NULL;
	}
	v->free = v->io;
	v->dev.ops = &vblk_ops;
}
