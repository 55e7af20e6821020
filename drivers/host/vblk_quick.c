/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shortest way of a request: a header, data within a page, and a status, each
 * in a descriptor of its own, for a disk that moves the data by itself or moves
 * none. All else, and all that is wrong, is left to vblk.c, which looks at the
 * request from its beginning.
 */
#include "vblk.h"

#define PAGE GMEM_PAGE
#define HEADER VQ_REST(sizeof(struct virtio_blk_hdr), VIRTQ_DESC_NEXT)
#define STATUS VQ_REST(1, VIRTQ_DESC_WRITE)

/* What the request asks for. */
struct quick {
	uint64_t gpa, sector;
	uint32_t bytes;
	bool write;
};

static inline bool header_read(struct gmem *mem, uint64_t gpa, uint32_t *type,
			       uint64_t *sector)
{
	const uint64_t *p = gmem_known(mem, gpa);
	uint64_t first = 0;
	bool read = gmem_has(mem, gpa, sizeof(struct virtio_blk_hdr)) &&
		    !(gpa % 8) && guard_read64(p, &first) &&
		    guard_read64(p + 1, sector);

	*type = (uint32_t)first;
	return read;
}

/* Reads write to the buffer, and so on. */
static inline bool fits(const struct vblk *v, uint32_t type, uint16_t flags)
{
	if (type == VIRTIO_BLK_T_IN)
		return flags == (VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE);
	return type == VIRTIO_BLK_T_OUT && flags == VIRTQ_DESC_NEXT &&
	       !v->disk.read_only;
}

static inline __attribute__((always_inline)) bool
parse(struct vblk *v, const struct vq_three *t, struct quick *r)
{
	uint32_t type;

	if (VQ_REST_SANS_NEXT(t->rest[0]) != HEADER ||
	    VQ_REST_SANS_NEXT(t->rest[2]) != STATUS ||
	    !header_read(v->dev.mem, t->gpa[0], &type, &r->sector) ||
	    !fits(v, type, VQ_REST_FLAGS(t->rest[1])))
		return false;
	r->gpa = t->gpa[1];
	r->bytes = (uint32_t)t->rest[1];
	r->write = type;
	return r->bytes && !(r->bytes % BLK_SECTOR) &&
	       r->gpa % PAGE + r->bytes <= PAGE &&
	       vdisk_holds(&v->disk, r->sector, r->bytes / BLK_SECTOR);
}

__attribute__((noinline, cold)) static void end(struct vblk_io *io,
						uint8_t status)
{
	gmem_drop(io->v->dev.mem);
	if (vdev_end(&io->v->dev))
		vblk_end(io, status);
	else
		vblk_io_free(io);
}

/* Nothing waits for this end but the guest. */
static inline bool alone(const struct vblk *v)
{
	return vdev_live(&v->dev, 0) && !v->starved && !v->dev.mem->unpin;
}

/* What faults in the middle is written anew by end(). */
static void done(struct blk_req *req, enum blk_status error)
{
	uint8_t status = error ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
	struct vblk_io *io = req->arg;
	struct vblk *v = io->v;
	struct gmem *mem = v->dev.mem;
	uint64_t at = io->status_at;

	if (error)
		io->written = 0;
	if (!alone(v) || !gmem_has(mem, at, 1) ||
	    !guard_write8(gmem_known(mem, at), status) ||
	    !vq_push_quick(&v->dev.q[0], io->chain.head, io->written + 1)) {
		end(io, status);
		return;
	}
	mem->busy--;
	v->dev.running--;
	vblk_io_free(io);
	if (!v->dev.is_due)
		vdev_due(&v->dev);
}

static inline void submit(struct vblk *v, struct vblk_io *io,
			  const struct quick *r)
{
	io->req.op = r->write ? BLK_WRITE : BLK_READ;
	io->req.sector = v->disk.first + r->sector;
	io->req.nsegs = 1;
	io->req.done = done;
	io->seg[0].va = gmem_known(v->dev.mem, r->gpa);
	io->seg[0].len = r->bytes;
	v->disk.nr_requests++;
	v->disk.nr_bytes += r->bytes;
	vdev_begin(&v->dev);
	gmem_hold(v->dev.mem);
	blk_submit(v->disk.dev, &io->req);
}

bool vblk_quick(struct vblk *v)
{
	enum vdisk_kind kind = v->disk.kind;
	struct vblk_io *io = v->free;
	struct vq_three t;
	struct quick r;

	if ((kind != VDISK_PART && kind != VDISK_NULL) ||
	    !vdev_live(&v->dev, 0) || !vq_three(&v->dev.q[0], &t) ||
	    !parse(v, &t, &r))
		return false;
	if (kind == VDISK_PART &&
	    !gmem_dev_known(v->dev.mem, r.gpa, &io->seg[0].dev))
		return false;
	vq_three_take(&v->dev.q[0]);
	v->free = io->next_free;
	io->chain.head = t.head;
	io->status_at = t.gpa[2];
	io->written = r.write ? 0 : r.bytes;
	if (kind == VDISK_NULL)
		vblk_end(io, VIRTIO_BLK_S_OK);
	else
		submit(v, io, &r);
	return true;
}
