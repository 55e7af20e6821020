/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-blk over PCI on a fake device: good, failing, lying, silent, gone. */
/* TEST-SRC: drivers/virtio_blk.c drivers/virtio_pci.c drivers/pci_msix.c drivers/virtq.c drivers/pci.c drivers/block.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "drivers/fake_virtio.h"
#include "virtio_blk.h"

#define SECTORS 128u

static uint8_t disk[SECTORS * 512];
static uint32_t short_by; /* bytes that the device says less of */

static void serve(unsigned queue, uint16_t head)
{
	struct virtq_desc *d = desc_at(queue, head);
	struct virtio_blk_hdr h;
	uint32_t written = 1;
	uint8_t *at;

	assert_int_equal(d->len, 16);
	memcpy(&h, fake_dma_at(d->addr, 16), 16);
	at = disk + h.sector * 512;
	for (d = desc_at(queue, d->next); d->flags & 1;
	     d = desc_at(queue, d->next)) {
		void *p = fake_dma_at(d->addr, d->len);

		assert_non_null(p);
		if (h.type == VIRTIO_BLK_T_IN)
			memcpy(p, at, d->len);
		else
			memcpy(at, p, d->len);
		at += d->len;
		written += h.type == VIRTIO_BLK_T_IN ? d->len : 0;
	}
	assert_int_equal(d->len, 1);
	*(uint8_t *)fake_dma_at(d->addr, 1) = dev.answer;
	used_put(queue, head, written - short_by);
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
	pci = fake_virtio_reset(VIRTIO_PCI_BLK_MODERN);
	fake_idle = interrupt;
	dev.serve = serve;
	dev.offered |= VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_FLUSH;
	dev.config[0] = SECTORS;
	dev.config[VIRTIO_BLK_CONFIG_SEG_MAX] = 6;
	for (unsigned i = 0; i < sizeof(disk); i++)
		disk[i] = (uint8_t)(i * 3 + i / 512);
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
	kicked(0);
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

/* It says that all is well, and has written less. */
static void test_short(void **state)
{
	(void)state;
	assert_null(start());
	for (short_by = 1; short_by <= 1025; short_by += 512) {
		assert_int_equal(io(BLK_READ, 0, 1024), BLK_EIO);
		assert_false(blk.blk.lost);
	}
	short_by = 0;
	assert_int_equal(io(BLK_READ, 0, 1024), BLK_OK);
	assert_int_equal(blk.blk.errors, 3);
	short_by = 1; /* of a write nothing but the status is */
	assert_int_equal(io(BLK_WRITE, 0, 512), BLK_OK);
	short_by = 0;
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

static enum blk_status ended_as;

static void ends(struct blk_req *req, enum blk_status status)
{
	(void)req;
	ended_as = status;
	finished++;
}

/* The device takes its time, and the request ends first. */
static void amid_reset(void)
{
	fake_now += ENV_MS;
	if (!dev.stuck_reset)
		return;
	used_put(0, (uint32_t)avail_next(0), 513);
	fake_interrupt();
	dev.stuck_reset = false;
	fake_write(BAR + 0x14, 1, 0);
}

static void test_late(void **state)
{
	struct blk_seg seg;
	struct blk_req q = {
		.op = BLK_READ, .nsegs = 1, .seg = &seg, .done = ends
	};

	(void)state;
	assert_null(start());
	seg = (struct blk_seg){ data, data_dev, 512 };
	finished = 0;
	dev.silent = dev.stuck_reset = true;
	fake_idle = amid_reset;
	blk_submit(&blk.blk, &q);
	blk_check(&blk.blk, fake_now + 2 * BLK_TIMEOUT_NS);
	assert_int_equal(finished, 1);
	assert_int_equal(ended_as, BLK_ETIME);
	assert_false(blk.blk.lost);
	dev.silent = false;
	fake_idle = interrupt;
	assert_int_equal(io(BLK_READ, 1, 512), BLK_OK);
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
	dev.notify_off = 4;
	refused("has its notification register out of range");
	fake_no_irq = true;
	refused("its interrupt is refused");
	fake_no_memory = true;
	refused("no memory");
}

/* One that an IOMMU would not stop gets no address, and no bus. */
static void test_translated(void **state)
{
	const char *past = "goes past the IOMMU: it lacks ACCESS_PLATFORM";

	(void)state;
	fake_env.translated = true;
	assert_string_equal(start(), past);
	assert_false(config[PCI_COMMAND] & PCI_COMMAND_MASTER);
	assert_int_equal(dev.q[0].desc, 0);
	setup(NULL);
	fake_env.translated = true;
	dev.offered |= VIRTIO_F_ACCESS_PLATFORM;
	assert_null(start());
	assert_true(dev.taken & VIRTIO_F_ACCESS_PLATFORM);
	assert_int_equal(io(BLK_READ, 1, 512), BLK_OK);
	/* nor after a restart */
	dev.silent = true;
	dev.offered &= ~VIRTIO_F_ACCESS_PLATFORM;
	assert_int_equal(io(BLK_READ, 1, 512), BLK_EBROKEN);
	assert_true(blk.blk.lost);
}

static void test_message(void **state)
{
	(void)state;
	msix(TABLE | 4, 1);
	assert_null(start());
	assert_int_equal(fake_irq.kind, ENV_IRQ_MSI);
	assert_int_equal(fake_irq.device, 77);
	assert_int_equal(fake_irq.index, 0);
	assert_int_equal(dev.table[0], FAKE_MSI_ADDRESS);
	assert_int_equal(dev.table[1], 0);
	assert_int_equal(dev.table[2], FAKE_MSI_DATA);
	assert_int_equal(dev.table[3], 0); /* not masked */
	assert_true(msix_is_on());
	assert_int_equal(dev.q[0].vector, 0);
	assert_int_equal(dev.config_vector, 0);
	assert_int_equal(io(BLK_READ, 1, 512), BLK_OK);
	assert_int_equal(dev.isr, 1); /* nobody has looked */
	/* a reset forgets the vectors */
	dev.silent = true;
	assert_int_equal(io(BLK_READ, 1, 512), BLK_ETIME);
	assert_int_equal(dev.q[0].vector, 0);
	dev.silent = false;
	assert_int_equal(io(BLK_READ, 1, 512), BLK_OK);
}

static void by_line(void)
{
	assert_null(start());
	assert_int_equal(fake_irq.kind, ENV_IRQ_LINE);
	assert_int_equal(fake_irq.device, 77);
	assert_false(msix_is_on());
	assert_int_equal(io(BLK_READ, 1, 512), BLK_OK);
	assert_int_equal(dev.isr, 0);
	setup(NULL);
}

static void test_no_message(void **state)
{
	(void)state;
	by_line();
	msix(TABLE | 3, 1); /* there is no such BAR */
	by_line();
	msix(TABLE | 6, 1);
	by_line();
	msix(0x3ff8 | 4, 1); /* out of it */
	by_line();
	msix(TABLE | 4, 1);
	fake_no_msi = true;
	by_line();
	msix(TABLE | 4, 1);
	dev.refuse_vector = true;
	refused("refuses a vector for its queue");
	msix(TABLE | 4, 1);
	dev.refuse_config_vector = true;
	refused("refuses a vector for its queue");
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
			struct virtq_used *u = used_of(0);

			u->flags = (uint16_t)rand();
			u->idx = (uint16_t)(u->idx + rand() % 3);
			u->ring[rand() % 16].id = (uint32_t)rand() % 20;
			desc_at(0, (uint16_t)(rand() % 16))->addr = 1;
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
		cmocka_unit_test_setup(test_short, setup),
		cmocka_unit_test_setup(test_lies, setup),
		cmocka_unit_test_setup(test_silent, setup),
		cmocka_unit_test_setup(test_late, setup),
		cmocka_unit_test_setup(test_gone, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_translated, setup),
		cmocka_unit_test_setup(test_message, setup),
		cmocka_unit_test_setup(test_no_message, setup),
		cmocka_unit_test_setup(test_noise, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
