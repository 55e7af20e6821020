/* SPDX-License-Identifier: BSD-2-Clause */
/* A block device whose disk is written over a read-only base, or in pieces. */
/* TEST-SRC: drivers/host/vblk.c drivers/host/vblk_quick.c drivers/host/vblk_zero.c drivers/host/vdev.c drivers/host/vdev_regs.c drivers/host/vq.c drivers/host/vdisk.c drivers/host/overlay.c drivers/block.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_vblk.h"

static struct overlay over;
static unsigned told;

static void full(struct overlay *o)
{
	assert_ptr_equal(o, &over);
	told++;
}

static int cow_setup(void **state)
{
	setup(state);
	told = 0;
	over.on_full = full;
	overlay_init(&over, SECTORS, 1000);
	v.disk.base = v.disk.kind;
	v.disk.kind = VDISK_COW;
	v.disk.over = &over;
	bring_up(BOTH);
	return 0;
}

/* The same over a disk whose answers come later. */
static int slow_setup(void **state)
{
	cow_setup(state);
	v.disk.base = VDISK_PART;
	v.disk.dev = &slow_dev;
	v.disk.first = 100;
	return 0;
}

/* Over a file, which is in memory. */
static int cow_file_setup(void **state)
{
	cow_setup(state);
	v.disk.base = VDISK_FILE;
	v.disk.volume = VDISK_RAM;
	return 0;
}

/* A file itself, in memory, with what zeroes are written from. */
static int file_setup(void **state)
{
	static uint8_t zeroes[4096];

	cow_setup(state);
	v.disk.kind = VDISK_FILE;
	v.disk.volume = VDISK_RAM;
	v.disk.zeroes = (struct blk_seg){ .va = zeroes, .len = 4096 };
	return 0;
}

static int end(void **state)
{
	(void)state;
	overlay_end(&over);
	assert_int_equal(pages_in_use, 0);
	assert_int_equal(v.dev.running, 0);
	for (unsigned i = 0; i < sizeof(disk); i++)
		assert_int_equal(disk[i], (uint8_t)(i * 7 + i / 512));
	return 0;
}

/* The data in three pieces, parted anywhere. */
static uint8_t transfer(uint32_t type, uint64_t sector, uint32_t len)
{
	unsigned flags = type == VIRTIO_BLK_T_IN ? 3 : 1;
	uint32_t a = (uint32_t)rand() % (len - 1) + 1;
	uint32_t b = (uint32_t)rand() % (len - a) + 1;

	header(type, sector);
	desc(0, HDR, 16, 1, 1);
	desc(1, DATA, a, flags, 2);
	desc(2, DATA + a, b, flags, len > a + b ? 3 : 4);
	desc(3, DATA + a + b, len - a - b, flags, 4);
	desc(4, STATUS, 1, 2, 0);
	submit(0);
	work();
	return memory[STATUS];
}

static uint8_t zero(uint32_t type, uint64_t sector, uint32_t count)
{
	struct virtio_blk_range r = { sector, count, 0 };

	header(type, 0);
	memcpy(memory + DATA, &r, sizeof(r));
	desc(0, HDR, 16, 1, 1);
	desc(1, DATA, sizeof(r), 1, 2);
	desc(2, STATUS, 1, 2, 0);
	submit(0);
	work();
	return memory[STATUS];
}

static void put(uint64_t sector, uint32_t count, uint8_t wanted)
{
	memset(memory + DATA, 0x55, count * 512);
	assert_int_equal(transfer(VIRTIO_BLK_T_OUT, sector, count * 512),
			 wanted);
}

/* ---- against a flat copy ---- */

static uint8_t model[SECTORS * 512];

static void change(uint32_t at, uint32_t n)
{
	for (uint32_t i = 0; i < n * 512; i++)
		memory[DATA + i] = (uint8_t)rand();
	memcpy(model + at * 512, memory + DATA, n * 512);
	assert_int_equal(transfer(VIRTIO_BLK_T_OUT, at, n * 512), 0);
}

static void check(uint32_t at, uint32_t n)
{
	memset(memory + DATA, 0xcc, n * 512);
	assert_int_equal(transfer(VIRTIO_BLK_T_IN, at, n * 512), 0);
	assert_memory_equal(memory + DATA, model + at * 512, n * 512);
	assert_int_equal(memory[DATA + n * 512], 0);
}

