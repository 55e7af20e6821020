/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's virtio entropy device (VIRTIO 1.2, 5.4): what RDRAND gives. */
#include "kit/mm.h"
#include "vdevs.h"

#define VIRTIO_ID_ENTROPY 4u
#define CPUID_1_ECX_RDRAND (1u << 30)
#define TRIES 10u  /* SDM Vol. 1, 7.3.17.1 */
#define MOST 4096u /* bytes for one request */

static bool has_rdrand(void)
{
	uint32_t a = 1, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c & CPUID_1_ECX_RDRAND;
}

static bool random64(uint64_t *v)
{
	uint8_t ok = 0;

	for (unsigned i = 0; i < TRIES && !ok; i++)
		__asm__ volatile("rdrand %0; setc %1"
				 : "=r"(*v), "=qm"(ok)
				 :
				 : "cc");
	return ok;
}

/* Fills the request as far as the source gives something. */
static uint32_t fill(struct vq *q, const struct vq_chain *c)
{
	uint32_t want = c->write_bytes < MOST ? (uint32_t)c->write_bytes : MOST;
	uint32_t done = 0;
	uint64_t v;

	while (done < want && random64(&v)) {
		uint32_t n = want - done < 8 ? want - done : 8;

		if (vq_write(q, c, done, &v, n) != n)
			break;
		done += n;
	}
	return done;
}

static bool run(struct vdev *v, unsigned queue)
{
	static struct vq_chain c; /* the program has one thread */

	for (unsigned budget = v->ops->queue_max; budget; budget--) {
		if (!vdev_next(v, queue, &c))
			return false;
		vdev_push(v, queue, c.head, fill(&v->q[queue], &c));
	}
	return true;
}

static uint64_t features(const struct vdev *v)
{
	(void)v;
	return 0;
}

static void ventropy_free(struct vdev *v) { kit_free(v); }

struct vdev *ventropy_make(const struct cfg_vdev *c, const char **why)
{
	static const struct vdev_ops ops = {
		.id = VIRTIO_ID_ENTROPY,
		.nr_queues = 1,
		.queue_max = 16,
		.features = features,
		.run = run,
		.free = ventropy_free,
	};
	struct vdev *v;

	(void)c;
	if (!has_rdrand()) {
		*why = "this CPU has no RDRAND";
		return NULL;
	}
	v = kit_calloc(1, sizeof(*v));
	if (v)
		v->ops = &ops;
	return v;
}
