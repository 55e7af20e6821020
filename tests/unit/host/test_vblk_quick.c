/* SPDX-License-Identifier: BSD-2-Clause */
/* The shortest way of a guest's disk request: it takes what it should, and does
 * what the long way does. */
/* TEST-SRC: drivers/host/vblk.c drivers/host/vblk_quick.c drivers/host/vblk_zero.c drivers/host/vdev.c drivers/host/vdev_regs.c drivers/host/vq.c drivers/host/vdisk.c drivers/host/overlay.c drivers/block.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_vblk.h"

#define FIRST 10u
#define LONG_WAY 0x5555u /* a mark that only the long way wipes out */

static int setup_part(void **state)
{
	setup(state);
	v.disk = (struct vdisk){ .kind = VDISK_PART,
				 .sectors = SECTORS,
				 .dev = &slow_dev,
				 .first = FIRST };
	bring_up(1u << 28);
	return 0;
}

/* The device addresses of all pages are known, or of none. */
static void pages_known(bool known)
{
	dev_addr_t dev;

	memset(guest_mem.cache, 0, sizeof(guest_mem.cache));
	for (uint64_t p = 0; known && p < MEMORY; p += GMEM_PAGE)
		gmem_dev(&guest_mem, p, &dev);
}

static void plain(uint32_t type, uint64_t sector, uint64_t data, uint32_t len)
{
	header(type, sector);
	desc(0, HDR, 16, 1, 1);
	desc(1, data, len, type == VIRTIO_BLK_T_OUT ? 1 : 3, 2);
	desc(2, STATUS, 1, 2, 0);
}

/* Did the request that was submitted go the shortest way? */
static bool quick(void)
{
	struct vblk_io *io = v.free;

	io->type = LONG_WAY;
	submit(0);
	work();
	return io->type == LONG_WAY &&
	       !(v.dev.status & VIRTIO_STATUS_NEEDS_RESET);
}

static void test_read(void **state)
{
	(void)state;
	pages_known(true);
	plain(VIRTIO_BLK_T_IN, 5, DATA + 512, 3584);
	assert_true(quick());
	assert_int_equal(nr_slow, 1);
	assert_int_equal(slow[0]->op, BLK_READ);
	assert_int_equal(slow[0]->sector, FIRST + 5);
	assert_int_equal(slow[0]->nsegs, 1);
	assert_ptr_equal(slow[0]->seg[0].va, memory + DATA + 512);
	assert_int_equal(slow[0]->seg[0].dev.v, DATA + 512);
	assert_int_equal(slow[0]->seg[0].len, 3584);
	assert_int_equal(guest_mem.busy, 1);
	assert_int_equal(v.dev.running, 1);
	assert_int_equal(memory[STATUS], 0xee);
	blk_complete(&slow_dev, slow[0], BLK_OK);
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
	assert_int_equal(le32(memory + USED + 8), 3585);
	assert_int_equal(guest_mem.busy, 0);
	assert_int_equal(v.dev.running, 0);
	assert_int_equal(v.disk.nr_requests, 1);
	assert_int_equal(v.disk.nr_bytes, 3584);
}

static void test_write_fails(void **state)
{
	(void)state;
	pages_known(true);
	plain(VIRTIO_BLK_T_OUT, SECTORS - 8, DATA, 4096);
	assert_true(quick());
	assert_int_equal(slow[0]->op, BLK_WRITE);
	blk_complete(&slow_dev, slow[0], BLK_EIO);
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_IOERR);
	assert_int_equal(le32(memory + USED + 8), 1);
	plain(VIRTIO_BLK_T_IN, 0, DATA, 512);
	assert_true(quick());
	blk_complete(&slow_dev, slow[1], BLK_EIO);
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_IOERR);
	assert_int_equal(le32(memory + USED + 16), 1);
}

static void test_null_disk(void **state)
{
	(void)state;
	v.disk.kind = VDISK_NULL;
	plain(VIRTIO_BLK_T_IN, 0, DATA,
	      4096); /* of its pages nothing is known */
	assert_true(quick());
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
	assert_int_equal(le32(memory + USED + 8), 4097);
}

/* The reset waits for the transfer; the request is no more. */
static void test_reset(void **state)
{
	(void)state;
	pages_known(true);
	plain(VIRTIO_BLK_T_IN, 0, DATA, 512);
	assert_true(quick());
	reg(0x70, 0);
	assert_int_not_equal(vdev_read(&v.dev, 0x70, 4), 0);
	blk_complete(&slow_dev, slow[0], BLK_OK);
	assert_int_equal(vdev_read(&v.dev, 0x70, 4), 0);
	assert_int_equal(memory[STATUS], 0xee);
	for (unsigned n = 0; n < VBLK_IOS; n++) {
		assert_non_null(v.free);
		v.free = v.free->next_free;
	}
}

