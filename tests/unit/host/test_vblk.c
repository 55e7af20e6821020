/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio block device that guests see: good requests, and any others. */
/* TEST-SRC: drivers/host/vblk.c drivers/host/vblk_quick.c drivers/host/vblk_zero.c drivers/host/vdev.c drivers/host/vdev_regs.c drivers/host/vq.c drivers/host/vdisk.c drivers/host/overlay.c drivers/block.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_vblk.h"

static void test_registers(void **state)
{
	(void)state;
	assert_int_equal(vdev_read(&v.dev, 0, 4), 0x74726976);
	assert_int_equal(vdev_read(&v.dev, 4, 4), 2);
	assert_int_equal(vdev_read(&v.dev, 8, 4), 2);
	assert_int_equal(vdev_read(&v.dev, 0, 1), 0); /* only whole registers */
	assert_int_equal(vdev_read(&v.dev, 0x100, 8), SECTORS);
	assert_int_equal(vdev_read(&v.dev, 0x100, 1), SECTORS);
	assert_int_equal(vdev_read(&v.dev, 0xffc, 4), 0);
	reg(0x14, 1);
	assert_int_equal(vdev_read(&v.dev, 0x10, 4), 3);
	reg(0x14, 7);
	assert_int_equal(vdev_read(&v.dev, 0x10, 4), 0);
	reg(0x30, 1);
	assert_int_equal(vdev_read(&v.dev, 0x34, 4), 0);
	/* a feature that was not offered, and none of version 1 */
	reg(0x70, 3);
	reg(0x24, 0);
	reg(0x20, 1u << 27);
	reg(0x24, 1);
	reg(0x20, 1);
	reg(0x70, 11);
	assert_int_equal(vdev_read(&v.dev, 0x70, 4), 3);
	reg(0x70, 0);
	reg(0x70, 15);
	assert_int_equal(vdev_read(&v.dev, 0x70, 4), 3);
}

static void test_read(void **state)
{
	(void)state;
	bring_up(0);
	header(VIRTIO_BLK_T_IN, 5);
	desc(0, HDR, 16, 1, 1);
	desc(1, DATA + 4000, 700, 3, 2);
	desc(2, DATA + 0x4000, 324, 3, 3);
	desc(3, STATUS, 1, 2, 0);
	submit(0);
	work();
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
	assert_memory_equal(memory + DATA + 4000, disk + 5 * 512, 700);
	assert_memory_equal(memory + DATA + 0x4000, disk + 5 * 512 + 700, 324);
	assert_int_equal(get16(USED + 2), 1);
	assert_int_equal(le32(memory + USED + 4), 0);
	assert_int_equal(le32(memory + USED + 8), 1025);
	assert_int_equal(signals, 1);
	assert_int_equal(vdev_read(&v.dev, 0x60, 4), 1);
	reg(0x64, 1);
	assert_int_equal(vdev_read(&v.dev, 0x60, 4), 0);
}

/* Header and status share descriptors with the data. */
static void test_framing(void **state)
{
	(void)state;
	bring_up(0);
	header(VIRTIO_BLK_T_OUT, 1);
	memcpy(memory + DATA, memory + HDR, 16);
	memset(memory + DATA + 16, 0x77, 512);
	desc(0, DATA, 10, 1, 1);
	desc(1, DATA + 10, 518, 1, 2);
	desc(2, STATUS, 1, 2, 0);
	submit(0);
	work();
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
	assert_int_equal(disk[512], 0x77);
	assert_int_equal(disk[1023], 0x77);
	assert_int_not_equal(disk[1024], 0x77);
	header(VIRTIO_BLK_T_IN, 1);
	desc(0, HDR, 16, 1, 1);
	desc(1, DATA, 513, 2, 0); /* data, then the status */
	submit(0);
	work();
	assert_int_equal(memory[DATA], 0x77);
	assert_int_equal(memory[DATA + 512], VIRTIO_BLK_S_OK);
}

/* All of a request in a table of its own. */
static void test_indirect(void **state)
{
	(void)state;
	bring_up(1u << 28);
	header(VIRTIO_BLK_T_IN, 3);
	desc(4, HDR, 16, 1, 1);
	desc(5, DATA, 512, 3, 2);
	desc(6, STATUS, 1, 2, 0);
	desc(0, DESC + 4 * 16, 3 * 16, 4, 0);
	submit(0);
	work();
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
	assert_memory_equal(memory + DATA, disk + 3 * 512, 512);
}

