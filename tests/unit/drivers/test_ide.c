/* SPDX-License-Identifier: BSD-2-Clause */
/* The IDE driver on a fake controller: DMA, PIO, errors, silence. */
/* TEST-SRC: drivers/ide.c drivers/ata.c drivers/pci.c drivers/block.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "drivers/fake_env.h"
#include "ide.h"

#define BM 0xc000u
#define SECTORS 256u
#define ST_RDY 0x40u
#define ST_ERR 0x01u
#define ST_DRQ 0x08u
#define ST_BSY 0x80u

/* ---- the controller with one disk, primary master ---- */

static uint8_t disk[SECTORS * 512];
static uint16_t id[256];

static struct {
	uint8_t count[2], lba[3][2], device, status, ctl;
	uint8_t bm_cmd, bm_status, command;
	uint32_t prdt;
	uint16_t *pio; /* where the data port is in a sector */
	unsigned pio_left, pio_sectors;
	uint16_t buffer[256];
	bool pio_write, irq;
	/* faults */
	bool absent, atapi, error, silent, short_dma, bm_error;
	unsigned dma_runs, pio_runs;
} dev;

static uint64_t lba(void)
{
	uint64_t low = dev.lba[0][0] | (uint64_t)dev.lba[1][0] << 8 |
		       (uint64_t)dev.lba[2][0] << 16;
	bool wide = dev.command == 0x24 || dev.command == 0x25 ||
		    dev.command == 0x34 || dev.command == 0x35;

	return wide ? low | (uint64_t)dev.lba[0][1] << 24 :
		      low | (uint64_t)(dev.device & 15) << 24;
}

static void raise(void)
{
	dev.irq = true;
	dev.bm_status |= 4;
}

static void pio_begin(bool write, unsigned sectors)
{
	dev.pio_write = write;
	dev.pio_sectors = sectors;
	dev.pio = (uint16_t *)(disk + lba() * 512);
	dev.pio_left = 256;
	dev.status = ST_RDY | ST_DRQ;
	dev.pio_runs++;
}

static void command(uint8_t c)
{
	dev.command = c;
	dev.status = ST_RDY;
	if (dev.silent) {
		dev.status = ST_BSY;
		return;
	}
	if (dev.error && c != 0xec) {
		dev.status = ST_RDY | ST_ERR;
		raise();
		return;
	}
	switch (c) {
	case 0xec:
		if (dev.atapi) {
			dev.lba[1][0] = 0x14;
			dev.lba[2][0] = 0xeb;
		}
		dev.pio = id;
		dev.pio_left = 256;
		dev.pio_sectors = 1;
		dev.status |= ST_DRQ;
		break;
	case 0x24:
	case 0x20:
	case 0x34:
	case 0x30:
		pio_begin(c & 0x10, dev.count[0] ? dev.count[0] : 256);
		break;
	case 0xea:
	case 0xe7:
		raise();
		break;
	case 0x25:
	case 0xc8:
	case 0x35:
	case 0xca:
		dev.status |= ST_BSY;
		break; /* until DMA has run */
	default:
		fail_msg("unknown command %x", c);
	}
}

static void dma_run(void)
{
	const uint64_t *prd = fake_dma_at(dev.prdt, 8);
	uint8_t *at = disk + lba() * 512;
	uint32_t left = (dev.count[0] + 256u * dev.count[1]) * 512;
	bool to_memory = dev.bm_cmd & 8;

	assert_int_equal(to_memory, dev.command == 0x25 || dev.command == 0xc8);
	dev.dma_runs++;
	for (;; prd++) {
		uint32_t n = *prd >> 32 & 0xffff;
		uint32_t addr = (uint32_t)*prd;
		void *p;

		n = n ? n : 65536;
		assert_true((addr & 0xffff) + n <= 65536);
		assert_true(n <= left);
		p = fake_dma_at(addr, n);
		assert_non_null(p);
		if (to_memory)
			memcpy(p, at, n);
		else
			memcpy(at, p, n);
		at += n;
		left -= n;
		if (*prd >> 63)
			break;
	}
	assert_int_equal(left, 0);
	dev.status = ST_RDY;
	dev.bm_status =
		(uint8_t)((dev.short_dma ? 1 : 0) | (dev.bm_error ? 2 : 0));
	raise();
}

static uint32_t data_read(void)
{
	uint16_t w;

	assert_true(dev.pio_left > 0);
	w = *dev.pio++;
	if (!--dev.pio_left) {
		dev.status = ST_RDY;
		if (--dev.pio_sectors) {
			dev.pio_left = 256;
			dev.status |= ST_DRQ;
		}
	}
	return w;
}

static uint32_t in(uint16_t port, unsigned size)
{
	if (dev.absent && port >= 0x1f0 && port <= 0x3f6)
		return 0xff;
	switch (port) {
	case 0x1f0:
		assert_int_equal(size, 2);
		return data_read();
	case 0x1f4:
		return dev.lba[1][0];
	case 0x1f5:
		return dev.lba[2][0];
	case 0x1f7:
		dev.irq = false;
		return dev.status;
	case 0x3f6:
		return dev.device & 0x10 ? 0 : dev.status;
	case BM:
		return dev.bm_cmd;
	case BM + 2:
		return dev.bm_status;
	default:
		return size == 1 ? 0xff : 0;
	}
}

