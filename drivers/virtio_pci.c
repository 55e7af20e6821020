/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds and drives the register structures of a modern virtio PCI device. */
#include "virtio_pci.h"

#include "pci_msix.h"

/* Vendor capability (VIRTIO 1.2, 4.1.4). */
#define CAP_LEN 2u
#define CAP_TYPE 3u
#define CAP_BAR 4u
#define CAP_OFFSET 8u
#define CAP_LENGTH 12u
#define CAP_NOTIFY_MULT 16u

enum { TYPE_COMMON = 1, TYPE_NOTIFY, TYPE_ISR, TYPE_DEVICE };

/* Common configuration (4.1.4.3). */
#define COMMON_DEVICE_FEATURE_SELECT 0x00u
#define COMMON_DEVICE_FEATURE 0x04u
#define COMMON_DRIVER_FEATURE_SELECT 0x08u
#define COMMON_DRIVER_FEATURE 0x0cu
#define COMMON_CONFIG_VECTOR 0x10u
#define COMMON_STATUS 0x14u
#define COMMON_GENERATION 0x15u
#define COMMON_QUEUE_SELECT 0x16u
#define COMMON_QUEUE_SIZE 0x18u
#define COMMON_QUEUE_VECTOR 0x1au
#define COMMON_QUEUE_ENABLE 0x1cu
#define COMMON_QUEUE_NOTIFY_OFF 0x1eu
#define COMMON_QUEUE_DESC 0x20u
#define COMMON_QUEUE_DRIVER 0x28u
#define COMMON_QUEUE_DEVICE 0x30u
#define COMMON_LEN 0x38u

#define RESET_MS 1000u

static uint64_t common_read(struct virtio_pci *v, uint32_t off, unsigned size)
{
	return v->env->mmio_read(v->env, v->common.base + off, size);
}

static void common_write(struct virtio_pci *v, uint32_t off, unsigned size,
			 uint64_t value)
{
	v->env->mmio_write(v->env, v->common.base + off, size, value);
}

/* A 64-bit field is written as two halves (4.1.3.1). */
static void common_write64(struct virtio_pci *v, uint32_t off, uint64_t value)
{
	common_write(v, off, 4, (uint32_t)value);
	common_write(v, off + 4, 4, value >> 32);
}

/* Takes a capability whose BAR and range hold; others are ignored. */
static void window_set(struct virtio_pci *v, const struct pci_dev *pci,
		       unsigned cap, struct virtio_window *w)
{
	unsigned bar = pci_read(v->env, v->bdf, cap + CAP_BAR, 1);
	uint64_t off = pci_read(v->env, v->bdf, cap + CAP_OFFSET, 4);
	uint32_t len = pci_read(v->env, v->bdf, cap + CAP_LENGTH, 4);

	if (w->base || bar > 5 || pci->bar[bar].io || !len)
		return; /* the first usable one counts */
	if (!pci->bar[bar].base || off + len > pci->bar[bar].size)
		return;
	w->base = pci->bar[bar].base + off;
	w->len = len;
}

static void caps_read(struct virtio_pci *v, const struct pci_dev *pci)
{
	struct env *e = v->env;
	unsigned cap = 0;

	for (int left = 16; left; left--) {
		struct virtio_window *w = NULL;

		cap = pci_cap_find(e, v->bdf, PCI_CAP_VENDOR, cap);
		if (!cap)
			return;
		switch (pci_read(e, v->bdf, cap + CAP_TYPE, 1)) {
		case TYPE_COMMON:
			w = &v->common;
			break;
		case TYPE_NOTIFY:
			w = &v->notify;
			break;
		case TYPE_ISR:
			w = &v->isr;
			break;
		case TYPE_DEVICE:
			w = &v->config;
			break;
		}
		if (!w || cap > 0xec)
			continue;
		if (w == &v->notify && !w->base)
			v->notify_mult =
				pci_read(e, v->bdf, cap + CAP_NOTIFY_MULT, 4);
		window_set(v, pci, cap, w);
	}
}

