/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-mmio registers of a guest's device (VIRTIO 1.2, 4.2.2). */
#include "vdev_regs.h"

#define REG_MAGIC 0x000u
#define REG_VERSION 0x004u
#define REG_DEVICE_ID 0x008u
#define REG_VENDOR_ID 0x00cu
#define REG_DEVICE_FEATURES 0x010u
#define REG_DEVICE_FEATURES_SEL 0x014u
#define REG_DRIVER_FEATURES 0x020u
#define REG_DRIVER_FEATURES_SEL 0x024u
#define REG_QUEUE_SEL 0x030u
#define REG_QUEUE_NUM_MAX 0x034u
#define REG_QUEUE_NUM 0x038u
#define REG_QUEUE_READY 0x044u
#define REG_INTERRUPT_STATUS 0x060u
#define REG_INTERRUPT_ACK 0x064u
#define REG_STATUS 0x070u
#define REG_QUEUE_DESC 0x080u
#define REG_QUEUE_DRIVER 0x090u
#define REG_QUEUE_DEVICE 0x0a0u
#define REG_SHM_LEN_LOW 0x0b0u
#define REG_SHM_LEN_HIGH 0x0b4u
#define REG_CONFIG 0x100u

#define MAGIC 0x74726976u  /* "virt" */
#define VENDOR 0x6c726150u /* "Parl" */

void vdev_reset(struct vdev *v)
{
	v->status = 0;
	vdev_isr_set(v, 0);
	v->heard = false;
	v->device_sel = v->driver_sel = v->queue_sel = 0;
	v->driver_features = 0;
	v->resetting = v->look = false;
	for (unsigned i = 0; i < VDEV_QUEUES; i++)
		v->q[i] = (struct vq){ .mem = v->mem };
	gmem_unpin(v->mem);
	if (v->ops->reset)
		v->ops->reset(v);
}

static uint64_t features(const struct vdev *v)
{
	/* without it all of its driver's memory can be reached (VIRTIO 1.2, 6) */
	return (v->mem->all ? 0 : VIRTIO_F_ACCESS_PLATFORM) |
	       VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX |
	       VIRTIO_F_INDIRECT_DESC | v->ops->features(v);
}

static uint64_t config_read(const struct vdev *v, uint32_t off, unsigned size)
{
	uint8_t c[VDEV_CONFIG] = { 0 };
	uint64_t value = 0;

	if (v->ops->config)
		v->ops->config(v, c);
	for (unsigned i = 0; i < size; i++)
		if (off + i < VDEV_CONFIG)
			value |= (uint64_t)c[off + i] << 8 * i;
	return value;
}

/* The selected queue; null: there is none of that number. */
static struct vq *selected(struct vdev *v)
{
	return v->queue_sel < v->ops->nr_queues ? &v->q[v->queue_sel] : NULL;
}

uint64_t vdev_read(struct vdev *v, uint32_t off, unsigned size)
{
	const struct vq *q = selected(v);

	if (off >= REG_CONFIG)
		return config_read(v, off - REG_CONFIG, size);
	if (size != 4)
		return 0;
	switch (off) {
	case REG_MAGIC:
		return MAGIC;
	case REG_VERSION:
		return 2;
	case REG_DEVICE_ID:
		return v->ops->id;
	case REG_VENDOR_ID:
		return VENDOR;
	case REG_DEVICE_FEATURES:
		return v->device_sel > 1 ?
			       0 :
			       (uint32_t)(features(v) >> 32 * v->device_sel);
	case REG_QUEUE_NUM_MAX:
		return q ? v->ops->queue_max : 0;
	case REG_QUEUE_READY:
		return q && q->ready;
	case REG_INTERRUPT_STATUS:
		return v->isr;
	case REG_STATUS:
		return v->status;
	case REG_SHM_LEN_LOW:
	case REG_SHM_LEN_HIGH:
		return 0xffffffffu;
	default:
		return 0;
	}
}

