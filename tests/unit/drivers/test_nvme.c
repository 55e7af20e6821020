/* SPDX-License-Identifier: BSD-2-Clause */
/* NVMe on a fake controller: good, failing, lying, silent, stuck, gone. */
/* TEST-SRC: drivers/nvme.c drivers/nvme_admin.c drivers/pci_msix.c drivers/pci.c drivers/block.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "drivers/fake_nvme.h"

static void test_works(void **state)
{
	(void)state;
	assert_true(nvme_matches(&pci));
	assert_null(start());
	assert_int_equal(fake_irq.kind, ENV_IRQ_LINE);
	assert_int_equal(fake_irq.device, 77);
	assert_int_equal(nvme.blk.sectors, SECTORS);
	assert_int_equal(nvme.blk.max_bytes, BLK_MAX_BYTES);
	assert_string_equal(nvme.blk.model, "Faked ? disk");
	assert_int_equal(nvme.depth, 32);
	assert_int_equal(config[PCI_COMMAND] & 6, 6);
	for (unsigned i = 0; i < 200; i++) { /* round the queues */
		assert_int_equal(io(BLK_READ, i, 1024), BLK_OK);
		assert_memory_equal(data, disk + i * 512, 1024);
	}
	memset(data, 0x5a, 512);
	assert_int_equal(io(BLK_WRITE, 3, 512), BLK_OK);
	assert_int_equal(disk[3 * 512 + 511], 0x5a);
	assert_int_equal(io(BLK_FLUSH, 0, 0), BLK_OK);
	assert_int_equal(dev.flushes, 1);
	assert_int_equal(io(BLK_READ, SECTORS, 512), BLK_EINVAL);
	assert_true(fake_acks > 0);
	assert_true(nvme_stop(&nvme));
	assert_int_equal(dev.csts, 0);
}

/* Whatever the controller says of itself. */
static void test_kinds(void **state)
{
	(void)state;
	dev.vs = 0x10000; /* has no list of namespaces */
	dev.cap = (dev.cap & ~0xffffull) | 1ull << 32 | 1; /* 2 entries */
	dev.id_ctrl[525] = 0;
	dev.id_ctrl[77] = 1;
	assert_null(start());
	assert_int_equal(nvme.depth, 1);
	assert_int_equal(nvme.blk.max_bytes, 8192);
	for (unsigned i = 0; i < 9; i++) {
		assert_int_equal(io(BLK_READ, i, 8192), BLK_OK);
		assert_memory_equal(data, disk + i * 512, 8192);
	}
	assert_int_equal(io(BLK_READ, 0, 8704), BLK_EINVAL);
	assert_int_equal(io(BLK_FLUSH, 0, 0), BLK_OK);
	assert_int_equal(dev.flushes, 0);
	setup(NULL);
	dev.id_ctrl[77] = 255;
	assert_null(start());
	assert_int_equal(nvme.blk.max_bytes, BLK_MAX_BYTES);
}

/* ---- many at once, and data of all shapes ---- */

#define MANY 80u

static struct blk_req many[MANY];
static struct blk_seg many_seg[MANY];
static enum blk_status result[MANY];
static unsigned finished;

static void count(struct blk_req *req, enum blk_status status)
{
	result[req - many] = status;
	finished++;
}

static void settle(unsigned n)
{
	dev.silent = false;
	for (unsigned i = 0; i < 2 * n && finished < n; i++) {
		queue_work(1);
		fake_interrupt();
	}
	assert_int_equal(finished, n);
}

static void submit_many(unsigned n)
{
	finished = 0;
	dev.silent = true;
	for (unsigned i = 0; i < n; i++) {
		many_seg[i] = (struct blk_seg){ data + i * 512,
						dev_addr(data_dev.v + i * 512),
						512 };
		many[i] = (struct blk_req){ .op = BLK_READ,
					    .sector = i,
					    .nsegs = 1,
					    .seg = &many_seg[i],
					    .done = count };
		blk_submit(&nvme.blk, &many[i]);
	}
}