static void data_write(uint16_t w)
{
	assert_true(dev.pio_write && dev.pio_left > 0);
	*dev.pio++ = w;
	if (!--dev.pio_left) {
		dev.status = ST_RDY;
		if (--dev.pio_sectors) {
			dev.pio_left = 256;
			dev.status |= ST_DRQ;
		}
	}
}

static void fifo(uint8_t reg[2], uint8_t v)
{
	reg[1] = reg[0];
	reg[0] = v;
}

static void bm_write(uint16_t port, uint32_t v)
{
	switch (port - BM) {
	case 0:
		dev.bm_cmd = (uint8_t)v;
		if ((v & 1) && !dev.silent && !(dev.status & ST_ERR))
			dma_run();
		break;
	case 2:
		dev.bm_status &= (uint8_t) ~(v & 6);
		break;
	case 4:
		dev.prdt = v;
		break;
	}
}

static void out(uint16_t port, unsigned size, uint32_t v)
{
	(void)size;
	if (port >= BM && port < BM + 16) {
		bm_write(port, v);
		return;
	}
	switch (port) {
	case 0x1f0:
		data_write((uint16_t)v);
		break;
	case 0x1f2:
		fifo(dev.count, (uint8_t)v);
		break;
	case 0x1f3:
	case 0x1f4:
	case 0x1f5:
		fifo(dev.lba[port - 0x1f3], (uint8_t)v);
		break;
	case 0x1f6:
		dev.device = (uint8_t)v;
		break;
	case 0x1f7:
		command((uint8_t)v);
		break;
	case 0x3f6:
		if ((dev.ctl & 4) && !(v & 4)) { /* reset ends */
			dev.status = ST_RDY;
			dev.irq = false;
		}
		dev.ctl = (uint8_t)v;
		break;
	}
}

/* ---- the tests ---- */

static struct ide_controller controller;
#define ide controller.ch[0].disk[0]
static struct pci_dev pci;
static uint8_t *data;
static dev_addr_t data_dev;

static void idle(void)
{
	fake_now += 1000 * ENV_MS;
	if (dev.irq)
		fake_interrupt();
}

static int setup(void **state)
{
	(void)state;
	fake_env_reset();
	fake_in = in;
	fake_out = out;
	fake_idle = idle;
	memset(&dev, 0, sizeof(dev));
	dev.status = ST_RDY;
	memset(id, 0, sizeof(id));
	id[27] = 'F' << 8 | 'a';
	id[28] = 'k' << 8 | 'e';
	for (unsigned i = 29; i < 47; i++)
		id[i] = ' ' << 8 | ' ';
	id[49] = 1 << 8 | 1 << 9;
	id[83] = 1 << 10 | 1 << 12 | 1 << 13;
	id[60] = 100;
	id[100] = SECTORS;
	for (unsigned i = 0; i < sizeof(disk); i++)
		disk[i] = (uint8_t)(i * 5 + i / 512);
	pci = (struct pci_dev){ .class_code = 1,
				.subclass = 1,
				.progif = 0x80 };
	pci.bar[4] = (struct pci_bar){ BM, 16, true };
	return 0;
}

static const char *start(void)
{
	const char *why;

	ide_start(&controller, &fake_env, &pci);
	why = ide_disk_start(&controller, 0);
	data = fake_env.dma_alloc(&fake_env, 1 << 18, &data_dev);
	return why;
}

static enum blk_status io(enum blk_op op, uint64_t sector, uint32_t bytes)
{
	return blk_sync(&ide.blk, op, sector, data, data_dev, bytes);
}

static void test_dma(void **state)
{
	(void)state;
	assert_null(start());
	assert_string_equal(ide.blk.model, "Fake");
	assert_true(ide.id.lba48 && ide.dma);
	assert_int_equal(ide.blk.sectors, SECTORS);
	assert_int_equal(io(BLK_READ, 7, 4096), BLK_OK);
	assert_memory_equal(data, disk + 7 * 512, 4096);
	assert_int_equal(io(BLK_READ, 0, 128 * 1024), BLK_OK);
	assert_memory_equal(data, disk, 128 * 1024);
	memset(data, 0xa5, 1024);
	assert_int_equal(io(BLK_WRITE, 9, 1024), BLK_OK);
	assert_int_equal(disk[10 * 512 + 511], 0xa5);
	assert_int_equal(io(BLK_FLUSH, 0, 0), BLK_OK);
	assert_int_equal(dev.command, 0xea);
	assert_int_equal(dev.dma_runs, 3);
	assert_int_equal(dev.pio_runs, 0);
}

