/* SPDX-License-Identifier: BSD-2-Clause */
/* A modern virtio device over PCI, with faults, for its drivers' tests. The test
 * says what it does with a request, by dev.serve. */
#ifndef TESTS_UNIT_DRIVERS_FAKE_VIRTIO_H
#define TESTS_UNIT_DRIVERS_FAKE_VIRTIO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/fake_env.h"
#include "virtio_pci.h"

#define BAR 0xfe000000ull
#define COMMON 0x000u
#define ISR 0x1000u
#define CONFIG 0x2000u
#define CONFIG_BYTES 64u
#define NOTIFY 0x3000u
#define TABLE 0x3800u /* MSI-X */
#define TABLE_WORDS 8u
#define MSIX_CAP 0xa4u
#define QUEUES 4u

/* ---- the device ---- */

static uint8_t config[256];
static uint32_t config_addr;

struct fake_queue {
	uint16_t size, enabled, vector;
	uint64_t desc, avail, used;
	uint16_t seen, used_idx;
};

static struct {
	uint8_t status, isr;
	uint32_t feature_sel;
	uint64_t offered, taken;
	uint16_t sel, max, notify_off;
	struct fake_queue q[QUEUES];
	uint8_t config[CONFIG_BYTES];
	/* Takes the request with that head; ends it by used_put. */
	void (*serve)(unsigned queue, uint16_t head);
	unsigned kept; /* queues whose requests wait, bits */
	/* faults */
	uint16_t config_vector;
	uint32_t table[TABLE_WORDS];
	bool refuse_vector, refuse_config_vector;
	bool refuse_features, stuck_reset, silent, wrong_id, wrong_idx, gone;
	uint8_t answer;
	unsigned kicks;
} dev;

static inline void cap(unsigned at, unsigned next, unsigned type, unsigned bar,
		       uint32_t off, uint32_t len)
{
	config[at] = 9;
	config[at + 1] = (uint8_t)next;
	config[at + 2] = 20;
	config[at + 3] = (uint8_t)type;
	config[at + 4] = (uint8_t)bar;
	memcpy(config + at + 8, &off, 4);
	memcpy(config + at + 12, &len, 4);
}

static uint32_t in(uint16_t port, unsigned size)
{
	uint32_t v = 0;

	memcpy(&v, config + ((config_addr & 0xfc) | (port & 3)), size);
	return v;
}

static void out(uint16_t port, unsigned size, uint32_t v)
{
	unsigned at = (config_addr & 0xfc) | (port & 3);

	if (port == 0xcf8)
		config_addr = v;
	else if (at == MSIX_CAP + PCI_MSIX_CONTROL) /* the rest is fixed */
		config[at + 1] =
			(uint8_t)((v >> 8 & 0xc0) | (config[at + 1] & 7));
	else
		memcpy(config + at, &v, size);
}

static inline struct virtq_desc *desc_at(unsigned queue, uint16_t i)
{
	struct fake_queue *q = &dev.q[queue];

	assert_true(i < q->size);
	return (struct virtq_desc *)fake_dma_at(q->desc, 16 * q->size) + i;
}

static inline struct virtq_used *used_of(unsigned queue)
{
	return fake_dma_at(dev.q[queue].used, 6 + 8 * dev.q[queue].size);
}

static inline struct virtq_avail *avail_of(unsigned queue)
{
	return fake_dma_at(dev.q[queue].avail, 6 + 2 * dev.q[queue].size);
}

static inline void used_put(unsigned queue, uint32_t id, uint32_t len)
{
	struct fake_queue *q = &dev.q[queue];
	struct virtq_used *u = used_of(queue);

	if (dev.wrong_id)
		id = 77;
	u->ring[q->used_idx % q->size] = (struct virtq_used_elem){ id, len };
	u->idx = dev.wrong_idx ? (uint16_t)(q->used_idx + q->size + 1) :
				 ++q->used_idx;
	dev.isr |= 1;
}

/* The head of the next request, -1: there is none. */
static inline int avail_next(unsigned queue)
{
	struct fake_queue *q = &dev.q[queue];
	struct virtq_avail *a = avail_of(queue);

	return q->seen == a->idx ? -1 : a->ring[q->seen++ % q->size];
}

static inline void avail_event_set(unsigned queue)
{
	memcpy(&used_of(queue)->ring[dev.q[queue].size], &dev.q[queue].seen, 2);
}

static void kicked(unsigned queue)
{
	int head;

	dev.kicks++;
	if (dev.silent || !dev.serve)
		return;
	while (!(dev.kept >> queue & 1) && (head = avail_next(queue)) >= 0)
		dev.serve(queue, (uint16_t)head);
	if (!dev.wrong_idx)
		avail_event_set(queue);
}

static uint64_t queue_read(uint64_t at)
{
	switch (at) {
	case 0x18:
		return dev.max;
	case 0x1a:
		return dev.refuse_vector ? 0xffff : dev.q[dev.sel].vector;
	default: /* 0x1e */
		return dev.notify_off ? dev.notify_off : dev.sel;
	}
}