static void driver_features_set(struct vdev *v, uint32_t value)
{
	uint64_t low = v->driver_features & 0xffffffffull;

	if (v->driver_sel > 1 || (v->status & VIRTIO_STATUS_FEATURES_OK))
		return;
	if (v->driver_sel)
		v->driver_features = low | (uint64_t)value << 32;
	else
		v->driver_features = (v->driver_features ^ low) | value;
}

static void status_set(struct vdev *v, uint32_t value)
{
	uint32_t fresh = value & ~v->status;

	if (!value) {
		/* reads as not 0 until nothing touches the guest any more */
		v->resetting = true;
		if (!v->running)
			vdev_reset(v);
		return;
	}
	if (v->resetting)
		return;
	if ((fresh & VIRTIO_STATUS_FEATURES_OK) &&
	    ((v->driver_features & ~features(v)) ||
	     !(v->driver_features & VIRTIO_F_VERSION_1)))
		value &= ~VIRTIO_STATUS_FEATURES_OK;
	if (!(value & VIRTIO_STATUS_FEATURES_OK))
		value &= ~VIRTIO_STATUS_DRIVER_OK;
	v->status = (value & 0xff & ~VIRTIO_STATUS_NEEDS_RESET) |
		    (v->status & VIRTIO_STATUS_NEEDS_RESET);
	if (fresh & v->status & VIRTIO_STATUS_DRIVER_OK)
		vdev_pin_look(v);
}

/* One half of a 64-bit queue address. */
static void half_set(uint64_t *reg, uint32_t off, uint32_t value)
{
	if (off & 4)
		*reg = (uint32_t)*reg | (uint64_t)value << 32;
	else
		*reg = (*reg >> 32 << 32) | value;
}

/* What is refused reads back as 0. */
static void queue_ready_set(struct vdev *v, struct vq *q, bool on)
{
	if (!on)
		q->ready = false;
	else if (!q->ready)
		vq_start(q, v->ops->queue_max,
			 v->driver_features & VIRTIO_F_EVENT_IDX);
}

static void queue_write(struct vdev *v, uint32_t off, uint32_t value)
{
	struct vq *q = selected(v);

	if (!q)
		return;
	if (off == REG_QUEUE_READY) {
		queue_ready_set(v, q, value & 1);
		return;
	}
	if (q->ready)
		return; /* addresses hold while it is on */
	switch (off & ~4u) {
	case REG_QUEUE_NUM & ~4u:
		q->size = value;
		break;
	case REG_QUEUE_DESC:
		half_set(&q->desc, off, value);
		break;
	case REG_QUEUE_DRIVER:
		half_set(&q->avail, off, value);
		break;
	case REG_QUEUE_DEVICE:
		half_set(&q->used, off, value);
		break;
	}
}

void vdev_write(struct vdev *v, uint32_t off, unsigned size, uint64_t value)
{
	uint32_t w = (uint32_t)value;

	if (off >= REG_CONFIG && v->ops->config_write)
		v->ops->config_write(v, off - REG_CONFIG, value);
	if (size != 4)
		return;
	switch (off) {
	case REG_DEVICE_FEATURES_SEL:
		v->device_sel = w;
		break;
	case REG_DRIVER_FEATURES_SEL:
		v->driver_sel = w;
		break;
	case REG_DRIVER_FEATURES:
		driver_features_set(v, w);
		break;
	case REG_QUEUE_SEL:
		v->queue_sel = w;
		break;
	case REG_QUEUE_NUM:
	case REG_QUEUE_READY:
	case REG_QUEUE_DESC:
	case REG_QUEUE_DESC + 4:
	case REG_QUEUE_DRIVER:
	case REG_QUEUE_DRIVER + 4:
	case REG_QUEUE_DEVICE:
	case REG_QUEUE_DEVICE + 4:
		queue_write(v, off, w);
		break;
	case REG_INTERRUPT_ACK:
		vdev_isr_set(v, v->isr & ~w);
		break;
	case REG_STATUS:
		status_set(v, w);
		break;
	}
}
