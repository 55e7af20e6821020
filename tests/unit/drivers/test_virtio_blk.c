/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-blk over PCI on a fake device: good, failing, lying, silent, gone. */
/* TEST-SRC: drivers/virtio_blk.c drivers/virtio_pci.c drivers/virtq.c drivers/pci.c drivers/block.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "drivers/fake_env.h"
#include "virtio_blk.h"

#define BAR 0xfe000000ull
#define SECTORS 128u
#define COMMON 0x000u
#define ISR 0x1000u
#define CONFIG 0x2000u
#define NOTIFY 0x3000u

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
	if (!v)
		dev.seen = dev.used_idx = dev.isr = 0;
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
	case 0x14:
		status_write((uint8_t)v);
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

/* ---- the tests ---- */

static struct virtio_blk blk;
static struct pci_dev pci;

static void interrupt(void)
{
	fake_now += ENV_MS; /* so that what never comes is given up */
	if (!dev.silent)
		fake_interrupt();
	else
		fake_now += 1000 * ENV_MS;
}

static int setup(void **state)
{
	(void)state;
	fake_env_reset();
	fake_in = in;
	fake_out = out;
	fake_read = mmio_read;
	fake_write = mmio_write;
	fake_idle = interrupt;
	memset(config, 0, sizeof(config));
	config[PCI_STATUS] = PCI_STATUS_CAPS;
	config[PCI_CAP_PTR] = 0x40;
	cap(0x40, 0x54, 1, 4, COMMON, 0x38);
	cap(0x54, 0x68, 3, 4, ISR, 1);
	cap(0x68, 0x7c, 4, 4, CONFIG, 64);
	cap(0x7c, 0x90, 2, 4, NOTIFY, 4);
	cap(0x90, 0, 5, 4, 0, 0);
	memset(&dev, 0, sizeof(dev));
	dev.offered = VIRTIO_F_VERSION_1 | VIRTIO_BLK_F_SEG_MAX |
		      VIRTIO_BLK_F_FLUSH | VIRTIO_F_EVENT_IDX;
	dev.max = 16;
	for (unsigned i = 0; i < sizeof(disk); i++)
		disk[i] = (uint8_t)(i * 3 + i / 512);
	pci = (struct pci_dev){ .vendor = VIRTIO_PCI_VENDOR,
				.device = VIRTIO_PCI_BLK_MODERN,
				.irq = 11 };
	pci.bar[4] = (struct pci_bar){ BAR, 0x4000, false };
	return 0;
}

static uint8_t *data;
static dev_addr_t data_dev;

static const char *start(void)
{
	const char *why = virtio_blk_start(&blk, &fake_env, &pci);

	data = fake_env.dma_alloc(&fake_env, 8192, &data_dev);
	return why;
}

static enum blk_status io(enum blk_op op, uint64_t sector, uint32_t bytes)
{
	return blk_sync(&blk.blk, op, sector, data, data_dev, bytes);
}

static void test_works(void **state)
{
	(void)state;
	assert_true(virtio_blk_matches(&pci));
	assert_null(start());
	assert_int_equal(blk.blk.sectors, SECTORS);
	assert_int_equal(blk.blk.max_segs, 6);
	assert_int_equal(dev.status, 15);
	assert_int_equal(dev.taken, dev.offered);
	assert_int_equal(config[PCI_COMMAND] & 6, 6);
	for (unsigned i = 0; i < 100; i++) { /* round the ring */
		assert_int_equal(io(BLK_READ, i, 1024), BLK_OK);
		assert_memory_equal(data, disk + i * 512, 1024);
	}
	memset(data, 0x5a, 512);
	assert_int_equal(io(BLK_WRITE, 3, 512), BLK_OK);
	assert_int_equal(disk[3 * 512 + 511], 0x5a);
	assert_int_equal(io(BLK_FLUSH, 0, 0), BLK_OK);
	assert_int_equal(blk.q.free_count, 16);
	assert_true(fake_acks > 0);
}

static unsigned finished;

static void count(struct blk_req *req, enum blk_status status)
{
	(void)req;
	assert_int_equal(status, BLK_OK);
	finished++;
}

