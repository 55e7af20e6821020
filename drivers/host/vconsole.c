/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's virtio console. While a guest writes line after line it is not to tell
 * of each: once its queue is half full it does, and at least every REST_NS the
 * device looks by itself (2.7.7.2 lets the device name the request that it wants
 * to hear of).
 */
#include "vconsole.h"

#include "host.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "vdevs.h"
#include "virtio_console.h"

#define RX VIRTIO_CONSOLE_RX
#define TX VIRTIO_CONSOLE_TX
#define REST_NS KIT_MS
#define COLS 80u
#define ROWS 25u

static struct vconsole *resting;

static struct vconsole *of(struct vdev *v) { return (struct vconsole *)v; }

/* ---- rest ---- */

static void rest(struct vconsole *c)
{
	struct vq *q = &c->dev.q[TX];
	uint32_t half = q->size / 2;

	if (!vdev_live(&c->dev, TX) || !vq_arm_behind(q, half ? half - 1 : 0))
		return;
	c->rest_ns = kit_time_ns() + REST_NS;
	host_wake_at(c->rest_ns);
	if (c->rests)
		return;
	c->rests = true;
	c->next = resting;
	resting = c;
}

static void rest_end(struct vconsole *c)
{
	struct vconsole **at = &resting;

	if (!c->rests)
		return;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->rests = false;
}

void vconsoles_run(void)
{
	uint64_t now = resting ? kit_time_ns() : 0;
	struct vconsole *c, *next;

	for (c = resting; c; c = next) {
		next = c->next;
		if (c->rest_ns > now) {
			host_wake_at(c->rest_ns);
			continue;
		}
		rest_end(c);
		vdev_look(&c->dev);
	}
}

/* ---- from the guest ---- */

static bool text_begin(struct vconsole *c)
{
	if (!c->begun) {
		c->begun = vdev_next(&c->dev, TX, &c->chain);
		c->at = 0;
	}
	return c->begun;
}

/* Shows up to `most` bytes of a text; returns how many. The driver may reset the
 * device meanwhile. */
static uint32_t text_show(struct vconsole *c, uint32_t most)
{
	static char text[VCONSOLE_ROUND];
	struct vdev *v = &c->dev;
	uint64_t left = c->chain.read_bytes - c->at;
	uint32_t n = left < most ? (uint32_t)left : most;

	if (vq_read(&v->q[TX], &c->chain, c->at, text, n) != n) {
		c->begun = false;
		vdev_break(v);
		return 0;
	}
	c->at += n;
	c->begun = n < left && c->at <= UINT32_MAX - VCONSOLE_ROUND;
	vdev_begin(v);
	c->out(v->arg, text, n);
	if (vdev_end(v) && !c->begun)
		vdev_push(v, TX, c->chain.head, 0);
	return n;
}

/* True: there is more. */
static bool texts_show(struct vconsole *c)
{
	uint32_t left = VCONSOLE_ROUND;
	unsigned budget = VCONSOLE_QUEUE;

	for (; left && budget && text_begin(c); budget--)
		left -= text_show(c, left);
	if (budget < VCONSOLE_QUEUE && left && budget)
		rest(c);
	return !left || !budget;
}

void vconsole_drain(struct vdev *v)
{
	for (unsigned i = 0; i < VCONSOLE_DRAIN / VCONSOLE_ROUND; i++)
		if (!vdev_live(v, TX) || !texts_show(of(v)))
			return;
}

static bool run(struct vdev *v, unsigned queue)
{
	if (queue == TX)
		return texts_show(of(v));
	of(v)->room(v->arg);
	return false;
}

static void configuration_write(struct vdev *v, uint32_t off, uint64_t value)
{
	char c = (char)value;

	if (off == VIRTIO_CONSOLE_CONFIG_EMERG)
		of(v)->out(v->arg, &c, 1);
}

/* ---- to the guest ---- */

bool vconsole_takes(const struct vdev *v) { return vdev_live(v, RX); }

size_t vconsole_type(struct vdev *v, const void *text, size_t n)
{
	static struct vq_chain c;
	unsigned budget = VCONSOLE_QUEUE;
	size_t done = 0;

	for (; done < n && budget && vdev_next(v, RX, &c); budget--) {
		uint32_t most = (uint32_t)(n - done);
		uint32_t put = c.write_bytes < most ? (uint32_t)c.write_bytes :
						      most;

		if (vq_write(&v->q[RX], &c, 0, (const char *)text + done,
			     put) != put) {
			vdev_break(v);
			break;
		}
		vdev_push(v, RX, c.head, put);
		done += put;
	}
	return done;
}

/* ---- the device ---- */

static uint64_t features(const struct vdev *v)
{
	(void)v;
	return VIRTIO_CONSOLE_F_SIZE | VIRTIO_CONSOLE_F_EMERG_WRITE;
}

/* Nobody can know the size of what is behind a serial line: the usual one. */
static void configuration(const struct vdev *v, uint8_t bytes[VDEV_CONFIG])
{
	(void)v;
	put_le16(bytes + VIRTIO_CONSOLE_CONFIG_COLS, COLS);
	put_le16(bytes + VIRTIO_CONSOLE_CONFIG_ROWS, ROWS);
	put_le32(bytes + VIRTIO_CONSOLE_CONFIG_PORTS, 1);
}

static void reset(struct vdev *v)
{
	of(v)->begun = false;
	rest_end(of(v));
}

static void vconsole_free(struct vdev *v)
{
	rest_end(of(v));
	kit_free(v);
}

struct vdev *vconsole_make(const struct cfg_vdev *cfg, const char **why)
{
	static const struct vdev_ops ops = {
		.id = VIRTIO_ID_CONSOLE,
		.nr_queues = VIRTIO_CONSOLE_QUEUES,
		.queue_max = VCONSOLE_QUEUE,
		.features = features,
		.config = configuration,
		.config_write = configuration_write,
		.run = run,
		.reset = reset,
		.free = vconsole_free,
	};
	struct vconsole *c = kit_calloc(1, sizeof(*c));

	(void)cfg;
	(void)why;
	if (!c)
		return NULL;
	c->dev.ops = &ops;
	return &c->dev;
}
