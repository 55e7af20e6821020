/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers and queues of the virtio front ends. */
#include "virtio.h"

#include "kit/call.h"
#include "kit/mm.h"
#include "kit/wait.h"
#include "internal.h"

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

#define MAGIC 0x74726976u
#define STATUS_BEGIN (VIRTIO_STATUS_ACK | VIRTIO_STATUS_DRIVER)
#define STATUS_AGREED (STATUS_BEGIN | VIRTIO_STATUS_FEATURES_OK)
#define F_QUEUES \
	(VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM)

static uint32_t reg_get(const struct kit_virtio *v, unsigned reg)
{
	return (uint32_t)kit_ops.reg_read(v->base + reg, 4);
}

static void reg_set(const struct kit_virtio *v, unsigned reg, uint32_t value)
{
	kit_ops.reg_write(v->base + reg, 4, value);
}

static void reg_set64(const struct kit_virtio *v, unsigned reg, uint64_t value)
{
	reg_set(v, reg, (uint32_t)value);
	reg_set(v, reg + 4, (uint32_t)(value >> 32));
}

/* ---- set-up ---- */

static uint64_t features_offered(struct kit_virtio *v)
{
	uint64_t f;

	reg_set(v, REG_FEATURES_SEL, 1);
	f = (uint64_t)reg_get(v, REG_FEATURES) << 32;
	reg_set(v, REG_FEATURES_SEL, 0);
	return f | reg_get(v, REG_FEATURES);
}

static const char *features_agree(struct kit_virtio *v, uint64_t wanted)
{
	reg_set(v, REG_STATUS, 0);
	reg_set(v, REG_STATUS, STATUS_BEGIN);
	v->features = features_offered(v) & (wanted | F_QUEUES);
	if (!(v->features & VIRTIO_F_VERSION_1))
		return "the device is not VIRTIO 1";
	reg_set(v, REG_DRIVER_SEL, 1);
	reg_set(v, REG_DRIVER, (uint32_t)(v->features >> 32));
	reg_set(v, REG_DRIVER_SEL, 0);
	reg_set(v, REG_DRIVER, (uint32_t)v->features);
	reg_set(v, REG_STATUS, STATUS_AGREED);
	if (!(reg_get(v, REG_STATUS) & VIRTIO_STATUS_FEATURES_OK))
		return "the device refused the features";
	return NULL;
}

void *kit_shared_pages(size_t n)
{
	void *p = kit_pages_alloc(n);

	if (!p ||
	    !pv_mem_share(kit_info()->host, kit_gpa(p), n, PV_SHARE_WRITE))
		return p;
	kit_pages_free(p, n);
	return NULL;
}

static const char *queue_start(struct kit_virtio *v, unsigned n)
{
	struct virtq *q = &v->q[n];
	unsigned size = v->size;

	if (v->ring[n])
		__builtin_memset(v->ring[n], 0, KIT_PAGE_SIZE);
	else
		v->ring[n] = kit_shared_pages(1);
	if (!v->ring[n])
		return "memory could not be shared";
	virtq_init(q, (uint16_t)size, v->ring[n], dev_addr(kit_gpa(v->ring[n])),
		   v->features & VIRTIO_F_EVENT_IDX);
	reg_set(v, REG_QUEUE_SEL, n);
	if (reg_get(v, REG_QUEUE_MAX) < size)
		return "the queue is too short";
	reg_set(v, REG_QUEUE_NUM, size);
	reg_set64(v, REG_QUEUE_DESC, kit_gpa(q->desc));
	reg_set64(v, REG_QUEUE_AVAIL, kit_gpa(q->avail));
	reg_set64(v, REG_QUEUE_USED, kit_gpa(q->used));
	reg_set(v, REG_QUEUE_READY, 1);
	return reg_get(v, REG_QUEUE_READY) ? NULL :
					     "the device refused the queue";
}

static uint32_t restarts(void)
{
	const struct pv_partition_page *p = kit_ptr(PV_PARTITION_PAGE);

	return __atomic_load_n(&p->host_restarts, __ATOMIC_ACQUIRE);
}

bool kit_virtio_lost(const struct kit_virtio *v)
{
	return restarts() != v->restarts;
}

/* What a device of an earlier life has agreed to counts for nothing. */
const char *kit_virtio_again(struct kit_virtio *v)
{
	const char *why;

	do {
		v->restarts = restarts();
		why = features_agree(v, v->wanted);
		for (unsigned i = 0; i < v->nr_queues && !why; i++)
			why = queue_start(v, i);
	} while (kit_virtio_lost(v));
	if (why)
		reg_set(v, REG_STATUS, VIRTIO_STATUS_FAILED);
	return why;
}

static const char *start(struct kit_virtio *v, uint32_t id)
{
	if (reg_get(v, REG_MAGIC) != MAGIC || reg_get(v, REG_VERSION) != 2)
		return "the device is no virtio device";
	if (reg_get(v, REG_DEVICE) != id)
		return "the device is of another kind";
	return kit_virtio_again(v);
}

const char *kit_virtio_open(struct kit_virtio *v, const char *name, uint32_t id,
			    uint64_t wanted, unsigned queues, unsigned size,
			    kit_irq_fn fn, void *arg)
{
	const struct pv_device *d = kit_device(NULL, PV_DEV_VIRTIO, name);

	if (!d)
		return "there is no such device";
	v->base = d->base;
	v->bell = d->handle;
	v->wanted = wanted;
	v->nr_queues = queues;
	v->size = size;
	kit_event_register(d->irq, fn, arg);
	return start(v, id);
}

void kit_virtio_ready(struct kit_virtio *v)
{
	reg_set(v, REG_STATUS, STATUS_AGREED | VIRTIO_STATUS_DRIVER_OK);
}

/* ---- at work ---- */

void kit_virtio_kick(struct kit_virtio *v, unsigned queue)
{
	if (virtq_kick_wanted(&v->q[queue]))
		reg_set(v, REG_NOTIFY, queue);
}

bool kit_virtio_kick_wait(struct kit_virtio *v, unsigned queue,
			  uint64_t deadline_ns)
{
	if (!virtq_kick_wanted(&v->q[queue]))
		return kit_wait(deadline_ns);
	if (v->bell && kit_op_path(KIT_OP_REG) == KIT_CALL &&
	    kit_send_wait(v->bell, deadline_ns))
		return true;
	reg_set(v, REG_NOTIFY, queue);
	return kit_wait(deadline_ns);
}

void kit_virtio_ack(struct kit_virtio *v)
{
	if (kit_op_path(KIT_OP_REG) == KIT_TRAP)
		reg_set(v, REG_IRQ_ACK, reg_get(v, REG_IRQ_STATUS));
}

bool kit_virtio_broken(struct kit_virtio *v)
{
	return reg_get(v, REG_STATUS) & VIRTIO_STATUS_NEEDS_RESET;
}

uint32_t kit_virtio_config(struct kit_virtio *v, unsigned off)
{
	return reg_get(v, REG_CONFIG + off);
}
