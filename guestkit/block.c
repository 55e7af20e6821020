/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-blk front end: one split queue in shared pages, one request. */
#include "kit/block.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/wait.h"
#include "internal.h"

/* VIRTIO 1.2, 4.2.2: registers of virtio-mmio. */
#define REG_MAGIC 0x000u
#define REG_VERSION 0x004u
#define REG_DEVICE 0x008u
#define REG_FEATURES 0x010u
#define REG_FEATURES_SEL 0x014u
#define REG_DRIVER 0x020u
#define REG_DRIVER_SEL 0x024u
#define REG_QUEUE_SEL 0x030u
#define REG_QUEUE_MAX 0x034u
#define REG_QUEUE_NUM 0x038u
#define REG_QUEUE_READY 0x044u
#define REG_NOTIFY 0x050u
#define REG_IRQ_STATUS 0x060u
#define REG_IRQ_ACK 0x064u
#define REG_STATUS 0x070u
#define REG_QUEUE_DESC 0x080u
#define REG_QUEUE_AVAIL 0x090u
#define REG_QUEUE_USED 0x0a0u
#define REG_CONFIG 0x100u

#define VIRTIO_MAGIC 0x74726976u
#define VIRTIO_BLOCK 2u
#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER 2u
#define STATUS_DRIVER_OK 4u
#define STATUS_FEATURES_OK 8u
#define STATUS_FAILED 128u
#define F_BLK_RO (1ull << 5)
#define F_BLK_FLUSH (1ull << 9)
#define F_EVENT_IDX (1ull << 29)
#define F_VERSION_1 (1ull << 32)
#define F_ACCESS_PLATFORM (1ull << 33)
#define F_WANTED \
	(F_BLK_RO | F_BLK_FLUSH | F_EVENT_IDX | F_VERSION_1 | F_ACCESS_PLATFORM)

#define DESC_NEXT 1u
#define DESC_WRITE 2u
#define BLK_IN 0u
#define BLK_OUT 1u
#define BLK_FLUSH 4u

#define QUEUE_SIZE 16u
#define BUFFER_PAGES 32u /* for kit_block_buffer */
#define BOUNCE_PAGES (KIT_BLOCK_MAX / KIT_PAGE_SIZE)
#define SHARED_PAGES (1 + BOUNCE_PAGES + BUFFER_PAGES)
#define ANSWER_TIME (30 * KIT_SECOND)

/* VIRTIO 1.2, 2.7 */
struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct avail {
	uint16_t flags, idx, ring[QUEUE_SIZE], used_event;
};

struct used {
	uint16_t flags, idx;
	struct {
		uint32_t id, len;
	} ring[QUEUE_SIZE];
	uint16_t avail_event;
};

/* VIRTIO 1.2, 5.2.6 */
struct request {
	uint32_t type, reserved;
	uint64_t sector;
};

/* The first shared page. */
struct queue_page {
	struct desc desc[QUEUE_SIZE];
	struct avail avail;
	uint8_t pad0[512 - sizeof(struct desc) * QUEUE_SIZE -
		     sizeof(struct avail)];
	struct used used;
	uint8_t pad1[512 - sizeof(struct used)];
	struct request request;
	uint8_t status;
};
_Static_assert(sizeof(struct queue_page) <= KIT_PAGE_SIZE, "one page");

struct kit_block {
	uint64_t base;
	struct queue_page *q;
	uint8_t *bounce, *buffers;
	uint64_t buffers_used, sectors, features;
	uint16_t seen; /* used.idx that was handled */
	bool dead;
};

static uint32_t reg_get(const struct kit_block *b, unsigned reg)
{
	return (uint32_t)kit_ops.reg_read(b->base + reg, 4);
}

static void reg_set(const struct kit_block *b, unsigned reg, uint32_t v)
{
	kit_ops.reg_write(b->base + reg, 4, v);
}

static void reg_set64(const struct kit_block *b, unsigned reg, uint64_t v)
{
	reg_set(b, reg, (uint32_t)v);
	reg_set(b, reg + 4, (uint32_t)(v >> 32));
}

