/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-blk front end: up to KIT_BLOCK_DEPTH requests in one queue. */
#include "kit/block.h"

#include "kit/mm.h"
#include "kit/wait.h"
#include "internal.h"
#include "virtio.h"
#include "virtio_blk.h"

/* Slot i has descriptors CHAIN * i and on: header, data, status, and one that
 * nobody needs. They are laid out once; only the data changes, and a flush leaves
 * it out. */
#define CHAIN 4u
#define QUEUE_SIZE 128u
#define BUFFER_PAGES 32u /* for kit_block_buffer */
#define BOUNCE_PAGES (KIT_BLOCK_MAX / KIT_PAGE_SIZE)
#define ANSWER_TIME (30 * KIT_SECOND)
#define STATUS_NONE 0xffu /* no device writes this */

struct kit_block {
	struct kit_virtio dev;
	struct virtio_blk_slot *slot; /* shared, one for each request */
	uint8_t *bounce, *buffers;
	uint64_t buffers_used, sectors;
	uint32_t discard_most,
		zeroes_most; /* sectors; 0: it has no such thing */
	bool dead;
	uint8_t nr_free, free[KIT_BLOCK_DEPTH]; /* slots */
	struct kit_block_req *req[KIT_BLOCK_DEPTH];
};

static void block_event(void *arg)
{
	kit_virtio_ack(&((struct kit_block *)arg)->dev);
}

static const char *memory_share(struct kit_block *b)
{
	b->slot = kit_shared_pages(1);
	b->bounce = kit_shared_pages(BOUNCE_PAGES + BUFFER_PAGES);
	if (!b->slot || !b->bounce)
		return "memory could not be shared";
	b->buffers = b->bounce + KIT_BLOCK_MAX;
	while (b->nr_free < KIT_BLOCK_DEPTH) {
		b->free[b->nr_free] = b->nr_free;
		b->nr_free++;
	}
	return NULL;
}

static void chains_lay(struct kit_block *b)
{
	volatile struct virtq_desc *d = b->dev.q[0].desc;
	unsigned i;

	for (i = 0; i < KIT_BLOCK_DEPTH; i++, d += CHAIN) {
		struct virtio_blk_slot *s = &b->slot[i];

		d[0].addr = kit_gpa(&s->hdr);
		d[0].len = sizeof(s->hdr);
		d[0].flags = VIRTQ_DESC_NEXT;
		d[1].next = (uint16_t)(CHAIN * i + 2);
		d[2].addr = kit_gpa(&s->status);
		d[2].len = 1;
		d[2].flags = VIRTQ_DESC_WRITE;
	}
}

static uint32_t most(struct kit_block *b, uint64_t feature, unsigned config)
{
	return b->dev.features & feature ? kit_virtio_config(&b->dev, config) :
					   0;
}

static void configuration(struct kit_block *b)
{
	b->sectors = kit_virtio_config(&b->dev, VIRTIO_BLK_CONFIG_CAPACITY) |
		     (uint64_t)kit_virtio_config(&b->dev,
						 VIRTIO_BLK_CONFIG_CAPACITY + 4)
			     << 32;
	b->discard_most = most(b, VIRTIO_BLK_F_DISCARD,
			       VIRTIO_BLK_CONFIG_DISCARD_SECTORS);
	b->zeroes_most = most(b, VIRTIO_BLK_F_WRITE_ZEROES,
			      VIRTIO_BLK_CONFIG_ZEROES_SECTORS);
}

static const char *block_start(struct kit_block *b, const char *name)
{
	const char *why = memory_share(b);

	if (!why)
		why = kit_virtio_open(&b->dev, name, VIRTIO_ID_BLOCK,
				      VIRTIO_BLK_F_RO | VIRTIO_BLK_F_FLUSH |
					      VIRTIO_BLK_F_DISCARD |
					      VIRTIO_BLK_F_WRITE_ZEROES,
				      1, QUEUE_SIZE, block_event, b);
	if (why)
		return why;
	chains_lay(b);
	kit_virtio_ready(&b->dev);
	configuration(b);
	return NULL;
}

