/* SPDX-License-Identifier: BSD-2-Clause */
/* A modern virtio-blk device over PCI, with faults, for its driver's tests. */
#ifndef TESTS_UNIT_DRIVERS_FAKE_VIRTIO_H
#define TESTS_UNIT_DRIVERS_FAKE_VIRTIO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/fake_env.h"
#include "virtio_blk.h"

#define BAR 0xfe000000ull
#define SECTORS 128u
#define COMMON 0x000u
#define ISR 0x1000u
#define CONFIG 0x2000u
#define NOTIFY 0x3000u
#define TABLE 0x3800u /* MSI-X */
#define MSIX_CAP 0xa4u

/* ---- the device ---- */

static uint8_t config[256];
static uint32_t config_addr;
static uint8_t disk[SECTORS * 512];

static struct {
	uint8_t status, isr;
	uint32_t feature_sel;
	uint64_t offered, taken;
	uint16_t size, max, enabled, notify_off;
	uint64_t desc, avail, used;
	uint16_t seen, used_idx;
	/* faults */
	uint16_t vector, config_vector;
	uint32_t table[4];
	bool refuse_vector;
	bool refuse_features, stuck_reset, silent, wrong_id, wrong_idx, gone;
	uint8_t answer;
	unsigned kicks;
} dev;

static void cap(unsigned at, unsigned next, unsigned type, unsigned bar,
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
	if (port == 0xcf8)
		config_addr = v;
	else
		memcpy(config + ((config_addr & 0xfc) | (port & 3)), &v, size);
}

static struct virtq_desc *desc_at(uint16_t i)
{
	assert_true(i < dev.size);
	return (struct virtq_desc *)fake_dma_at(dev.desc, 16 * dev.size) + i;
}

static void used_put(uint32_t id)
{
	struct virtq_used *u = fake_dma_at(dev.used, 6 + 8 * dev.size);

	u->ring[dev.used_idx % dev.size] = (struct virtq_used_elem){ id, 0 };
	u->idx = dev.wrong_idx ? (uint16_t)(dev.used_idx + dev.size + 1) :
				 ++dev.used_idx;
}

static void serve(uint16_t head)
{
	struct virtq_desc *d = desc_at(head);
	struct virtio_blk_hdr h;
	uint8_t *at;

	assert_int_equal(d->len, 16);
	memcpy(&h, fake_dma_at(d->addr, 16), 16);
	at = disk + h.sector * 512;
	for (d = desc_at(d->next); d->flags & 1; d = desc_at(d->next)) {
		void *p = fake_dma_at(d->addr, d->len);

		assert_non_null(p);
		if (h.type == VIRTIO_BLK_T_IN)
			memcpy(p, at, d->len);
		else
			memcpy(at, p, d->len);
		at += d->len;
	}
	assert_int_equal(d->len, 1);
	*(uint8_t *)fake_dma_at(d->addr, 1) = dev.answer;
	used_put(dev.wrong_id ? 77 : head);
}

static void kicked(void)
{
	struct virtq_avail *a = fake_dma_at(dev.avail, 6 + 2 * dev.size);

	dev.kicks++;
	while (!dev.silent && dev.seen != a->idx)
		serve(a->ring[dev.seen++ % dev.size]);
	if (!dev.silent && !dev.wrong_idx) { /* avail_event */
		struct virtq_used *u = fake_dma_at(dev.used, 6 + 8 * dev.size);

		memcpy(&u->ring[dev.size], &dev.seen, 2);
	}
	dev.isr |= 1;
}

static uint64_t mmio_read(uint64_t at, unsigned size)
{
	uint64_t sectors = SECTORS;

	if (dev.gone)
		return ~0ull >> (64 - 8 * size);
	at -= BAR;
	switch (at) {
	case 0x04:
		return dev.feature_sel ? dev.offered >> 32 :
					 (uint32_t)dev.offered;
	case 0x14:
		return dev.status;
	case 0x18:
		return dev.max;
	case 0x1a:
		return dev.refuse_vector ? 0xffff : dev.vector;
	case 0x1e:
		return dev.notify_off;
	case ISR:
		at = dev.isr;
		dev.isr = 0;
		return at;
	case CONFIG:
		return (uint32_t)sectors;
	case CONFIG + 4:
		return sectors >> 32;
	case CONFIG + 12:
		return 6;
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
		dev.seen = dev.used_idx = dev.isr = 0;
		dev.vector = dev.config_vector = 0xffff;
	}
	dev.status = v;
	if (dev.refuse_features)
		dev.status &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK;
}

static void mmio_write(uint64_t at, unsigned size, uint64_t v)
{
	(void)size;
	at -= BAR;
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
	case 0x1a:
		dev.vector = (uint16_t)v;
		break;
	case TABLE:
	case TABLE + 4:
	case TABLE + 8:
	case TABLE + 12:
		dev.table[(at - TABLE) / 4] = (uint32_t)v;
		break;
	case 0x18:
		dev.size = (uint16_t)v;
		break;
	case 0x1c:
		dev.enabled = (uint16_t)v;
		break;
	case 0x20:
	case 0x24:
		half(&dev.desc, at & 4, v);
		break;
	case 0x28:
	case 0x2c:
		half(&dev.avail, at & 4, v);
		break;
	case 0x30:
	case 0x34:
		half(&dev.used, at & 4, v);
		break;
	case NOTIFY:
		kicked();
		break;
	}
}

#endif
