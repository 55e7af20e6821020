/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-console front end: each descriptor has its piece of memory for good. */
#include "kit/vconsole.h"

#include "internal.h"
#include "kit/console.h"
#include "kit/smp.h"
#include "kit/wait.h"
#include "virtio.h"
#include "virtio_console.h"

#define RX VIRTIO_CONSOLE_RX
#define TX VIRTIO_CONSOLE_TX
#define QUEUE KIT_VCONSOLE_QUEUE
#define PIECE KIT_VCONSOLE_PIECE
#define RX_PIECES 16u
#define PAGES(pieces) (((pieces)*PIECE + KIT_PAGE_SIZE - 1) / KIT_PAGE_SIZE)

struct kit_vconsole {
	struct kit_virtio dev;
	uint8_t *out, *in; /* pieces, shared */
	struct kit_lock lock;
	uint32_t owner; /* of the lock: its vCPU + 1 */
	bool dead;
	/* pieces head - tail, in order, are the device's, but for those in done */
	uint32_t head, tail;
	bool done[QUEUE];
	/* input: the piece that is being read */
	bool held;
	uint32_t piece, at, len;
};

/* false: this vCPU was interrupted while it had the lock. */
static bool lock(struct kit_vconsole *c, uint64_t *flags)
{
	uint32_t me = kit_vcpu_id() + 1;

	*flags = kit_irq_save();
	if (__atomic_load_n(&c->owner, __ATOMIC_RELAXED) == me) {
		kit_irq_restore(*flags);
		return false;
	}
	kit_lock(&c->lock);
	__atomic_store_n(&c->owner, me, __ATOMIC_RELAXED);
	return true;
}

static void unlock(struct kit_vconsole *c, uint64_t flags)
{
	__atomic_store_n(&c->owner, 0, __ATOMIC_RELAXED);
	kit_unlock(&c->lock);
	kit_irq_restore(flags);
}

/* ---- queues ---- */

static void pieces_lay(struct kit_vconsole *c)
{
	volatile struct virtq_desc *rx = c->dev.q[RX].desc;
	volatile struct virtq_desc *tx = c->dev.q[TX].desc;

	virtq_disarm(&c->dev.q[TX]);
	for (unsigned i = 0; i < QUEUE; i++) {
		tx[i].addr = kit_gpa(c->out + i * PIECE);
		tx[i].flags = 0;
	}
	for (uint16_t i = 0; i < RX_PIECES; i++) {
		rx[i].addr = kit_gpa(c->in + i * PIECE);
		rx[i].len = PIECE;
		rx[i].flags = VIRTQ_DESC_WRITE;
		virtq_put(&c->dev.q[RX], i);
	}
	virtq_arm(&c->dev.q[RX]);
}

/* The host partition is a new one: it gets what the old one had not shown, as far
 * as it said. */
static void again(struct kit_vconsole *c)
{
	uint32_t len[QUEUE];

	for (uint32_t i = 0; i < QUEUE; i++)
		len[i] = c->dev.q[TX].desc[i].len;
	c->dead = kit_virtio_again(&c->dev) != NULL;
	if (c->dead)
		return;
	c->held = false;
	pieces_lay(c);
	kit_virtio_ready(&c->dev);
	for (uint32_t i = c->tail; i != c->head; i++) {
		uint16_t piece = (uint16_t)(i % QUEUE);

		c->dev.q[TX].desc[piece].len = len[piece];
		if (!c->done[piece])
			virtq_put(&c->dev.q[TX], piece);
	}
	kit_virtio_kick(&c->dev, TX);
	kit_virtio_kick(&c->dev, RX);
}

/* Takes the pieces back that the device is done with. */
static void pieces_take(struct kit_vconsole *c)
{
	uint32_t id;
	int got;

	while ((got = virtq_get(&c->dev.q[TX], &id)) > 0) {
		if (id >= QUEUE ||
		    (id - c->tail) % QUEUE >= c->head - c->tail ||
		    c->done[id]) {
			c->dead = true; /* it lies */
			return;
		}
		c->done[id] = true;
	}
	c->dead |= got < 0;
	while (c->tail != c->head && c->done[c->tail % QUEUE])
		c->done[c->tail++ % QUEUE] = false;
}

/* What the host partition had shown counts, also if it has died meanwhile. */
static void look(struct kit_vconsole *c)
{
	pieces_take(c);
	while (!c->dead && kit_virtio_lost(&c->dev))
		again(c);
}

static void console_event(void *arg)
{
	struct kit_vconsole *c = arg;
	uint64_t flags;

	kit_virtio_ack(&c->dev);
	if (!kit_virtio_lost(&c->dev) || !lock(c, &flags))
		return;
	look(c);
	unlock(c, flags);
}

/* ---- output ---- */