static void one(uint32_t type, uint64_t sector, uint32_t len, uint8_t wanted)
{
	header(type, sector);
	desc(0, HDR, 16, 1, 1);
	desc(1, DATA, len, type == VIRTIO_BLK_T_OUT ? 1 : 3, 2);
	desc(2, STATUS, 1, 2, 0);
	submit(0);
	work();
	assert_int_equal(memory[STATUS], wanted);
}

static void test_other_requests(void **state)
{
	(void)state;
	bring_up(0);
	one(VIRTIO_BLK_T_GET_ID, 0, 20, VIRTIO_BLK_S_OK);
	assert_string_equal((char *)memory + DATA, "data");
	one(VIRTIO_BLK_T_GET_ID, 0, 19, VIRTIO_BLK_S_IOERR);
	one(99, 0, 512, VIRTIO_BLK_S_UNSUPP);
	one(VIRTIO_BLK_T_IN, SECTORS, 512, VIRTIO_BLK_S_IOERR);
	one(VIRTIO_BLK_T_IN, UINT64_MAX, 1024, VIRTIO_BLK_S_IOERR);
	one(VIRTIO_BLK_T_IN, SECTORS - 1, 512, VIRTIO_BLK_S_OK);
	one(VIRTIO_BLK_T_IN, 0, 511, VIRTIO_BLK_S_IOERR);
	one(VIRTIO_BLK_T_IN, 0, 0xfffffe00, VIRTIO_BLK_S_IOERR);
	v.disk.read_only = true;
	one(VIRTIO_BLK_T_OUT, 0, 512, VIRTIO_BLK_S_IOERR);
	header(VIRTIO_BLK_T_FLUSH, 0);
	desc(0, HDR, 16, 1, 1);
	desc(1, STATUS, 1, 2, 0);
	submit(0);
	work();
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
	unshared[(DATA + 0x1000) / 4096] = true;
	one(VIRTIO_BLK_T_IN, 0, 8192, VIRTIO_BLK_S_IOERR);
}

static void breaks(void)
{
	work();
	assert_true(needs_reset());
	assert_true(signals > 0);
	bring_up(0); /* a reset mends it */
	signals = 0;
}

static void test_malformed_chains(void **state)
{
	(void)state;
	bring_up(0);
	desc(0, HDR, 16, 1, 0); /* a loop */
	submit(0);
	breaks();
	submit(QUEUE); /* no such descriptor */
	breaks();
	desc(0, HDR, 16, 1, 99);
	submit(0);
	breaks();
	desc(0, HDR, 24, 4, 0); /* an indirect table of one and a half */
	submit(0);
	breaks();
	desc(0, DESC + 16, 16, 4, 0); /* a table in a table */
	desc(1, DESC + 32, 16, 4, 0);
	submit(0);
	breaks();
	desc(0, HDR, 16, 5, 1); /* a table, and more behind it */
	submit(0);
	breaks();
	desc(0, HDR, 16, 0, 0); /* nothing to write a status to */
	submit(0);
	breaks();
	desc(0, HDR, 15, 1, 1); /* header too short */
	desc(1, STATUS, 1, 2, 0);
	submit(0);
	breaks();
	desc(0, STATUS, 1, 3, 1); /* readable behind writable */
	desc(1, HDR, 16, 0, 0);
	submit(0);
	breaks();
	desc(0, UINT64_MAX - 4, 16, 1, 1);
	submit(0);
	breaks();
	put16(AVAIL + 2, 1000); /* more than the queue holds */
	breaks();
	guest_window(true);
	bring_up(0);
	unshared[AVAIL / 4096] = true;
	work();
	assert_true(needs_reset());
}

static void test_queue_refused(void **state)
{
	(void)state;
	reg(0x70, 3);
	reg(0x38, 3);
	reg(0x44, 1);
	assert_int_equal(vdev_read(&v.dev, 0x44, 4), 0);
	reg(0x38, QUEUE);
	reg(0x80, DESC + 8);
	reg(0x44, 1);
	assert_int_equal(vdev_read(&v.dev, 0x44, 4), 0);
	reg(0x80, MEMORY);
	reg(0x44, 1);
	assert_int_equal(vdev_read(&v.dev, 0x44, 4), 0);
	reg(0x38, VBLK_QUEUE * 2);
	reg(0x80, DESC);
	reg(0x44, 1);
	assert_int_equal(vdev_read(&v.dev, 0x44, 4), 0);
}