/* A driver that knows only the standard registers acknowledges; a ported one
 * was told by the event already. */
static void block_event(void *arg)
{
	struct kit_block *b = arg;

	if (kit_op_path(KIT_OP_REG) == KIT_TRAP)
		reg_set(b, REG_IRQ_ACK, reg_get(b, REG_IRQ_STATUS));
}

static uint64_t features_offered(struct kit_block *b)
{
	uint64_t f;

	reg_set(b, REG_FEATURES_SEL, 1);
	f = (uint64_t)reg_get(b, REG_FEATURES) << 32;
	reg_set(b, REG_FEATURES_SEL, 0);
	return f | reg_get(b, REG_FEATURES);
}

static const char *features_agree(struct kit_block *b)
{
	uint32_t status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;

	reg_set(b, REG_STATUS, 0);
	reg_set(b, REG_STATUS, status);
	b->features = features_offered(b) & F_WANTED;
	if (!(b->features & F_VERSION_1))
		return "the device is not VIRTIO 1";
	reg_set(b, REG_DRIVER_SEL, 1);
	reg_set(b, REG_DRIVER, (uint32_t)(b->features >> 32));
	reg_set(b, REG_DRIVER_SEL, 0);
	reg_set(b, REG_DRIVER, (uint32_t)b->features);
	reg_set(b, REG_STATUS, status | STATUS_FEATURES_OK);
	if (!(reg_get(b, REG_STATUS) & STATUS_FEATURES_OK))
		return "the device refused the features";
	return NULL;
}

static const char *memory_share(struct kit_block *b)
{
	uint8_t *p = kit_pages_alloc(SHARED_PAGES);

	if (!p)
		return "no memory";
	if (pv_mem_share(kit_info()->host, kit_gpa(p), SHARED_PAGES,
			 PV_SHARE_WRITE))
		return "memory could not be shared";
	b->q = (struct queue_page *)p;
	b->bounce = p + KIT_PAGE_SIZE;
	b->buffers = b->bounce + KIT_BLOCK_MAX;
	return NULL;
}

static const char *queue_start(struct kit_block *b)
{
	reg_set(b, REG_QUEUE_SEL, 0);
	if (reg_get(b, REG_QUEUE_MAX) < QUEUE_SIZE)
		return "the queue is too short";
	reg_set(b, REG_QUEUE_NUM, QUEUE_SIZE);
	reg_set64(b, REG_QUEUE_DESC, kit_gpa(b->q->desc));
	reg_set64(b, REG_QUEUE_AVAIL, kit_gpa(&b->q->avail));
	reg_set64(b, REG_QUEUE_USED, kit_gpa(&b->q->used));
	reg_set(b, REG_QUEUE_READY, 1);
	reg_set(b, REG_STATUS,
		STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK |
			STATUS_DRIVER_OK);
	b->sectors = reg_get(b, REG_CONFIG) |
		     (uint64_t)reg_get(b, REG_CONFIG + 4) << 32;
	return NULL;
}

static const char *block_start(struct kit_block *b)
{
	const char *why;

	if (reg_get(b, REG_MAGIC) != VIRTIO_MAGIC ||
	    reg_get(b, REG_VERSION) != 2 ||
	    reg_get(b, REG_DEVICE) != VIRTIO_BLOCK)
		return "the device is no virtio disk";
	why = features_agree(b);
	if (!why)
		why = memory_share(b);
	if (!why)
		why = queue_start(b);
	if (why)
		reg_set(b, REG_STATUS, STATUS_FAILED);
	return why;
}

struct kit_block *kit_block_open(const char *name, const char **why)
{
	const struct pv_device *d = kit_device(NULL, PV_DEV_VIRTIO, name);
	const char *text = "there is no such disk";
	struct kit_block *b = d ? kit_calloc(1, sizeof(*b)) : NULL;

	if (b) {
		b->base = d->base;
		kit_event_register(d->irq, block_event, b);
		text = block_start(b);
	}
	if (why)
		*why = text;
	return text ? NULL : b;
}