const char *virtio_pci_find(struct virtio_pci *v, struct env *e,
			    const struct pci_dev *pci)
{
	*v = (struct virtio_pci){ .env = e, .bdf = pci->bdf };
	caps_read(v, pci);
	if (!v->common.base || !v->notify.base || !v->isr.base ||
	    !v->config.base)
		return "not a modern virtio device";
	if (v->common.len < COMMON_LEN)
		return "its common configuration is too short";
	for (int i = 0; i < 6; i++) {
		const struct pci_bar *b = &pci->bar[i];

		if (b->size && !b->io && !e->mmio_map(e, b->base, b->size))
			return "its registers cannot be mapped";
	}
	pci_command(e, pci->bdf, PCI_COMMAND_MEM, PCI_COMMAND_INTX_OFF);
	return NULL;
}

bool virtio_pci_irq(struct virtio_pci *v, const struct pci_dev *pci,
		    void (*fn)(void *arg), void *arg)
{
	return pci_irq_attach(v->env, pci, &v->irq, fn, arg);
}

bool virtio_pci_config_irq(struct virtio_pci *v, const struct pci_dev *pci,
			   void (*fn)(void *arg), void *arg)
{
	v->config_irq.index = 1;
	v->config_apart = v->irq.kind == ENV_IRQ_MSI &&
			  pci_msix_attach(v->env, pci, &v->config_irq, fn, arg);
	return v->config_apart;
}

bool virtio_pci_reset(struct virtio_pci *v)
{
	struct env *e = v->env;
	uint64_t end = e->now_ns(e) + RESET_MS * ENV_MS;
	uint8_t status;

	common_write(v, COMMON_STATUS, 1, 0);
	while ((status = virtio_pci_status(v)) != 0) {
		if (status == VIRTIO_PCI_GONE || e->now_ns(e) >= end)
			return false;
		e->wait(e, e->now_ns(e) + ENV_MS);
	}
	return true;
}

static void status_add(struct virtio_pci *v, uint8_t bits)
{
	common_write(v, COMMON_STATUS, 1, virtio_pci_status(v) | bits);
}

static uint64_t features_offered(struct virtio_pci *v)
{
	uint64_t f;

	common_write(v, COMMON_DEVICE_FEATURE_SELECT, 4, 0);
	f = common_read(v, COMMON_DEVICE_FEATURE, 4);
	common_write(v, COMMON_DEVICE_FEATURE_SELECT, 4, 1);
	return f | common_read(v, COMMON_DEVICE_FEATURE, 4) << 32;
}

const char *virtio_pci_begin(struct virtio_pci *v, uint64_t wanted,
			     uint64_t needed)
{
	if (!virtio_pci_reset(v))
		return "does not come out of reset";
	status_add(v, VIRTIO_STATUS_ACK);
	status_add(v, VIRTIO_STATUS_DRIVER);
	v->features = features_offered(v) & (wanted | needed);
	/* it would take our addresses for physical ones (6) */
	if (v->env->translated && !(v->features & VIRTIO_F_ACCESS_PLATFORM))
		return "goes past the IOMMU: it lacks ACCESS_PLATFORM";
	/* not before: it may have requests of a driver that died */
	pci_command(v->env, v->bdf, PCI_COMMAND_MASTER, 0);
	if ((v->features & needed) != needed)
		return "lacks a feature that is needed";
	common_write(v, COMMON_DRIVER_FEATURE_SELECT, 4, 0);
	common_write(v, COMMON_DRIVER_FEATURE, 4, (uint32_t)v->features);
	common_write(v, COMMON_DRIVER_FEATURE_SELECT, 4, 1);
	common_write(v, COMMON_DRIVER_FEATURE, 4, v->features >> 32);
	status_add(v, VIRTIO_STATUS_FEATURES_OK);
	if (!(virtio_pci_status(v) & VIRTIO_STATUS_FEATURES_OK))
		return "refuses the features";
	return NULL;
}