static uint64_t mmio_read(uint64_t at, unsigned size)
{
	uint64_t v = 0;

	if (dev.gone)
		return ~0ull >> (64 - 8 * size);
	at -= BAR;
	if (at >= CONFIG && at + size <= CONFIG + CONFIG_BYTES) {
		memcpy(&v, dev.config + (at - CONFIG), size);
		return v;
	}
	switch (at) {
	case 0x04:
		return dev.feature_sel ? dev.offered >> 32 :
					 (uint32_t)dev.offered;
	case 0x10:
		return dev.refuse_config_vector ? 0xffff : dev.config_vector;
	case 0x14:
		return dev.status;
	case 0x18:
	case 0x1a:
	case 0x1e:
		return queue_read(at);
	case ISR:
		v = dev.isr;
		dev.isr = 0;
		return v;
	default:
		return 0;
	}
}

static void half(uint64_t *reg, bool high, uint64_t v)
{
	*reg = high ? (uint32_t)*reg | v << 32 : (*reg >> 32 << 32) | v;
}

static void status_write(uint8_t v)
{
	if (!v && dev.stuck_reset)
		return;
	if (!v) {
		dev.isr = 0;
		dev.config_vector = 0xffff;
		for (unsigned i = 0; i < QUEUES; i++) {
			dev.q[i].vector = 0xffff;
			dev.q[i].seen = dev.q[i].used_idx = 0;
		}
	}
	dev.status = v;
	if (dev.refuse_features)
		dev.status &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK;
}

static void queue_write(uint64_t at, uint64_t v)
{
	struct fake_queue *q = &dev.q[dev.sel];

	switch (at) {
	case 0x18:
		q->size = (uint16_t)v;
		break;
	case 0x1a:
		q->vector = (uint16_t)v;
		break;
	case 0x1c:
		q->enabled = (uint16_t)v;
		break;
	case 0x20:
	case 0x24:
		half(&q->desc, at & 4, v);
		break;
	case 0x28:
	case 0x2c:
		half(&q->avail, at & 4, v);
		break;
	case 0x30:
	case 0x34:
		half(&q->used, at & 4, v);
		break;
	}
}

static void mmio_write(uint64_t at, unsigned size, uint64_t v)
{
	(void)size;
	at -= BAR;
	if (at >= TABLE && at < TABLE + 4 * TABLE_WORDS)
		dev.table[(at - TABLE) / 4] = (uint32_t)v;
	if (at >= NOTIFY && at < NOTIFY + 4 * QUEUES)
		kicked((unsigned)v);
	switch (at) {
	case 0x00:
	case 0x08:
		dev.feature_sel = (uint32_t)v;
		break;
	case 0x0c:
		half(&dev.taken, dev.feature_sel, v);
		break;
	case 0x10:
		dev.config_vector = (uint16_t)v;
		break;
	case 0x14:
		status_write((uint8_t)v);
		break;
	case 0x16:
		assert_true(v < QUEUES);
		dev.sel = (uint16_t)v;
		break;
	default:
		queue_write(at, v);
	}
}

/* ---- set-up ---- */

/* The capability of MSI-X, at the list's end. */
static inline void msix(uint32_t table, unsigned entries)
{
	config[0x91] = MSIX_CAP;
	config[MSIX_CAP] = PCI_CAP_MSIX;
	config[MSIX_CAP + 2] = (uint8_t)(entries - 1);
	memcpy(config + MSIX_CAP + PCI_MSIX_TABLE, &table, 4);
	memset(dev.table, 0xff, sizeof(dev.table));
}

static inline bool msix_is_on(void) { return config[MSIX_CAP + 3] & 0x80; }

/* A device with all it needs, and its interrupts where the driver waits. */
static inline struct pci_dev fake_virtio_reset(uint16_t device)
{
	struct pci_dev pci = { .vendor = VIRTIO_PCI_VENDOR,
			       .device = device,
			       .handle = 77 };

	fake_env_reset();
	fake_in = in;
	fake_out = out;
	fake_read = mmio_read;
	fake_write = mmio_write;
	memset(config, 0, sizeof(config));
	config[PCI_STATUS] = PCI_STATUS_CAPS;
	config[PCI_CAP_PTR] = 0x40;
	cap(0x40, 0x54, 1, 4, COMMON, 0x38);
	cap(0x54, 0x68, 3, 4, ISR, 1);
	cap(0x68, 0x7c, 4, 4, CONFIG, CONFIG_BYTES);
	cap(0x7c, 0x90, 2, 4, NOTIFY, 4 * QUEUES);
	cap(0x90, 0, 5, 4, 0, 0);
	config[0x7c + 16] = 4; /* a notification register for each queue */
	memset(&dev, 0, sizeof(dev));
	dev.offered = VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX;
	dev.max = 16;
	pci.bar[4] = (struct pci_bar){ BAR, 0x4000, false };
	return pci;
}

#endif