/* What is read at first. */
static void model_begin(void)
{
	bool file = v.disk.kind == VDISK_FILE || v.disk.base == VDISK_FILE;

	memcpy(model, disk, sizeof(model));
	for (unsigned i = 0; file && i < SECTORS; i += 4)
		memcpy(model + i * 512, disk + (SECTORS - 4 - i) * 512, 2048);
}

static void test_model(void **state)
{
	(void)state;
	srand(11);
	model_begin();
	for (unsigned round = 0; round < 5000; round++) {
		uint32_t at = (uint32_t)rand() % SECTORS;
		uint32_t n = (uint32_t)rand() % 20 + 1;

		if (at + n > SECTORS)
			n = SECTORS - at;
		if (rand() % 8 == 0) {
			uint32_t type = rand() % 2 && v.disk.kind !=
								VDISK_FILE ?
						VIRTIO_BLK_T_DISCARD :
						VIRTIO_BLK_T_WRITE_ZEROES;

			memset(model + at * 512, 0, n * 512);
			/* a discard too, once the tree has its one node */
			assert_int_equal(zero(round ? type : 13, at, n), 0);
		} else if (rand() % 3 == 0) {
			change(at, n);
		}
		at = (uint32_t)rand() % (SECTORS - 20);
		memset(memory + DATA, 0, 32 * 512);
		check(at, (uint32_t)rand() % 20 + 1);
	}
}