/* Vector 0 for the queue in hand; a device without room for it, or for changes
 * of the configuration, says so (4.1.5.1.2). */
static bool vectors_set(struct virtio_pci *v)
{
	uint16_t config = v->config_apart ? 1 : 0;

	if (v->irq.kind != ENV_IRQ_MSI)
		return true;
	common_write(v, COMMON_CONFIG_VECTOR, 2, config);
	common_write(v, COMMON_QUEUE_VECTOR, 2, 0);
	return !common_read(v, COMMON_QUEUE_VECTOR, 2) &&
	       common_read(v, COMMON_CONFIG_VECTOR, 2) == config;
}

/* The size of the selected queue; 0: it is of no use. */
static uint16_t queue_size(struct virtio_pci *v)
{
	uint16_t size = (uint16_t)common_read(v, COMMON_QUEUE_SIZE, 2);

	if (size & (size - 1))
		return 0;
	return size > VIRTQ_SIZE_MAX ? VIRTQ_SIZE_MAX : size;
}

const char *virtio_pci_queue(struct virtio_pci *v, unsigned index,
			     struct virtq *q, void *page, dev_addr_t dev)
{
	uint64_t *words = page;
	uint16_t size;
	uint64_t notify;

	common_write(v, COMMON_QUEUE_SELECT, 2, index);
	size = queue_size(v);
	if (!size)
		return "has no usable queue";
	notify = common_read(v, COMMON_QUEUE_NOTIFY_OFF, 2) *
		 (uint64_t)v->notify_mult;
	if (notify + 2 > v->notify.len)
		return "has its notification register out of range";
	if (!vectors_set(v))
		return "refuses a vector for its queue";
	v->notify_at[index] = v->notify.base + notify;
	for (unsigned i = 0; i < VIRTQ_PAGE / 8; i++)
		words[i] = 0;
	virtq_init(q, size, page, dev, v->features & VIRTIO_F_EVENT_IDX);
	common_write(v, COMMON_QUEUE_SIZE, 2, size);
	common_write64(v, COMMON_QUEUE_DESC, dev.v);
	common_write64(v, COMMON_QUEUE_DRIVER, dev.v + VIRTQ_AVAIL_OFF(size));
	common_write64(v, COMMON_QUEUE_DEVICE, dev.v + VIRTQ_USED_OFF(size));
	common_write(v, COMMON_QUEUE_ENABLE, 2, 1);
	return NULL;
}

void virtio_pci_ready(struct virtio_pci *v)
{
	status_add(v, VIRTIO_STATUS_DRIVER_OK);
}

void virtio_pci_kick(struct virtio_pci *v, unsigned index)
{
	v->env->mmio_write(v->env, v->notify_at[index], 2, index);
}

uint8_t virtio_pci_isr(struct virtio_pci *v)
{
	return (uint8_t)v->env->mmio_read(v->env, v->isr.base, 1);
}

uint8_t virtio_pci_status(struct virtio_pci *v)
{
	return (uint8_t)common_read(v, COMMON_STATUS, 1);
}

static uint64_t config_once(struct virtio_pci *v, uint32_t off, unsigned size)
{
	uint64_t at = v->config.base + off;

	if (size < 8)
		return v->env->mmio_read(v->env, at, size);
	return v->env->mmio_read(v->env, at, 4) |
	       v->env->mmio_read(v->env, at + 4, 4) << 32;
}

uint64_t virtio_pci_config(struct virtio_pci *v, uint32_t off, unsigned size)
{
	uint64_t value = 0;

	if ((uint64_t)off + size > v->config.len)
		return 0;
	/* The generation changes when the value may be torn (4.1.4.3.1). */
	for (int tries = 0; tries < 8; tries++) {
		uint64_t gen = common_read(v, COMMON_GENERATION, 1);

		value = config_once(v, off, size);
		if (common_read(v, COMMON_GENERATION, 1) == gen)
			break;
	}
	return value;
}