static void test_suppression(void **state)
{
	(void)state;
	bring_up(0);
	put16(AVAIL, VIRTQ_AVAIL_NO_INTERRUPT);
	one(VIRTIO_BLK_T_IN, 0, 512, VIRTIO_BLK_S_OK);
	work();
	assert_int_equal(signals, 0);
	setup(NULL);
	bring_up(1u << 29);
	put16(AVAIL + 4 + 2 * QUEUE, 1); /* tell after the second */
	one(VIRTIO_BLK_T_IN, 0, 512, VIRTIO_BLK_S_OK);
	work();
	assert_int_equal(signals, 0);
	one(VIRTIO_BLK_T_IN, 0, 512, VIRTIO_BLK_S_OK);
	work();
	assert_int_equal(signals, 1);
	assert_int_equal(get16(USED + 4 + 8 * QUEUE), 2); /* avail_event */
}

/* Transfers longer than the disk takes at once; a reset while one runs. */
static void test_slow_disk(void **state)
{
	(void)state;
	v.disk = (struct vdisk){ .kind = VDISK_PART,
				 .sectors = 100,
				 .dev = &slow_dev,
				 .first = 10 };
	bring_up(0);
	header(VIRTIO_BLK_T_IN, 2);
	desc(0, HDR, 16, 1, 1);
	desc(1, DATA, 20480, 3, 2);
	desc(2, STATUS, 1, 2, 0);
	submit(0);
	work();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(nr_slow, i + 1);
		assert_int_equal(memory[STATUS], 0xee);
		assert_int_equal(slow[i]->sector, 12 + 16 * i);
		assert_int_equal(slow[i]->bytes, i == 2 ? 4096 : 8192);
		blk_complete(&slow_dev, slow[i], BLK_OK);
	}
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
	header(VIRTIO_BLK_T_IN, 2);
	submit(0);
	work();
	reg(0x70, 0);
	assert_int_not_equal(vdev_read(&v.dev, 0x70, 4), 0);
	blk_complete(&slow_dev, slow[3], BLK_OK);
	assert_int_equal(vdev_read(&v.dev, 0x70, 4), 0);
	assert_int_equal(memory[STATUS], 0xee); /* nobody is told */
	assert_int_equal(v.dev.running, 0);
}

/* Random queues, registers and holes in memory: it survives, and forgets no
 * request. */
static void test_noise(void **state)
{
	(void)state;
	srand(3);
	for (int round = 0; round < 30000; round++) {
		if (round % 50 == 0) {
			setup(NULL);
			guest_window(true);
			bring_up((rand() % 2 ? 1u << 29 : 0) |
				 (rand() % 2 ? BOTH : 0));
		}
		for (unsigned i = 0; i < QUEUE; i++)
			desc(i, (uint64_t)rand() % (MEMORY + 4096),
			     (uint32_t)rand() % (rand() % 2 ? 20 : 4096),
			     (unsigned)rand() % 4,
			     (unsigned)rand() % (QUEUE + 1));
		header((uint32_t)rand() % 14, (uint64_t)rand() % (SECTORS * 2));
		desc(0, HDR, 16, 1, 1 + (unsigned)rand() % 3);
		if (rand() % 20 == 0)
			unshared[rand() % (MEMORY / 4096)] = true;
		submit(rand() % 8 ? 0 : (unsigned)rand() % 9);
		if (rand() % 10 == 0)
			vdev_write(&v.dev, (uint32_t)rand() % 0x200, 4,
				   (uint64_t)rand() % 64);
		work();
		assert_int_equal(v.dev.running, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_registers, setup),
		cmocka_unit_test_setup(test_read, setup),
		cmocka_unit_test_setup(test_framing, setup),
		cmocka_unit_test_setup(test_indirect, setup),
		cmocka_unit_test_setup(test_other_requests, setup),
		cmocka_unit_test_setup(test_malformed_chains, setup),
		cmocka_unit_test_setup(test_queue_refused, setup),
		cmocka_unit_test_setup(test_suppression, setup),
		cmocka_unit_test_setup(test_slow_disk, setup),
		cmocka_unit_test_setup(test_noise, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