uint64_t kit_block_sectors(const struct kit_block *b) { return b->sectors; }

bool kit_block_readonly(const struct kit_block *b)
{
	return b->features & F_BLK_RO;
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

static void chain_build(struct kit_block *b, uint32_t type, uint64_t sector,
			uint64_t data, uint32_t len)
{
	struct desc *d = b->q->desc;
	unsigned last = len ? 2 : 1;

	b->q->request = (struct request){ type, 0, sector };
	b->q->status = 0xff;
	d[0] = (struct desc){ kit_gpa(&b->q->request), sizeof(struct request),
			      DESC_NEXT, 1 };
	if (len)
		d[1] = (struct desc){ data, len,
				      DESC_NEXT |
					      (type == BLK_IN ? DESC_WRITE : 0),
				      2 };
	d[last] = (struct desc){ kit_gpa(&b->q->status), 1, DESC_WRITE, 0 };
}

/* Orders: the chain before avail.idx (release), avail.idx before the look at
 * whether the device wants to be notified (full). */
static void chain_send(struct kit_block *b)
{
	struct avail *a = &b->q->avail;
	uint16_t idx = a->idx;
	bool notify;

	a->ring[idx % QUEUE_SIZE] = 0;
	a->used_event = b->seen;
	__atomic_store_n(&a->idx, idx + 1, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (b->features & F_EVENT_IDX)
		notify = __atomic_load_n(&b->q->used.avail_event,
					 __ATOMIC_RELAXED) == idx;
	else
		notify =
			!(__atomic_load_n(&b->q->used.flags, __ATOMIC_RELAXED) &
			  1);
	if (notify)
		reg_set(b, REG_NOTIFY, 0);
}

static bool answered(const struct kit_block *b)
{
	return __atomic_load_n(&b->q->used.idx, __ATOMIC_ACQUIRE) != b->seen;
}

static bool request_do(struct kit_block *b, uint32_t type, uint64_t sector,
		       uint64_t data, uint32_t len)
{
	if (b->dead)
		return false;
	chain_build(b, type, sector, data, len);
	chain_send(b);
	if (!answered(b) &&
	    !kit_wait_until(answered(b), kit_time_ns() + ANSWER_TIME)) {
		b->dead = true; /* the buffers are still the device's */
		return false;
	}
	b->seen++;
	return b->q->status == 0;
}

static bool is_shared(const struct kit_block *b, const void *buf, size_t n)
{
	uint64_t at = kit_gpa(buf), from = kit_gpa(b->buffers);

	return at >= from && at + n <= from + BUFFER_PAGES * KIT_PAGE_SIZE;
}

static bool transfer(struct kit_block *b, uint32_t type, uint64_t sector,
		     uint8_t *buf, size_t n)
{
	bool direct = is_shared(b, buf, n), ok;
	uint8_t *data;
	size_t step;

	if (!n || n % KIT_SECTOR)
		return false;
	for (; n; n -= step, buf += step, sector += step / KIT_SECTOR) {
		step = n < KIT_BLOCK_MAX ? n : KIT_BLOCK_MAX;
		data = direct ? buf : b->bounce;
		if (!direct && type == BLK_OUT)
			__builtin_memcpy(data, buf, step);
		ok = request_do(b, type, sector, kit_gpa(data), step);
		if (!ok)
			return false;
		if (!direct && type == BLK_IN)
			__builtin_memcpy(buf, data, step);
	}
	return true;
}

bool kit_block_read(struct kit_block *b, uint64_t sector, void *buf, size_t n)
{
	return transfer(b, BLK_IN, sector, buf, n);
}

bool kit_block_write(struct kit_block *b, uint64_t sector, const void *buf,
		     size_t n)
{
	return transfer(b, BLK_OUT, sector, (uint8_t *)(uintptr_t)buf, n);
}

bool kit_block_flush(struct kit_block *b)
{
	return !(b->features & F_BLK_FLUSH) ||
	       request_do(b, BLK_FLUSH, 0, 0, 0);
}
