/* SPDX-License-Identifier: BSD-2-Clause */
/* An NVMe controller with one namespace over PCI, with faults. */
#ifndef TESTS_UNIT_DRIVERS_FAKE_NVME_H
#define TESTS_UNIT_DRIVERS_FAKE_NVME_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/fake_env.h"
#include "nvme_admin.h"

#define BAR 0xfe000000ull
#define BAR_BYTES 0x4000u
#define TABLE 0x3000u /* MSI-X */
#define MSIX_CAP 0x80u
#define SECTORS 512u
#define NSID 3u

struct fake_queue {
	uint64_t sq, cq;
	uint32_t sq_size, cq_size, sq_head, sq_tail, cq_head, cq_tail;
	uint16_t phase;
	bool sq_made, cq_made;
};

static struct {
	uint64_t cap, asq, acq;
	uint32_t vs, cc, csts, aqa;
	uint32_t table[4];
	struct fake_queue queue[2];
	uint8_t id_ctrl[4096], id_ns[4096], id_list[4096];
	/* faults */
	bool stuck, sulks, gone, silent, wrong_sq;
	unsigned stale; /* queues whose completions have the old phase */
	unsigned wrong_cid;
	uint8_t refuse; /* that admin opcode */
	bool refuses;
	uint16_t status;      /* of all I/O */
	unsigned refuse_what; /* Identify of that CNS + 1 */
	unsigned served, flushes, resets;
	uint64_t last_prp2;
	unsigned last_pages;
} dev;

static uint8_t disk[SECTORS * 512];
static uint8_t config[256];
static uint32_t config_addr;

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

/* ---- data ---- */

static void page_move(uint64_t at, uint8_t *disk_at, uint32_t n, bool to_disk)
{
	void *p = fake_dma_at(at, n);

	assert_non_null(p);
	if (to_disk)
		memcpy(disk_at, p, n);
	else
		memcpy(p, disk_at, n);
	dev.last_pages++;
}

/* Physical region pages (NVMe 1.4, 4.3). */
static void prps_move(const struct nvme_command *c, uint8_t *at, uint32_t bytes,
		      bool to_disk)
{
	uint32_t n = 4096 - c->prp1 % 4096;
	const uint64_t *list = &c->prp2;

	assert_int_equal(c->prp1 % 4, 0);
	dev.last_prp2 = c->prp2;
	dev.last_pages = 0;
	n = n < bytes ? n : bytes;
	page_move(c->prp1, at, n, to_disk);
	at += n;
	bytes -= n;
	if (!bytes)
		assert_int_equal(c->prp2, 0);
	if (bytes > 4096) {
		uint32_t entries = (bytes + 4095) / 4096;

		assert_true(c->prp2 % 4096 + 8 * entries <= 4096);
		list = fake_dma_at(c->prp2, 8 * entries);
		assert_non_null(list);
	}
	for (; bytes; bytes -= n, at += n) {
		n = bytes < 4096 ? bytes : 4096;
		assert_int_equal(*list % 4096, 0);
		page_move(*list++, at, n, to_disk);
	}
}

/* ---- commands ---- */

static void complete(struct fake_queue *q, uint16_t cid, uint16_t status)
{
	struct nvme_completion *c =
		fake_dma_at(q->cq + 16 * q->cq_tail, sizeof(*c));

	assert_non_null(c);
	if (q == &dev.queue[1] && dev.wrong_cid)
		cid = (uint16_t)dev.wrong_cid;
	*c = (struct nvme_completion){
		.sq_head = (uint16_t)q->sq_head,
		.sq_id = (uint16_t)(q - dev.queue + dev.wrong_sq),
		.cid = cid,
		.status = (uint16_t)(status << 1 |
				     (q->phase ^
				      (dev.stale >> (q - dev.queue) & 1)))
	};
	if (++q->cq_tail == q->cq_size) {
		q->cq_tail = 0;
		q->phase ^= 1;
	}
}