static void more_pieces(void) { desc(2, DATA + 512, 512, 3, 3); }
static void across_pages(void) { desc(1, DATA + 4000, 512, 3, 2); }
static void no_sectors(void) { desc(1, DATA, 500, 3, 2); }
static void no_bytes(void) { desc(1, DATA, 0, 3, 2); }
static void for_reading(void) { desc(1, DATA, 512, 1, 2); }
static void chain_ends(void) { desc(1, DATA, 512, 2, 2); }
static void long_status(void) { desc(2, STATUS, 2, 2, 0); }
static void status_goes_on(void) { desc(2, STATUS, 1, 3, 3); }
static void long_header(void) { desc(0, HDR, 17, 1, 1); }
static void odd_header(void) { desc(0, HDR + 4, 16, 1, 1); }
static void far_header(void) { desc(0, MEMORY - 8, 16, 1, 1); }
static void no_descriptor(void) { desc(0, HDR, 16, 1, QUEUE); }
static void in_a_table(void) { desc(0, DATA + 0x1000, 48, 4, 0); }
static void too_far(void) { header(VIRTIO_BLK_T_IN, SECTORS); }
static void very_far(void) { header(VIRTIO_BLK_T_IN, ~0ull); }
static void flush(void) { header(VIRTIO_BLK_T_FLUSH, 0); }
static void write_only_page(void) { header(VIRTIO_BLK_T_OUT, 0); }
static void unknown_page(void) { pages_known(false); }
static void file_disk(void) { v.disk.kind = VDISK_FILE; }
static void no_access(void) { guest_window(true); }
static void read_only(void)
{
	plain(VIRTIO_BLK_T_OUT, 0, DATA, 512);
	v.disk.read_only = true;
}

static void test_left_alone(void **state)
{
	static void (*const with[])(void) = {
		more_pieces, across_pages,    no_sectors,   no_bytes,
		for_reading, chain_ends,      long_status,  status_goes_on,
		long_header, odd_header,      far_header,   no_descriptor,
		in_a_table,  too_far,	      very_far,	    flush,
		read_only,   write_only_page, unknown_page, file_disk,
		no_access,
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		setup_part(NULL);
		pages_known(true);
		plain(VIRTIO_BLK_T_IN, 0, DATA, 512);
		desc(3, STATUS, 1, 2, 0);
		with[i]();
		if (quick())
			fail_msg("%u went the shortest way", i);
	}
}

/* ---- both ways do the same ---- */

struct outcome {
	unsigned nr_slow, signals;
	enum blk_op op;
	uint64_t sector, dev;
	uint32_t len, device_status;
	uint8_t status, used[8 + 8 * QUEUE];
};

/* In one of the two ways; the disk answers as it is told. */
static struct outcome outcome_of(bool known, enum blk_status answer)
{
	struct outcome o;

	memset(&o, 0, sizeof(o));
	pages_known(known);
	submit(0);
	work();
	o.nr_slow = nr_slow;
	if (nr_slow) {
		o.op = slow[0]->op;
		o.sector = slow[0]->sector;
		o.dev = slow[0]->nsegs ? slow[0]->seg[0].dev.v : 0;
		o.len = slow[0]->nsegs ? slow[0]->seg[0].len : 0;
		blk_complete(&slow_dev, slow[0], answer);
	}
	o.signals = signals;
	o.status = memory[STATUS];
	o.device_status = v.dev.status;
	memcpy(o.used, memory + USED, sizeof(o.used));
	return o;
}

static void request_random(void)
{
	uint32_t type = (uint32_t)rand() % (rand() % 8 ? 2 : 6);
	unsigned flags = type == VIRTIO_BLK_T_OUT ? 1 : 3;

	plain(type, (uint64_t)rand() % (SECTORS + 2),
	      DATA + (uint32_t)rand() % 8 * 512, (uint32_t)rand() % 10 * 512);
	if (rand() % 4 == 0)
		desc(1, DATA + (uint32_t)rand() % 8192, (uint32_t)rand() % 4200,
		     (unsigned)rand() % 4, (unsigned)rand() % (QUEUE + 1));
	if (rand() % 4 == 0)
		desc(0, HDR, (uint32_t)rand() % 2 ? 16 : 15,
		     (unsigned)rand() % 4, 1);
	if (rand() % 4 == 0)
		desc(2, STATUS, (uint32_t)rand() % 3, (unsigned)rand() % 4, 3);
	if (rand() % 8 == 0)
		desc(1, MEMORY - 512, 512, flags, 2);
}

static void test_same(void **state)
{
	unsigned nr_quick = 0;

	(void)state;
	srand(7);
	for (int round = 0; round < 4000; round++) {
		enum blk_status answer = rand() % 4 ? BLK_OK : BLK_EIO;
		unsigned seed = (unsigned)rand();
		struct outcome way[2];

		for (int known = 0; known < 2; known++) {
			setup_part(NULL);
			srand(seed);
			request_random();
			v.free->type = LONG_WAY;
			way[known] = outcome_of(known, answer);
			nr_quick += known && v.free->type == LONG_WAY;
		}
		assert_memory_equal(&way[0], &way[1], sizeof(way[0]));
		srand(seed + 1);
	}
	assert_in_range(nr_quick, 400, 3600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_read, setup_part),
		cmocka_unit_test_setup(test_write_fails, setup_part),
		cmocka_unit_test_setup(test_null_disk, setup_part),
		cmocka_unit_test_setup(test_reset, setup_part),
		cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