struct kit_block *kit_block_open(const char *name, const char **why)
{
	const struct pv_device *d = kit_device(NULL, PV_DEV_VIRTIO, name);
	const char *text = "there is no such disk";
	struct kit_block *b = d ? kit_calloc(1, sizeof(*b)) : NULL;

	if (b)
		text = block_start(b, name);
	if (why)
		*why = text;
	return text ? NULL : b;
}

uint64_t kit_block_sectors(const struct kit_block *b) { return b->sectors; }

bool kit_block_readonly(const struct kit_block *b)
{
	return b->dev.features & VIRTIO_BLK_F_RO;
}

void *kit_block_buffer(struct kit_block *b, size_t bytes)
{
	uint64_t room = BUFFER_PAGES * KIT_PAGE_SIZE, at = b->buffers_used;

	bytes = (bytes + KIT_PAGE_SIZE - 1) & ~(KIT_PAGE_SIZE - 1);
	if (!bytes || bytes > room - at)
		return NULL;
	b->buffers_used += bytes;
	return b->buffers + at;
}

/* ---- requests ---- */

static bool is_shared(const struct kit_block *b, const void *buf, size_t n)
{
	uint64_t at = kit_gpa(buf) - kit_gpa(b->bounce);
	uint64_t room = (BOUNCE_PAGES + BUFFER_PAGES) * KIT_PAGE_SIZE;

	return n <= room && at <= room - n;
}

/* Operations behind those that kit_block_submit takes. */
#define OP_DISCARD (KIT_BLOCK_FLUSH + 1u)
#define OP_ZEROES (KIT_BLOCK_FLUSH + 2u)
#define OP_ID (KIT_BLOCK_FLUSH + 3u)

static bool is_good(const struct kit_block *b, const struct kit_block_req *r)
{
	if (r->op >= KIT_BLOCK_FLUSH)
		return r->op == KIT_BLOCK_FLUSH && !r->n;
	return r->n && !(r->n % KIT_SECTOR) && r->n <= KIT_BLOCK_MAX &&
	       is_shared(b, r->buf, r->n);
}

static void end(struct kit_block_req *r, bool ok)
{
	r->ok = ok;
	r->ended = true;
	if (r->done)
		r->done(r);
}

/* Inline, and what calls it seldom is not, for the sake of each request's cost. */
static inline __attribute__((always_inline)) void
chain_set(struct kit_block *b, unsigned i, const struct kit_block_req *r)
{
	static const uint8_t type[] = {
		VIRTIO_BLK_T_IN,	   VIRTIO_BLK_T_OUT,
		VIRTIO_BLK_T_FLUSH,	   VIRTIO_BLK_T_DISCARD,
		VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_T_GET_ID
	};
	static const uint16_t flags[] = {
		[KIT_BLOCK_READ] = VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE,
		[KIT_BLOCK_WRITE] = VIRTQ_DESC_NEXT,
		[OP_DISCARD] = VIRTQ_DESC_NEXT,
		[OP_ZEROES] = VIRTQ_DESC_NEXT,
		[OP_ID] = VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE,
	};
	volatile struct virtq_desc *d = &b->dev.q[0].desc[CHAIN * i];
	struct virtio_blk_slot *s = &b->slot[i];

	s->hdr.type = type[r->op];
	s->hdr.sector = r->sector;
	s->status = STATUS_NONE;
	d[0].next = (uint16_t)(CHAIN * i + (r->n ? 1 : 2));
	d[1].addr = kit_gpa(r->buf);
	d[1].len = r->n;
	d[1].flags = flags[r->op];
}

static inline __attribute__((always_inline)) void put(struct kit_block *b,
						      struct kit_block_req *r)
{
	unsigned i = b->free[--b->nr_free];

	chain_set(b, i, r);
	r->ended = false;
	b->req[i] = r;
	virtq_put(&b->dev.q[0], (uint16_t)(CHAIN * i));
}

bool kit_block_submit(struct kit_block *b, struct kit_block_req *r)
{
	if (b->dead || !b->nr_free || !is_good(b, r))
		return false;
	put(b, r);
	return true;
}

