/* SPDX-License-Identifier: BSD-2-Clause */
/* The IDE driver on a controller whose registers, data and IDENTIFY are of any
 * content: it addresses what was asked for, and each request ends once. */
/* TEST-SRC: drivers/ide.c drivers/ata.c drivers/pci.c drivers/block.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "drivers/fake_env.h"
#include "ata.h"
#include "ide.h"

#define BM 0xc000u
#define REQUESTS 8u
#define ENOUGH (1u << 30)

/* ---- the controller ---- */

static uint8_t lba[3][2], device;
static uint32_t prdt;
static uint16_t id[256];
static unsigned id_at;		 /* words that came of it */
static unsigned sane;		 /* of 8 answers, so many are plausible */
static unsigned words;		 /* of data, that the last command has still */
static uint64_t asked[REQUESTS]; /* sectors; more than one of them waits */

static uint32_t noise(void)
{
	return (uint32_t)rand() ^ (uint32_t)rand() << 16;
}

static uint32_t in(uint16_t port, unsigned size)
{
	bool good = (unsigned)rand() % 8 < sane;
	uint32_t ready = 0x40 | (words ? ATA_STATUS_DRQ : 0u);
	uint32_t any = noise() & (size == 1 ? 0xffu : 0xffffu);

	switch (port) {
	case 0x1f0:
		words -= words > 0;
		return id_at < 256 ? id[id_at++] : any;
	case 0x1f4:
	case 0x1f5:
		return good ? 0 : any;
	case 0x1f7:
	case 0x3f6:
		return good ? ready : any;
	case BM + 2:
		return good ? 4 : any;
	default:
		return size == 4 ? noise() : any;
	}
}

static uint64_t address(bool wide)
{
	uint64_t low = lba[0][0] | lba[1][0] << 8 | lba[2][0] << 16;

	if (!wide)
		return low | (uint64_t)(device & 15) << 24;
	return low | (uint64_t)lba[0][1] << 24 | (uint64_t)lba[1][1] << 32 |
	       (uint64_t)lba[2][1] << 40;
}

static void was_asked_for(uint64_t sector)
{
	for (unsigned i = 0; i < REQUESTS; i++)
		if (asked[i] == sector)
			return;
	fail_msg("nobody asked for sector %llx", (unsigned long long)sector);
}

static void command(uint8_t c)
{
	id_at = c == ATA_IDENTIFY ? 0 : 256;
	switch (c) {
	case ATA_READ_DMA_EXT:
	case ATA_WRITE_DMA_EXT:
	case 0x24:
	case 0x34:
		was_asked_for(address(true));
		break;
	case 0xc8:
	case 0xca:
	case 0x20:
	case 0x30:
		was_asked_for(address(false));
		break;
	case ATA_FLUSH_CACHE:
	case ATA_FLUSH_CACHE_EXT:
	case ATA_IDENTIFY:
		break;
	default:
		fail_msg("command %x", c);
	}
}

/* All that the table names is the driver's memory, or that of requests. */
static void dma_begin(void)
{
	const uint64_t *prd = fake_dma_at(prdt, 4096);

	assert_non_null(prd);
	for (unsigned i = 0;; i++) {
		uint32_t n = prd[i] >> 32 & 0xffff;

		assert_true(i < 512);
		assert_non_null(fake_dma_at((uint32_t)prd[i], n ? n : 65536));
		if (prd[i] >> 63)
			return;
	}
}

static void out(uint16_t port, unsigned size, uint32_t v)
{
	if (port >= 0x1f3 && port <= 0x1f5) {
		lba[port - 0x1f3][1] = lba[port - 0x1f3][0];
		lba[port - 0x1f3][0] = (uint8_t)v;
	} else if (port == 0x1f6) {
		device = (uint8_t)v;
	} else if (port == 0x1f7) {
		command((uint8_t)v);
	} else if (port == BM + 4) {
		assert_int_equal(size, 4);
		prdt = v;
	} else if (port == BM && (v & 1)) {
		dma_begin();
	}
}

/* ---- the tests ---- */

static struct ide_controller controller;
static struct pci_dev pci;
static struct blk_req req[REQUESTS];
static struct blk_seg seg[REQUESTS];
static uint8_t *data;
static dev_addr_t data_dev;
static unsigned ended[REQUESTS];

#define disk (controller.ch[0].disk[0].blk)