/* More requests than the ring has room for. */
static void test_many(void **state)
{
	struct blk_req q[40];
	struct blk_seg seg;

	(void)state;
	assert_null(start());
	seg = (struct blk_seg){ data, data_dev, 512 };
	dev.silent = true;
	finished = 0;
	for (unsigned i = 0; i < 40; i++) {
		q[i] = (struct blk_req){ .op = BLK_READ,
					 .sector = i,
					 .nsegs = 1,
					 .seg = &seg,
					 .done = count };
		blk_submit(&blk.blk, &q[i]);
	}
	assert_int_equal(finished, 0);
	dev.silent = false;
	kicked();
	for (int i = 0; i < 40 && finished < 40; i++)
		fake_interrupt();
	assert_int_equal(finished, 40);
}

static void test_errors(void **state)
{
	(void)state;
	assert_null(start());
	dev.answer = VIRTIO_BLK_S_IOERR;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EIO);
	dev.answer = 0xff; /* the status was never written */
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EIO);
	dev.answer = 0;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_OK);
	assert_int_equal(io(BLK_READ, SECTORS, 512), BLK_EINVAL);
}

static void test_lies(void **state)
{
	(void)state;
	assert_null(start());
	dev.wrong_id = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
	assert_true(blk.blk.lost);
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
	setup(NULL);
	assert_null(start());
	dev.wrong_idx = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
	setup(NULL);
	assert_null(start());
	dev.status |= VIRTIO_STATUS_NEEDS_RESET;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
}

static void test_silent(void **state)
{
	(void)state;
	assert_null(start());
	dev.silent = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_ETIME);
	dev.silent = false; /* it is back after the reset */
	assert_int_equal(io(BLK_READ, 0, 512), BLK_OK);
	dev.silent = dev.stuck_reset = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
	/* a device that may still write is off the bus */
	assert_false(config[PCI_COMMAND] & PCI_COMMAND_MASTER);
}

static void test_gone(void **state)
{
	(void)state;
	assert_null(start());
	dev.gone = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
}

static void refused(const char *why)
{
	assert_string_equal(start(), why);
	setup(NULL);
}

static void test_refused(void **state)
{
	(void)state;
	config[PCI_STATUS] = 0;
	refused("not a modern virtio device");
	cap(0x40, 0x54, 1, 4, 0x3fff, 0x38); /* out of the BAR */
	refused("not a modern virtio device");
	cap(0x40, 0x54, 1, 9, 0, 0x38);
	refused("not a modern virtio device");
	cap(0x40, 0x54, 1, 4, 0xfffffff0, 0x38);
	refused("not a modern virtio device");
	cap(0x40, 0x40, 9, 4, 0, 0x38); /* the list loops */
	refused("not a modern virtio device");
	cap(0x40, 0x54, 1, 4, 0, 0x37);
	refused("its common configuration is too short");
	dev.stuck_reset = true;
	dev.status = 1;
	refused("does not come out of reset");
	dev.refuse_features = true;
	refused("refuses the features");
	dev.offered = 0;
	refused("lacks a feature that is needed");
	dev.max = 0;
	refused("has no usable queue");
	dev.max = 3;
	refused("has no usable queue");
	dev.max = 2;
	refused("has no room for a request");
	dev.notify_off = 5;
	config[0x7c + 16] = 4;
	refused("has its notification register out of range");
	fake_no_irq = true;
	refused("its interrupt is refused");
	fake_no_memory = true;
	refused("no memory");
}

/* A device that writes noise into all that it can reach. */
static void test_noise(void **state)
{
	(void)state;
	srand(5);
	for (int round = 0; round < 300; round++) {
		setup(NULL);
		assert_null(start());
		dev.silent = true;
		for (int i = 0; i < 20; i++) {
			struct virtq_used *u = fake_dma_at(dev.used, 200);

			u->flags = (uint16_t)rand();
			u->idx = (uint16_t)(u->idx + rand() % 3);
			u->ring[rand() % 16].id = (uint32_t)rand() % 20;
			desc_at((uint16_t)(rand() % 16))->addr = 1;
			fake_interrupt();
			if (rand() % 3 == 0)
				io(BLK_READ, 0, 512);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_works, setup),
		cmocka_unit_test_setup(test_many, setup),
		cmocka_unit_test_setup(test_errors, setup),
		cmocka_unit_test_setup(test_lies, setup),
		cmocka_unit_test_setup(test_silent, setup),
		cmocka_unit_test_setup(test_gone, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_noise, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