static uint16_t identify_run(const struct nvme_command *c)
{
	void *to = fake_dma_at(c->prp1, 4096);

	assert_non_null(to);
	if (dev.refuse_what == c->cdw10 + 1)
		return 2;
	switch (c->cdw10) {
	case 0:
		assert_int_equal(c->nsid, dev.vs < 0x10100 ? 1 : NSID);
		memcpy(to, dev.id_ns, 4096);
		return 0;
	case 1:
		memcpy(to, dev.id_ctrl, 4096);
		return 0;
	case 2:
		assert_int_equal(c->nsid, 0);
		memcpy(to, dev.id_list, 4096);
		return 0;
	}
	return 2;
}

static uint16_t admin_run(const struct nvme_command *c)
{
	struct fake_queue *q = &dev.queue[1];

	if (dev.refuses && c->opcode == dev.refuse)
		return 1;
	switch (c->opcode) {
	case 0x05:
		assert_int_equal(c->cdw10 & 0xffff, 1);
		assert_int_equal(c->cdw11, 3); /* vector 0 */
		*q = (struct fake_queue){ .cq = c->prp1,
					  .cq_size = (c->cdw10 >> 16) + 1,
					  .cq_made = true,
					  .phase = 1 };
		assert_true(q->cq_size <= (dev.cap & 0xffff) + 1);
		return 0;
	case 0x01:
		assert_true(q->cq_made);
		assert_int_equal(c->cdw11, 1 << 16 | 1);
		q->sq = c->prp1;
		q->sq_size = (c->cdw10 >> 16) + 1;
		q->sq_made = true;
		return 0;
	case 0x06:
		return identify_run(c);
	case 0x09:
		assert_int_equal(c->cdw10, 7);
		return 0;
	}
	return 1;
}

static uint16_t io_run(const struct nvme_command *c)
{
	uint64_t lba = c->cdw10 | (uint64_t)c->cdw11 << 32;
	uint32_t count = (c->cdw12 & 0xffff) + 1;

	assert_int_equal(c->nsid, dev.vs < 0x10100 ? 1 : NSID);
	dev.served++;
	if (dev.status)
		return dev.status;
	if (c->opcode == 0) {
		dev.flushes++;
		return 0;
	}
	assert_true(c->opcode == 1 || c->opcode == 2);
	assert_true(lba + count <= SECTORS);
	prps_move(c, disk + lba * 512, count * 512, c->opcode == 1);
	return 0;
}

static void queue_work(unsigned nr)
{
	struct fake_queue *q = &dev.queue[nr];

	while (q->sq_head != q->sq_tail && !(nr && dev.silent) && !dev.gone &&
	       (q->cq_tail + 1) % q->cq_size != q->cq_head) {
		struct nvme_command c;

		memcpy(&c, fake_dma_at(q->sq + 64 * q->sq_head, 64), 64);
		q->sq_head = (q->sq_head + 1) % q->sq_size;
		complete(q, c.cid, nr ? io_run(&c) : admin_run(&c));
	}
}

/* ---- registers ---- */

static void cc_write(uint32_t v)
{
	dev.cc = v;
	if (v & 1) {
		assert_int_equal(v, 6u << 16 | 4u << 20 | 1);
		dev.queue[0] = (struct fake_queue){
			.sq = dev.asq,
			.cq = dev.acq,
			.sq_size = (dev.aqa & 0xfff) + 1,
			.cq_size = (dev.aqa >> 16) + 1,
			.phase = 1,
		};
		dev.csts = dev.sulks ? 0 : 1;
		return;
	}
	dev.resets++;
	if (!dev.stuck)
		dev.csts = 0;
	dev.queue[0] = dev.queue[1] = (struct fake_queue){ 0 };
}

static void half(uint64_t *reg, bool high, uint64_t v)
{
	*reg = high ? (uint32_t)*reg | v << 32 : (*reg >> 32 << 32) | v;
}