/* Puts as much as there is room for; returns how many bytes that were. */
static size_t put(struct kit_vconsole *c, const uint8_t *from, size_t n)
{
	size_t done = 0;

	while (done < n && c->head - c->tail < QUEUE) {
		uint16_t piece = (uint16_t)(c->head++ % QUEUE);
		size_t now = n - done < PIECE ? n - done : PIECE;

		__builtin_memcpy(c->out + piece * PIECE, from + done, now);
		c->dev.q[TX].desc[piece].len = (uint32_t)now;
		virtq_put(&c->dev.q[TX], piece);
		done += now;
	}
	kit_virtio_kick(&c->dev, TX);
	return done;
}

static bool write_some(struct kit_vconsole *c, const uint8_t **from, size_t *n)
{
	uint64_t flags;
	size_t now;

	if (!lock(c, &flags))
		return false;
	look(c);
	now = c->dead ? 0 : put(c, *from, *n);
	*from += now;
	*n -= now;
	unlock(c, flags);
	return !c->dead;
}

bool kit_vconsole_write(struct kit_vconsole *c, const void *buf, size_t n)
{
	const uint8_t *from = buf;

	while (n) {
		size_t before = n;

		if (!write_some(c, &from, &n))
			return false;
		if (n == before)
			kit_console_wait();
	}
	return true;
}

/* ---- input ---- */

static void held_take(struct kit_vconsole *c)
{
	struct virtq *q = &c->dev.q[RX];
	int got = virtq_get(q, &c->piece);

	if (!got && virtq_arm(q))
		got = virtq_get(q, &c->piece);
	c->held = got > 0;
	c->at = 0;
	if (got > 0)
		c->len = q->used->ring[(q->used_seen - 1u) % q->size].len;
	if (got < 0 || (got > 0 && (c->piece >= RX_PIECES || c->len > PIECE)))
		c->dead = true;
}

static void held_give_back(struct kit_vconsole *c)
{
	c->held = false;
	virtq_put(&c->dev.q[RX], (uint16_t)c->piece);
	kit_virtio_kick(&c->dev, RX);
}

static size_t take(struct kit_vconsole *c, uint8_t *to, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t now;

		if (!c->held)
			held_take(c);
		if (!c->held || c->dead)
			break;
		now = c->len - c->at < n - done ? c->len - c->at : n - done;
		__builtin_memcpy(to + done, c->in + c->piece * PIECE + c->at,
				 now);
		done += now;
		c->at += (uint32_t)now;
		if (c->at == c->len)
			held_give_back(c);
	}
	return done;
}

size_t kit_vconsole_read_try(struct kit_vconsole *c, void *buf, size_t n)
{
	uint64_t flags;
	size_t done;

	if (!lock(c, &flags))
		return 0;
	look(c);
	done = c->dead ? 0 : take(c, buf, n);
	unlock(c, flags);
	return done;
}

size_t kit_vconsole_read(struct kit_vconsole *c, void *buf, size_t n)
{
	size_t done = 0;

	if (n)
		kit_wait_until(
			(done = done ? done :
				       kit_vconsole_read_try(c, buf, n)) ||
				c->dead,
			KIT_FOREVER);
	return done;
}

/* ---- start ---- */

static const char *console_start(struct kit_vconsole *c, const char *name)
{
	const char *why;

	c->out = kit_shared_pages(PAGES(QUEUE));
	c->in = kit_shared_pages(PAGES(RX_PIECES));
	if (!c->out || !c->in)
		return "memory could not be shared";
	why = kit_virtio_open(&c->dev, name, VIRTIO_ID_CONSOLE,
			      VIRTIO_CONSOLE_F_SIZE, VIRTIO_CONSOLE_QUEUES,
			      QUEUE, console_event, c);
	if (why)
		return why;
	pieces_lay(c);
	kit_virtio_ready(&c->dev);
	kit_virtio_kick(&c->dev, RX);
	return NULL;
}

struct kit_vconsole *kit_vconsole_open(const char *name, const char **why)
{
	const struct pv_device *d = kit_device(NULL, PV_DEV_VIRTIO, name);
	const char *text = "there is no such console";
	struct kit_vconsole *c = d ? kit_calloc(1, sizeof(*c)) : NULL;

	if (c)
		text = console_start(c, name);
	if (why)
		*why = text;
	return text ? NULL : c;
}

void kit_vconsole_size(struct kit_vconsole *c, unsigned *cols, unsigned *rows)
{
	uint32_t size = 0;

	if (c->dev.features & VIRTIO_CONSOLE_F_SIZE)
		size = kit_virtio_config(&c->dev, VIRTIO_CONSOLE_CONFIG_COLS);
	*cols = size & 0xffff;
	*rows = size >> 16;
}

/* ---- as the kit's console ---- */

static struct kit_vconsole *used;

/* Where it fails the text comes by the kit's own console, in full. */
static void used_write(const void *buf, size_t n)
{
	if (!kit_vconsole_write(used, buf, n))
		kit_console_own(buf, n);
}

static size_t used_read(void *buf, size_t n)
{
	return kit_vconsole_read_try(used, buf, n);
}

void kit_vconsole_use(struct kit_vconsole *c)
{
	used = c;
	kit_console_redirect(used_write);
	kit_console_input(used_read);
}
