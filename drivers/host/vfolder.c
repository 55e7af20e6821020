/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's shared folder: the virtio transport of 9P (VIRTIO has id 9 for it;
 * Linux: net/9p/trans_virtio.c, include/uapi/linux/virtio_9p.h). */
#include <string.h>

#include "folders.h"
#include "kit/mm.h"
#include "p9.h"
#include "vdevs.h"

#define VIRTIO_ID_9P 9u
#define F_MOUNT_TAG 1u
#define QUEUE_MAX 128u

struct vfolder {
	struct vdev dev;
	struct p9 p9;
	bool forget; /* the driver has reset the device: so does the session */
};

/* The program has one thread, and serves one request at a time. */
static uint8_t request[P9_MSIZE], reply[P9_MSIZE];

static uint32_t at_most(uint64_t bytes)
{
	return bytes < P9_MSIZE ? (uint32_t)bytes : P9_MSIZE;
}

/* False: the guest does not share what it names. */
static bool serve(struct vfolder *f, struct vq *q, const struct vq_chain *c,
		  uint32_t *len)
{
	uint32_t n = at_most(c->read_bytes);

	if (vq_read(q, c, 0, request, n) != n)
		return false;
	*len = p9_serve(&f->p9, request, n, reply, at_most(c->write_bytes));
	return vq_write(q, c, 0, reply, *len) == *len;
}

static void forget(struct vfolder *f)
{
	if (f->forget)
		p9_reset(&f->p9);
	f->forget = false;
}

/* Interrupts are handled while a request waits for the disk, and so may the
 * driver's reset of the device be. */
static bool run(struct vdev *v, unsigned queue)
{
	static struct vq_chain c;
	struct vfolder *f = (struct vfolder *)v;

	forget(f);
	for (unsigned budget = QUEUE_MAX; budget; budget--) {
		uint32_t len = 0;
		bool good;

		if (!vdev_next(v, queue, &c))
			return false;
		vdev_begin(v);
		good = serve(f, &v->q[queue], &c, &len);
		if (!vdev_end(v))
			return false;
		if (good)
			vdev_push(v, queue, c.head, len);
		else
			vdev_break(v);
	}
	return true;
}

static uint64_t features(const struct vdev *v)
{
	(void)v;
	return F_MOUNT_TAG;
}

/* The length of the tag, then the tag. */
static void config(const struct vdev *v, uint8_t bytes[VDEV_CONFIG])
{
	size_t n = strlen(v->name);

	bytes[0] = (uint8_t)n;
	memcpy(bytes + 2, v->name, n);
}

/* Perhaps while a request is served: the files are closed later. */
static void reset(struct vdev *v) { ((struct vfolder *)v)->forget = true; }

static void vfolder_free(struct vdev *v)
{
	struct vfolder *f = (struct vfolder *)v;

	p9_reset(&f->p9);
	folders_close(f->p9.base);
	kit_free(f);
}

struct vdev *vfolder_make(const struct cfg_vdev *c, const char **why)
{
	static const struct vdev_ops ops = {
		.id = VIRTIO_ID_9P,
		.nr_queues = 1,
		.queue_max = QUEUE_MAX,
		.features = features,
		.config = config,
		.run = run,
		.reset = reset,
		.free = vfolder_free,
	};
	struct fat_node *base = folders_open(c, why);
	struct vfolder *f = base ? kit_calloc(1, sizeof(*f)) : NULL;

	if (!base)
		return NULL;
	if (!f) {
		folders_close(base);
		return NULL;
	}
	f->dev.ops = &ops;
	p9_init(&f->p9, base);
	return &f->dev;
}