static void test_many(void **state)
{
	(void)state;
	assert_null(start());
	for (int round = 0; round < 5; round++) {
		memset(data, 0, MANY * 512);
		submit_many(MANY);
		assert_int_equal(finished, 0);
		assert_int_equal(
			(64 + dev.queue[1].sq_tail - dev.queue[1].sq_head) % 64,
			32);
		settle(MANY);
		assert_memory_equal(data, disk, MANY * 512);
	}
}

/* Reads and writes by segments at these places in `data`. */
static void shape(unsigned nsegs, const uint32_t off[], const uint32_t len[],
		  bool bounces)
{
	struct blk_seg seg[8];
	uint32_t total = 0;

	for (int write = 0; write < 2; write++) {
		const uint8_t *at = disk + 9 * 512;

		for (unsigned i = 0; i < nsegs; i++)
			seg[i] =
				(struct blk_seg){ data + off[i],
						  dev_addr(data_dev.v + off[i]),
						  len[i] };
		many[0] = (struct blk_req){ .op = write ? BLK_WRITE : BLK_READ,
					    .sector = 9,
					    .nsegs = nsegs,
					    .seg = seg,
					    .done = count };
		finished = 0;
		if (!write)
			memset(data, 0, 160 * 1024);
		else
			memset(disk, 0, sizeof(disk));
		blk_submit(&nvme.blk, &many[0]);
		assert_int_equal(!!nvme.bounced, bounces);
		settle(1);
		assert_int_equal(result[0], BLK_OK);
		for (unsigned i = 0; i < nsegs; i++) {
			assert_memory_equal(data + off[i], at, len[i]);
			at += len[i];
			total += len[i];
		}
		assert_int_equal(many[0].bytes * (write + 1u), total);
	}
}

#define SHAPE(bounces, off, len)                                             \
	shape(sizeof((uint32_t[])len) / 4, (uint32_t[])off, (uint32_t[])len, \
	      bounces)
#define L(...)              \
	{                   \
		__VA_ARGS__ \
	}

static void test_shapes(void **state)
{
	(void)state;
	assert_null(start());
	SHAPE(false, L(0), L(512));
	SHAPE(false, L(4092), L(512));
	SHAPE(false, L(4092), L(4096));
	SHAPE(false, L(4), L(131072)); /* 33 pages */
	SHAPE(false, L(0), L(131072));
	SHAPE(false, L(512, 8192, 4096), L(3584, 4096, 512));
	SHAPE(false, L(4, 8, 20), L(4, 12, 496)); /* in a row */
	SHAPE(false, L(2048, 4096), L(2048, 512));
	SHAPE(true, L(2), L(512));
	SHAPE(true, L(0, 8192), L(512, 512));
	SHAPE(true, L(0, 8704), L(4096, 512));
	SHAPE(true, L(0, 4096, 16384), L(4096, 512, 512));
}

static void test_bounce(void **state)
{
	(void)state;
	assert_null(start());
	submit_many(0);
	for (unsigned i = 0; i < 3; i++) { /* one after the other */
		many_seg[i] = (struct blk_seg){ data + 1 + 512 * i,
						dev_addr(data_dev.v + 1), 512 };
		many[i] = (struct blk_req){ .op = BLK_READ,
					    .sector = i,
					    .nsegs = 1,
					    .seg = &many_seg[i],
					    .done = count };
		blk_submit(&nvme.blk, &many[i]);
	}
	settle(3);
	assert_memory_equal(data + 1, disk, 3 * 512);
	fake_no_copy = true; /* the guest took its memory back */
	finished = 0;
	blk_submit(&nvme.blk, &many[0]);
	settle(1);
	assert_int_equal(result[0], BLK_EIO);
	many[0].op = BLK_WRITE;
	blk_submit(&nvme.blk, &many[0]);
	assert_int_equal(finished, 2);
	assert_int_equal(result[0], BLK_EIO);
	assert_int_equal(dev.served, 4);
}