static void test_other_requests(void **state)
{
	(void)state;
	header(VIRTIO_BLK_T_FLUSH, 0);
	desc(0, HDR, 16, 1, 2);
	desc(2, STATUS, 1, 2, 0);
	submit(0);
	work();
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
	assert_int_equal(transfer(VIRTIO_BLK_T_OUT, SECTORS - 1, 1024),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(transfer(VIRTIO_BLK_T_IN, SECTORS - 1, 1024),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(transfer(VIRTIO_BLK_T_IN, UINT64_MAX, 1024),
			 VIRTIO_BLK_S_IOERR);
}

/* ---- faults ---- */

static void test_full(void **state)
{
	(void)state;
	over.limit = 3; /* a node and two pages */
	put(4, 8, VIRTIO_BLK_S_OK);
	assert_int_equal(told, 0);
	put(14, 4, VIRTIO_BLK_S_IOERR);
	assert_int_equal(told, 1);
	put(40, 1, VIRTIO_BLK_S_IOERR);
	put(0, 16, VIRTIO_BLK_S_OK);
	assert_int_equal(zero(VIRTIO_BLK_T_WRITE_ZEROES, 20, 7), 0);
	assert_int_equal(zero(VIRTIO_BLK_T_DISCARD, 0, 8), 0);
	put(23, 1, VIRTIO_BLK_S_OK);
	assert_int_equal(told, 1);
	overlay_end(&over);
	over.limit = 0;
	assert_int_equal(zero(VIRTIO_BLK_T_WRITE_ZEROES, 20, 7),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(zero(VIRTIO_BLK_T_DISCARD, 20, 7), 0);
	assert_int_equal(transfer(VIRTIO_BLK_T_IN, 0, 512), 0);
}

/* The guest takes its memory back while it is copied: the request fails, and
 * what has not been copied does not count. */
static void test_memory_vanishes(void **state)
{
	bool written;

	(void)state;
	copy_fails_at = 1;
	put(3, 5, VIRTIO_BLK_S_IOERR);
	overlay_run(&over, 3, 1, &written);
	assert_false(written);
	put(3, 5, VIRTIO_BLK_S_OK);
	copy_fails_at = 1;
	assert_int_equal(transfer(VIRTIO_BLK_T_IN, 3, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(transfer(VIRTIO_BLK_T_IN, 3, 512), VIRTIO_BLK_S_OK);
	copy_fails_at = 0;
}

/* The same of a file: what is written is where the file is. */
static void test_file(void **state)
{
	(void)state;
	test_model(state);
	for (unsigned i = 0; i < SECTORS; i += 4)
		assert_memory_equal(disk + (SECTORS - 4 - i) * 512,
				    model + i * 512, 2048);
	setup(state);
}

/* ---- over a real disk ---- */

static void ends(unsigned i, uint64_t sector, uint32_t bytes,
		 enum blk_status status)
{
	assert_int_equal(nr_slow, i + 1);
	assert_int_equal(memory[STATUS], 0xee);
	assert_int_equal(slow[i]->op, BLK_READ);
	assert_int_equal(slow[i]->sector, 100 + sector);
	assert_int_equal(slow[i]->bytes, bytes);
	if (status == BLK_OK)
		memset(slow[i]->seg[0].va, 0xb0 + (int)i, slow[i]->seg[0].len);
	blk_complete(&slow_dev, slow[i], status);
}

static void read_begin(uint64_t sector, uint32_t count)
{
	memset(memory + DATA, 0, count * 512);
	header(VIRTIO_BLK_T_IN, sector);
	desc(0, HDR, 16, 1, 1);
	desc(1, DATA, count * 512, 3, 2);
	desc(2, STATUS, 1, 2, 0);
	submit(0);
	work();
}

/* What was not written goes by DMA straight into the guest's memory. */
static void test_slow_base(void **state)
{
	(void)state;
	put(12, 1, VIRTIO_BLK_S_OK);
	put(15, 5, VIRTIO_BLK_S_OK);
	assert_int_equal(zero(VIRTIO_BLK_T_WRITE_ZEROES, 20, 1), 0);
	assert_int_equal(nr_slow, 0);
	read_begin(10, 13);
	ends(0, 10, 1024, BLK_OK);
	ends(1, 13, 1024, BLK_OK);
	ends(2, 21, 1024, BLK_OK);
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
	assert_int_equal(le32(memory + USED + 4 + 8 * 3 + 4), 13 * 512 + 1);
	assert_int_equal(memory[DATA], 0xb0);
	assert_int_equal(memory[DATA + 2 * 512], 0x55);
	assert_int_equal(memory[DATA + 3 * 512], 0xb1);
	assert_int_equal(memory[DATA + 5 * 512], 0x55);
	assert_int_equal(memory[DATA + 10 * 512 - 1], 0x55);
	assert_int_equal(memory[DATA + 10 * 512], 0);
	assert_int_equal(memory[DATA + 11 * 512], 0xb2);
	/* longer than the disk takes at once */
	read_begin(30, 30);
	ends(3, 30, 8192, BLK_OK);
	ends(4, 46, 7168, BLK_OK);
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
	/* the disk fails; then the guest's memory is not there */
	read_begin(10, 4);
	ends(5, 10, 1024, BLK_EIO);
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_IOERR);
	unshared[DATA / 4096] = true;
	header(VIRTIO_BLK_T_IN, 30);
	submit(0);
	work();
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_IOERR);
	assert_int_equal(nr_slow, 6);
	memset(unshared, 0, sizeof(unshared));
}

static void test_slow_reset(void **state)
{
	(void)state;
	put(12, 1, VIRTIO_BLK_S_OK);
	read_begin(10, 4);
	reg(0x70, 0);
	assert_int_not_equal(reg_get(0x70), 0);
	ends(0, 10, 1024, BLK_OK);
	assert_int_equal(reg_get(0x70), 0);
	assert_int_equal(memory[STATUS], 0xee);
	bring_up(BOTH);
	read_begin(12, 1);
	assert_int_equal(memory[DATA], 0x55);
}

/* A file's pieces go by DMA, each in a request of its own. */
static void test_slow_file(void **state)
{
	(void)state;
	v.disk.kind = VDISK_FILE;
	v.disk.volume = VDISK_PART;
	read_begin(2, 7);
	ends(0, 62, 1024, BLK_OK);
	ends(1, 56, 2048, BLK_OK);
	ends(2, 52, 512, BLK_OK);
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
	assert_int_equal(memory[DATA], 0xb0);
	assert_int_equal(memory[DATA + 1024], 0xb1);
	assert_int_equal(memory[DATA + 6 * 512], 0xb2);
	/* the same below an overlay */
	v.disk.kind = VDISK_COW;
	v.disk.base = VDISK_FILE;
	put(5, 1, VIRTIO_BLK_S_OK);
	read_begin(4, 4);
	ends(3, 56, 512, BLK_OK);
	ends(4, 58, 1024, BLK_OK);
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
	assert_int_equal(memory[DATA + 512], 0x55);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_model, cow_setup, end),
		cmocka_unit_test_setup_teardown(test_model, cow_file_setup,
						end),
		cmocka_unit_test_setup_teardown(test_file, file_setup, end),
		cmocka_unit_test_setup_teardown(test_slow_file, slow_setup,
						end),
		cmocka_unit_test_setup_teardown(test_other_requests, cow_setup,
						end),
		cmocka_unit_test_setup_teardown(test_full, cow_setup, end),
		cmocka_unit_test_setup_teardown(test_memory_vanishes, cow_setup,
						end),
		cmocka_unit_test_setup_teardown(test_slow_base, slow_setup,
						end),
		cmocka_unit_test_setup_teardown(test_slow_reset, slow_setup,
						end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