static void done(struct blk_req *r, enum blk_status s)
{
	(void)s;
	ended[r - req]++;
}

static void idle(void)
{
	fake_now += 1000 * ENV_MS;
	fake_interrupt();
}

/* IDENTIFY of any content, but often that of a disk. */
static const char *start(unsigned round)
{
	fake_env_reset();
	fake_in = in;
	fake_out = out;
	fake_idle = idle;
	for (unsigned i = 0; i < 256; i++)
		id[i] = (uint16_t)noise();
	if (round % 4) {
		id[49] = 1 << 9 | (round % 3 ? 1 << 8 : 0);
		id[106] = 0;
		if (round & 8)
			id[101] = id[102] = id[103] = 0;
		id[61] &= round & 16 ? 0x0fff : 0xffff;
	}
	pci = (struct pci_dev){ .class_code = 1,
				.subclass = 1,
				.progif = round & 32 ? 0x80 : 0 };
	pci.bar[4] = (struct pci_bar){ BM, 16, true };
	memset(asked, 0xff, sizeof(asked));
	memset(ended, 0, sizeof(ended));
	sane = 7;
	words = ENOUGH;
	ide_start(&controller, &fake_env, &pci);
	return ide_disk_start(&controller, 0);
}

static void submit(unsigned i)
{
	bool flush = rand() % 8 == 0;
	uint64_t last = disk.sectors - 1;

	asked[i] = rand() % 2 ? last :
				(noise() | (uint64_t)noise() << 32) % last;
	seg[i] = (struct blk_seg){ data, data_dev, 512 };
	req[i] = (struct blk_req){ .op = rand() % 2 ? BLK_READ : BLK_WRITE,
				   .sector = asked[i],
				   .nsegs = 1,
				   .seg = &seg[i],
				   .done = done };
	if (flush)
		req[i] = (struct blk_req){ .op = BLK_FLUSH, .done = done };
	blk_submit(&disk, &req[i]);
}

static void play(void)
{
	data = fake_env.dma_alloc(&fake_env, 4096, &data_dev);
	for (unsigned i = 0; i < REQUESTS; i++) {
		sane = (unsigned)rand() % 9;
		submit(i);
		fake_interrupt();
		if (rand() % 4 == 0)
			blk_check(&disk, fake_now += BLK_TIMEOUT_NS);
	}
	blk_break(&disk, "end of the round");
	for (unsigned i = 0; i < REQUESTS; i++)
		assert_int_equal(ended[i], 1);
}

static void test_noise(void **state)
{
	unsigned started = 0;

	(void)state;
	srand(5);
	for (unsigned round = 0; round < 400; round++) {
		if (start(round))
			continue;
		started++;
		assert_in_range(disk.sectors, 1, 1ull << 48);
		if (disk.sectors > 1)
			play();
	}
	assert_true(started > 50);
}

/* A disk of 28-bit addresses, without DMA. */
static const char *plain(uint32_t sectors)
{
	start(0);
	memset(id, 0, sizeof(id));
	id[49] = 1 << 9;
	id[60] = (uint16_t)sectors;
	id[61] = (uint16_t)(sectors >> 16);
	sane = 8;
	words = ENOUGH;
	return ide_disk_start(&controller, 0);
}

static void test_capacity(void **state)
{
	const char *odd = "has sectors without an address";

	(void)state;
	assert_null(plain(1u << 28));
	assert_string_equal(plain((1u << 28) + 1), odd);
	assert_string_equal(plain(UINT32_MAX), odd);
	id[83] = 1 << 10; /* 48-bit */
	id[103] = 0xffff;
	assert_string_equal(ide_disk_start(&controller, 0), odd);
	id[103] = 0;
	id[102] = 0xffff;
	assert_null(ide_disk_start(&controller, 0));
}

/* DRQ does not come again before all data have. */
static void test_short_pio(void **state)
{
	(void)state;
	assert_null(plain(1000));
	data = fake_env.dma_alloc(&fake_env, 4096, &data_dev);
	asked[0] = 7;
	for (unsigned come = 0; come < 8; come += 3) {
		words = come * 256;
		assert_int_equal(
			blk_sync(&disk, BLK_READ, 7, data, data_dev, 4096),
			BLK_EIO);
		assert_int_equal(words, 0);
	}
	words = 8 * 256;
	assert_int_equal(blk_sync(&disk, BLK_READ, 7, data, data_dev, 4096),
			 BLK_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_short_pio),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