/* ---- faults ---- */

static void test_errors(void **state)
{
	static const uint16_t status[] = { 0x80, 0x281, 0x4004, 0x7fff };

	(void)state;
	assert_null(start());
	for (unsigned i = 0; i < 4; i++) {
		dev.status = status[i];
		assert_int_equal(io(BLK_READ, 0, 512), BLK_EIO);
		assert_int_equal(io(BLK_WRITE, 0, 512), BLK_EIO);
		assert_int_equal(io(BLK_FLUSH, 0, 0), BLK_EIO);
	}
	dev.status = 0;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_OK);
}

static void lie(void)
{
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
	assert_true(nvme.blk.lost);
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
	assert_int_equal(dev.csts, 0); /* stopped */
	setup(NULL);
}

static void test_lies(void **state)
{
	(void)state;
	assert_null(start());
	dev.wrong_cid = 1; /* a free one */
	lie();
	assert_null(start());
	dev.wrong_cid = 32; /* there is none such */
	lie();
	assert_null(start());
	dev.wrong_cid = 0xffff;
	lie();
	assert_null(start());
	dev.wrong_sq = true;
	lie();
	assert_null(start());
	submit_many(2);
	dev.silent = false;
	queue_work(1);
	complete(&dev.queue[1], 0, 0); /* once more */
	fake_interrupt();
	assert_int_equal(finished, 2);
	assert_int_equal(result[1], BLK_OK);
	assert_true(nvme.blk.lost);
	setup(NULL);
	assert_null(start());
	dev.stale = 2; /* never new: as if there were none */
	assert_int_equal(io(BLK_READ, 0, 512), BLK_ETIME);
}

static void test_silent(void **state)
{
	(void)state;
	assert_null(start());
	dev.silent = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_ETIME);
	dev.silent = false; /* it is back after the reset */
	assert_int_equal(io(BLK_READ, 0, 512), BLK_OK);
	dev.silent = dev.refuses = true; /* it is half back */
	dev.refuse = 0x01;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
	setup(NULL);
	assert_null(start());
	dev.silent = dev.stuck = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
	/* a device that may still write is off the bus */
	assert_false(config[PCI_COMMAND] & PCI_COMMAND_MASTER);
}

static void test_fatal(void **state)
{
	(void)state;
	assert_null(start());
	submit_many(3);
	dev.csts |= 2;
	dev.resets = 0;
	fake_interrupt();
	assert_int_equal(dev.resets, 1);
	assert_int_equal(finished, 3);
	assert_int_equal(result[0], BLK_EIO);
	dev.silent = false;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_OK);
	submit_many(3);
	dev.csts |= 2;
	dev.sulks = true;
	fake_interrupt();
	assert_int_equal(finished, 3);
	assert_int_equal(result[2], BLK_EBROKEN);
	assert_true(nvme.blk.lost);
}

static void test_gone(void **state)
{
	(void)state;
	assert_null(start());
	dev.gone = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
	setup(NULL);
	assert_null(start());
	dev.gone = dev.silent = true; /* without a word */
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
}

/* ---- what is refused ---- */

static void refused(const char *why)
{
	assert_string_equal(start(), why);
	setup(NULL);
}

static void refused_admin(uint8_t opcode, const char *why)
{
	dev.refuses = true;
	dev.refuse = opcode;
	refused(why);
}

static void refused_cap(uint64_t cap, const char *why)
{
	dev.cap = cap;
	refused(why);
}