void kit_block_kick(struct kit_block *b) { kit_virtio_kick(&b->dev, 0); }

/* false: the device names a request that is not under way. */
static inline __attribute__((always_inline)) bool answer(struct kit_block *b,
							 uint32_t head)
{
	unsigned i = head / CHAIN;
	struct kit_block_req *r;

	if (head >= CHAIN * KIT_BLOCK_DEPTH || head % CHAIN || !b->req[i])
		return false;
	r = b->req[i];
	b->req[i] = NULL;
	b->free[b->nr_free++] = (uint8_t)i;
	end(r, b->slot[i].status == VIRTIO_BLK_S_OK);
	return true;
}

static inline __attribute__((always_inline)) void
answers(struct kit_block *b, bool (*arm)(struct virtq *q))
{
	struct virtq *q = &b->dev.q[0];
	uint32_t head;
	int got;

	do {
		while ((got = virtq_get(q, &head)) > 0)
			if (!answer(b, head))
				b->dead = true;
		if (got < 0)
			b->dead = true; /* the device lies */
	} while (b->nr_free < KIT_BLOCK_DEPTH && !b->dead && arm(q));
}

/*
 * The host partition has died and is back. What it had answered counts; what is
 * still under way is given to the device anew: to do it twice does not hurt, as
 * nobody was told that it is done.
 */
__attribute__((noinline, cold)) static void reconnect(struct kit_block *b)
{
	if (kit_virtio_again(&b->dev)) {
		b->dead = true;
		return;
	}
	chains_lay(b);
	kit_virtio_ready(&b->dev);
	for (unsigned i = 0; i < KIT_BLOCK_DEPTH; i++)
		if (b->req[i]) {
			chain_set(b, i, b->req[i]);
			virtq_put(&b->dev.q[0], (uint16_t)(CHAIN * i));
		}
	kit_block_kick(b);
}

static inline __attribute__((always_inline)) unsigned
poll(struct kit_block *b, bool (*arm)(struct virtq *q))
{
	answers(b, arm);
	while (!b->dead && kit_virtio_lost(&b->dev)) {
		reconnect(b);
		answers(b, arm);
	}
	return KIT_BLOCK_DEPTH - b->nr_free;
}

unsigned kit_block_poll(struct kit_block *b) { return poll(b, virtq_arm); }

/* ---- all of them ---- */

static unsigned poll_all(struct kit_block *b)
{
	return poll(b, virtq_arm_last);
}

/* One exit where there is a way; else what traps takes longer than many a disk. */
static void kick_and_sleep(struct kit_block *b, uint64_t deadline_ns)
{
	if (b->dev.bell && kit_op_path(KIT_OP_REG) == KIT_CALL && poll_all(b))
		kit_virtio_kick_wait(&b->dev, 0, deadline_ns);
	else
		kit_block_kick(b);
}

bool kit_block_finish(struct kit_block *b, uint64_t deadline_ns)
{
	uint64_t flags = kit_irq_save();
	unsigned left;

	kick_and_sleep(b, deadline_ns);
	while ((left = poll_all(b)) && kit_wait(deadline_ns))
		;
	kit_irq_restore(flags);
	return !left;
}

/* ---- one at a time, and any buffer ---- */

static inline __attribute__((always_inline)) bool await(struct kit_block *b,
							struct kit_block_req *r)
{
	kit_block_kick(b);
	kit_block_poll(b);
	if (!r->ended && !kit_wait_until((kit_block_poll(b), r->ended),
					 kit_time_ns() + ANSWER_TIME)) {
		b->dead = true; /* the buffers are still the device's */
		return false;
	}
	return r->ok;
}

static bool request_do(struct kit_block *b, struct kit_block_req *r)
{
	if (r->op == KIT_BLOCK_FLUSH && !(b->dev.features & VIRTIO_BLK_F_FLUSH))
		return !b->dead; /* writes are through */
	return kit_block_submit(b, r) && await(b, r);
}