/* Without bus mastering, and with 28-bit addresses. */
static void test_pio(void **state)
{
	(void)state;
	pci.bar[4].size = 0;
	id[83] = 1 << 12;
	assert_null(start());
	assert_false(ide.id.lba48 || ide.dma);
	assert_int_equal(ide.blk.sectors, 100);
	assert_int_equal(io(BLK_READ, 3, 2048), BLK_OK);
	assert_memory_equal(data, disk + 3 * 512, 2048);
	memset(data, 0x3c, 512);
	assert_int_equal(io(BLK_WRITE, 5, 512), BLK_OK);
	assert_int_equal(disk[5 * 512], 0x3c);
	assert_int_equal(io(BLK_FLUSH, 0, 0), BLK_OK);
	assert_int_equal(dev.command, 0xe7);
	assert_int_equal(dev.dma_runs, 0);
	dev.error = true;
	assert_int_equal(io(BLK_READ, 3, 512), BLK_EIO);
}

static enum blk_status result;

static void done(struct blk_req *req, enum blk_status status)
{
	(void)req;
	result = status;
}

/* Memory that DMA cannot reach goes by way of the bounce buffer. */
static void test_bounce(void **state)
{
	struct blk_seg seg[2];
	struct blk_req q = { .op = BLK_READ,
			     .sector = 4,
			     .nsegs = 2,
			     .seg = seg,
			     .done = done };

	(void)state;
	assert_null(start());
	seg[0] = (struct blk_seg){ data + 1, dev_addr(data_dev.v + 1), 101 };
	seg[1] = (struct blk_seg){ data + 1000, dev_addr(1ull << 40), 411 };
	result = BLK_EBUSY;
	blk_submit(&ide.blk, &q);
	fake_interrupt();
	assert_int_equal(result, BLK_OK);
	assert_memory_equal(data + 1, disk + 4 * 512, 101);
	assert_memory_equal(data + 1000, disk + 4 * 512 + 101, 411);
	assert_int_equal(dev.dma_runs, 1);
	fake_no_copy = true; /* the guest took its memory back */
	blk_submit(&ide.blk, &q);
	fake_interrupt();
	assert_int_equal(result, BLK_EIO);
	q.op = BLK_WRITE;
	result = BLK_OK;
	blk_submit(&ide.blk, &q);
	assert_int_equal(result, BLK_EIO);
	assert_int_equal(dev.dma_runs, 2);
}

static void test_errors(void **state)
{
	(void)state;
	assert_null(start());
	dev.short_dma = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EIO);
	dev.short_dma = false;
	dev.bm_error = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EIO);
	dev.bm_error = false;
	dev.error = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EIO);
	assert_int_equal(io(BLK_FLUSH, 0, 0), BLK_EIO);
	dev.error = false;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_OK);
	fake_interrupt(); /* one too many */
	assert_int_equal(io(BLK_READ, 0, 512), BLK_OK);
}

static void test_silent(void **state)
{
	(void)state;
	assert_null(start());
	dev.silent = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_ETIME);
	dev.silent = false;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_OK);
	/* an interrupt of somebody else while ours runs */
	dev.silent = true;
	assert_false(ide.blk.lost);
}

/* Pulled out at work: every register reads as ones, until all is given up. */
static void test_gone(void **state)
{
	unsigned runs;

	(void)state;
	assert_null(start());
	assert_int_equal(io(BLK_READ, 0, 512), BLK_OK);
	dev.silent = dev.absent = true;
	runs = dev.dma_runs;
	assert_true(io(BLK_READ, 0, 512) != BLK_OK);
	assert_true(io(BLK_WRITE, 1, 512) != BLK_OK);
	assert_true(io(BLK_FLUSH, 0, 0) != BLK_OK);
	assert_true(ide.blk.lost);
	assert_int_equal(dev.dma_runs, runs);
	assert_int_equal(dev.bm_cmd & 1, 0); /* DMA is off */
}

static void test_none(void **state)
{
	(void)state;
	dev.absent = true;
	assert_string_equal(start(), "no disk there");
	assert_string_equal(ide_disk_start(&controller, 2), "no disk there");
	setup(NULL);
	ide_start(&controller, &fake_env, &pci);
	assert_string_equal(ide_disk_start(&controller, 1), "no disk there");
	dev.silent = true; /* never ready */
	assert_string_equal(start(), "no disk there");
	setup(NULL);
	dev.atapi = true;
	assert_string_equal(start(), "not an ATA disk");
	setup(NULL);
	id[49] = 0;
	assert_string_equal(start(), "has no LBA");
	setup(NULL);
	id[100] = 0;
	assert_string_equal(start(), "has no capacity");
	setup(NULL);
	fake_no_irq = true;
	assert_string_equal(start(), "its interrupt is refused");
	setup(NULL);
	fake_no_memory = true;
	assert_string_equal(start(), "no memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_dma, setup),
		cmocka_unit_test_setup(test_pio, setup),
		cmocka_unit_test_setup(test_bounce, setup),
		cmocka_unit_test_setup(test_errors, setup),
		cmocka_unit_test_setup(test_silent, setup),
		cmocka_unit_test_setup(test_gone, setup),
		cmocka_unit_test_setup(test_none, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