static void test_refused(void **state)
{
	uint64_t cap = 1ull << 37 | 63;

	(void)state;
	pci.bar[0].size = 0xfff;
	refused("has no registers");
	pci.bar[0].io = true;
	refused("has no registers");
	pci.bar[0].base = 0;
	refused("has no registers");
	dev.gone = true;
	refused("does not answer");
	refused_cap(cap & ~63ull, "lacks what is needed of it");
	refused_cap(63, "lacks what is needed of it");
	refused_cap(cap | 1ull << 48, "lacks what is needed of it");
	refused_cap(cap | 15ull << 32, "has its doorbells out of range");
	dev.stuck = true;
	refused("does not come out of reset");
	fake_no_memory = true;
	refused("no memory");
	fake_no_irq = true;
	refused("its interrupt is refused");
	dev.sulks = true;
	refused("does not become ready");
	for (uint8_t opcode = 1; opcode < 10; opcode += 4)
		refused_admin(opcode, "refuses its queues");
	dev.wrong_sq = true;
	refused("does not say what it is");
	dev.stale = 1;
	refused("does not say what it is");
	dev.refuse_what = 2;
	refused("does not say what it is");
	dev.refuse_what = 3;
	refused("does not list its namespaces");
	dev.id_list[0] = 0;
	refused("has no namespace");
	dev.refuse_what = 1;
	refused("has no namespace");
	dev.id_ns[1] = 0;
	refused("has no capacity");
	dev.id_ns[26] = 0;
	refused("its sectors are not of 512 bytes");
	dev.id_ns[26] = 0xff;
	refused("its sectors are not of 512 bytes");
	dev.id_ns[128 + 4] = 8; /* metadata */
	refused("its sectors are not of 512 bytes");
}

static void test_message(void **state)
{
	const uint32_t table = TABLE;

	(void)state;
	config[PCI_STATUS] = PCI_STATUS_CAPS;
	config[PCI_CAP_PTR] = MSIX_CAP;
	config[MSIX_CAP] = PCI_CAP_MSIX;
	memcpy(config + MSIX_CAP + PCI_MSIX_TABLE, &table, 4);
	memset(dev.table, 0xff, sizeof(dev.table));
	assert_null(start());
	assert_int_equal(fake_irq.kind, ENV_IRQ_MSI);
	assert_int_equal(fake_irq.index, 0);
	assert_int_equal(dev.table[0], FAKE_MSI_ADDRESS);
	assert_int_equal(dev.table[1], 0);
	assert_int_equal(dev.table[2], FAKE_MSI_DATA);
	assert_int_equal(dev.table[3], 0); /* not masked */
	assert_true(config[MSIX_CAP + 3] & 0x80);
	assert_int_equal(io(BLK_READ, 1, 512), BLK_OK);
}

/* A controller that writes noise into all that it can reach. */
static void test_noise(void **state)
{
	(void)state;
	srand(5);
	for (int round = 0; round < 300; round++) {
		setup(NULL);
		assert_null(start());
		submit_many(50);
		for (int i = 0; i < 20 && dev.queue[1].cq; i++) {
			struct nvme_completion *c = fake_dma_at(
				dev.queue[1].cq + 16u * (unsigned)(rand() % 64),
				16);

			if (rand() % 2) /* where the driver looks */
				c = (void *)(uintptr_t)&nvme.io
					    .cq[nvme.io.head];
			*c = (struct nvme_completion){
				.result = (uint32_t)rand(),
				.sq_id = (uint16_t)(1 + !(rand() % 8)),
				.cid = (uint16_t)(rand() % 34),
				.status = (uint16_t)(rand() & 3)
			};
			if (!(rand() % 32))
				dev.csts = (uint32_t)rand() | 1;
			fake_interrupt();
			if (!(rand() % 16))
				io(BLK_READ, 0, 512);
		}
		blk_break(&nvme.blk, "end of the round");
		assert_int_equal(finished, 50);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_works, setup),
		cmocka_unit_test_setup(test_kinds, setup),
		cmocka_unit_test_setup(test_many, setup),
		cmocka_unit_test_setup(test_shapes, setup),
		cmocka_unit_test_setup(test_bounce, setup),
		cmocka_unit_test_setup(test_errors, setup),
		cmocka_unit_test_setup(test_lies, setup),
		cmocka_unit_test_setup(test_silent, setup),
		cmocka_unit_test_setup(test_fatal, setup),
		cmocka_unit_test_setup(test_gone, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_message, setup),
		cmocka_unit_test_setup(test_noise, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