static bool transfer(struct kit_block *b, enum kit_block_op op, uint64_t sector,
		     uint8_t *buf, size_t n)
{
	bool direct = is_shared(b, buf, n);
	struct kit_block_req r = { .op = op, .sector = sector };

	if (!n || n % KIT_SECTOR)
		return false;
	for (; n; n -= r.n, buf += r.n, r.sector += r.n / KIT_SECTOR) {
		r.n = n < KIT_BLOCK_MAX ? (uint32_t)n : KIT_BLOCK_MAX;
		r.buf = direct ? buf : b->bounce;
		if (!direct && op == KIT_BLOCK_WRITE)
			__builtin_memcpy(r.buf, buf, r.n);
		if (!request_do(b, &r))
			return false;
		if (!direct && op == KIT_BLOCK_READ)
			__builtin_memcpy(buf, r.buf, r.n);
	}
	return true;
}

bool kit_block_read(struct kit_block *b, uint64_t sector, void *buf, size_t n)
{
	return transfer(b, KIT_BLOCK_READ, sector, buf, n);
}

bool kit_block_write(struct kit_block *b, uint64_t sector, const void *buf,
		     size_t n)
{
	return transfer(b, KIT_BLOCK_WRITE, sector, (uint8_t *)(uintptr_t)buf,
			n);
}

bool kit_block_flush(struct kit_block *b)
{
	struct kit_block_req r = { .op = KIT_BLOCK_FLUSH };

	return request_do(b, &r);
}

/* ---- what moves no data: the buffer is the driver's own ---- */

static bool own_do(struct kit_block *b, struct kit_block_req *r)
{
	if (b->dead || !b->nr_free)
		return false;
	put(b, r);
	return await(b, r);
}

static bool range_do(struct kit_block *b, unsigned op, uint64_t sector,
		     uint64_t n, uint32_t step)
{
	struct virtio_blk_range *range = (void *)b->bounce;
	struct kit_block_req r = { .op = op,
				   .buf = range,
				   .n = sizeof(*range) };

	for (; n; n -= range->num_sectors, sector += range->num_sectors) {
		*range = (struct virtio_blk_range){
			.sector = sector,
			.num_sectors = n < step ? (uint32_t)n : step,
		};
		if (!own_do(b, &r))
			return false;
	}
	return true;
}

static bool is_within(const struct kit_block *b, uint64_t sector, uint64_t n)
{
	return n <= b->sectors && sector <= b->sectors - n;
}

bool kit_block_discard(struct kit_block *b, uint64_t sector, uint64_t n)
{
	if (!is_within(b, sector, n) || kit_block_readonly(b))
		return false;
	return !b->discard_most ||
	       range_do(b, OP_DISCARD, sector, n, b->discard_most);
}

/* Where the device cannot. */
static bool zeroes_write(struct kit_block *b, uint64_t sector, uint64_t n)
{
	uint64_t most = KIT_BLOCK_MAX / KIT_SECTOR;

	__builtin_memset(b->bounce, 0, KIT_BLOCK_MAX);
	for (uint64_t now; n; n -= now, sector += now) {
		now = n < most ? n : most;
		if (!kit_block_write(b, sector, b->bounce, now * KIT_SECTOR))
			return false;
	}
	return true;
}

bool kit_block_write_zeroes(struct kit_block *b, uint64_t sector, uint64_t n)
{
	if (!is_within(b, sector, n) || kit_block_readonly(b))
		return false;
	return b->zeroes_most ?
		       range_do(b, OP_ZEROES, sector, n, b->zeroes_most) :
		       zeroes_write(b, sector, n);
}

bool kit_block_id(struct kit_block *b, char id[KIT_BLOCK_ID + 1])
{
	struct kit_block_req r = { .op = OP_ID,
				   .buf = b->bounce,
				   .n = VIRTIO_BLK_ID_BYTES };

	_Static_assert(KIT_BLOCK_ID == VIRTIO_BLK_ID_BYTES, "5.2.6");
	if (!own_do(b, &r))
		return false;
	__builtin_memcpy(id, b->bounce, KIT_BLOCK_ID);
	id[KIT_BLOCK_ID] = 0;
	return true;
}