static void bell(unsigned n, uint32_t v)
{
	struct fake_queue *q = &dev.queue[n / 2];

	assert_true(n < 4 && dev.csts & 1);
	assert_true(!(n / 2) || q->sq_made);
	assert_true(v < (n & 1 ? q->cq_size : q->sq_size));
	if (n & 1)
		q->cq_head = v;
	else
		q->sq_tail = v;
	queue_work(n / 2);
}

static uint64_t mmio_read(uint64_t at, unsigned size)
{
	at -= BAR;
	assert_int_equal(size, 4);
	if (dev.gone)
		return ~0u;
	switch (at) {
	case 0x00:
		return (uint32_t)dev.cap;
	case 0x04:
		return dev.cap >> 32;
	case 0x08:
		return dev.vs;
	case 0x14:
		return dev.cc;
	case 0x1c:
		return dev.csts;
	}
	fail();
	return 0;
}

static void mmio_write(uint64_t at, unsigned size, uint64_t v)
{
	unsigned stride = 4u << (dev.cap >> 32 & 15);

	at -= BAR;
	assert_int_equal(size, 4);
	if (dev.gone)
		return;
	if (at >= TABLE && at < TABLE + 16) {
		dev.table[(at - TABLE) / 4] = (uint32_t)v;
	} else if (at >= 0x1000) {
		assert_int_equal((at - 0x1000) % stride, 0);
		bell((unsigned)(at - 0x1000) / stride, (uint32_t)v);
	} else if (at == 0x14) {
		cc_write((uint32_t)v);
	} else if (at == 0x24) {
		assert_false(dev.cc & 1);
		dev.aqa = (uint32_t)v;
	} else if (at == 0x28 || at == 0x2c) {
		half(&dev.asq, at & 4, v);
	} else if (at == 0x30 || at == 0x34) {
		half(&dev.acq, at & 4, v);
	} else {
		fail();
	}
}

/* ---- under test ---- */

static struct nvme nvme;
static struct pci_dev pci;
static uint8_t *data;
static dev_addr_t data_dev;

static void idle(void)
{
	fake_now += ENV_MS;
	if (dev.silent)
		fake_now += 1000 * ENV_MS;
	else
		fake_interrupt();
}

static int setup(void **state)
{
	(void)state;
	fake_env_reset();
	fake_in = in;
	fake_out = out;
	fake_read = mmio_read;
	fake_write = mmio_write;
	fake_idle = idle;
	memset(config, 0, sizeof(config));
	memset(&dev, 0, sizeof(dev));
	dev.cap = 1ull << 37 | 20ull << 24 | 2047;
	dev.vs = 0x10400;
	dev.csts = 1; /* as the firmware leaves it */
	dev.cc = 6u << 16 | 4u << 20 | 1;
	memset(dev.id_ctrl + 24, ' ', 40);
	memcpy(dev.id_ctrl + 24, "Faked \x01 disk", 12);
	dev.id_ctrl[525] = 1;
	dev.id_list[0] = NSID;
	dev.id_ns[0] = SECTORS & 0xff;
	dev.id_ns[1] = SECTORS >> 8;
	dev.id_ns[26] = 1; /* the second format */
	dev.id_ns[128 + 2] = 12;
	dev.id_ns[128 + 4 + 2] = 9;
	for (unsigned i = 0; i < sizeof(disk); i++)
		disk[i] = (uint8_t)(i * 3 + i / 512);
	pci = (struct pci_dev){ .class_code = NVME_CLASS,
				.subclass = NVME_SUBCLASS,
				.progif = NVME_PROGIF,
				.handle = 77 };
	pci.bar[0] = (struct pci_bar){ BAR, BAR_BYTES, false };
	return 0;
}

static const char *start(void)
{
	const char *why = nvme_start(&nvme, &fake_env, &pci);

	data = fake_env.dma_alloc(&fake_env, 160 * 1024, &data_dev);
	return why;
}

static enum blk_status io(enum blk_op op, uint64_t sector, uint32_t bytes)
{
	return blk_sync(&nvme.blk, op, sector, data, data_dev, bytes);
}

#endif
