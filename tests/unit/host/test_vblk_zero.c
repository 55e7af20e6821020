/* SPDX-License-Identifier: BSD-2-Clause */
/* DISCARD and WRITE_ZEROES of the virtio block device. */
/* TEST-SRC: drivers/host/vblk.c drivers/host/vblk_quick.c drivers/host/vblk_zero.c drivers/host/vdev.c drivers/host/vdev_regs.c drivers/host/vq.c drivers/host/vdisk.c drivers/host/overlay.c drivers/block.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_vblk.h"

/* The ranges lie where the framing parts them: `first` bytes behind the
 * header, in its descriptor. */
static void ranges(uint32_t type, const struct virtio_blk_range *r,
		   uint32_t bytes, uint32_t first)
{
	header(type, 0);
	memcpy(memory + DATA, memory + HDR, 16);
	memcpy(memory + DATA + 16, r, bytes);
	desc(0, DATA, 16 + first, 1, bytes > first ? 1 : 2);
	desc(1, DATA + 16 + first, bytes - first, 1, 2);
	desc(2, STATUS, 1, 2, 0);
	submit(0);
	work();
}

static void zeroes(uint32_t type, struct virtio_blk_range r, uint8_t wanted)
{
	ranges(type, &r, sizeof(r), 0);
	assert_int_equal(memory[STATUS], wanted);
}

/* The sectors that are not those of [from, to) hold what they did. */
static void zeroed_only(unsigned from, unsigned to)
{
	for (unsigned i = 0; i < sizeof(disk); i++) {
		bool zero = i / 512 >= from && i / 512 < to;

		assert_int_equal(disk[i],
				 zero ? 0 : (uint8_t)(i * 7 + i / 512));
	}
}

static void test_zeroes(void **state)
{
	static const struct virtio_blk_range two[] = { { 9, 2, 0 },
						       { 8, 1, 1 } };

	(void)state;
	assert_int_equal(reg_get(0x100 + 36), 2048);
	assert_int_equal(reg_get(0x100 + 40), 8);
	assert_int_equal(reg_get(0x100 + 44), 8);
	assert_int_equal(reg_get(0x100 + 48), 2048);
	assert_int_equal(reg_get(0x100 + 52), 8);
	bring_up(BOTH);
	zeroes(VIRTIO_BLK_T_WRITE_ZEROES,
	       (struct virtio_blk_range){ SECTORS - 1, 1, 0 }, 0);
	zeroed_only(SECTORS - 1, SECTORS);
	setup(NULL);
	bring_up(BOTH);
	zeroes(VIRTIO_BLK_T_DISCARD, (struct virtio_blk_range){ 7, 4, 0 }, 0);
	zeroed_only(7, 11);
	for (uint32_t first = 0; first <= 32; first += 8) {
		setup(NULL);
		bring_up(BOTH);
		ranges(VIRTIO_BLK_T_WRITE_ZEROES, two, sizeof(two), first);
		assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
		assert_int_equal(le32(memory + USED + 8), 1);
		zeroed_only(8, 11);
	}
	setup(NULL);
	bring_up(BOTH);
	zeroes(VIRTIO_BLK_T_WRITE_ZEROES,
	       (struct virtio_blk_range){ SECTORS, 0, 0 }, 0);
	zeroed_only(0, 0);
	v.disk.kind = VDISK_NULL;
	v.disk.ram = NULL;
	zeroes(VIRTIO_BLK_T_WRITE_ZEROES, two[0], VIRTIO_BLK_S_OK);
	zeroes(VIRTIO_BLK_T_DISCARD, two[0], VIRTIO_BLK_S_OK);
}

static void refuse_both(struct virtio_blk_range r, uint8_t wanted)
{
	zeroes(VIRTIO_BLK_T_DISCARD, r, wanted);
	zeroes(VIRTIO_BLK_T_WRITE_ZEROES, r, wanted);
}

static void test_zeroes_refused(void **state)
{
	static const struct virtio_blk_range good = { 1, 1, 0 };
	struct virtio_blk_range many[9] = { { 0, 0, 0 } };

	(void)state;
	bring_up(0); /* not negotiated */
	refuse_both(good, VIRTIO_BLK_S_UNSUPP);
	bring_up(1u << 13);
	zeroes(VIRTIO_BLK_T_WRITE_ZEROES, good, VIRTIO_BLK_S_UNSUPP);
	bring_up(1u << 14);
	zeroes(VIRTIO_BLK_T_DISCARD, good, VIRTIO_BLK_S_UNSUPP);
	bring_up(BOTH);
	refuse_both((struct virtio_blk_range){ 1, 1, 2 }, VIRTIO_BLK_S_UNSUPP);
	refuse_both((struct virtio_blk_range){ 1, 1, 1u << 31 },
		    VIRTIO_BLK_S_UNSUPP);
	zeroes(VIRTIO_BLK_T_DISCARD, (struct virtio_blk_range){ 1, 1, 1 },
	       VIRTIO_BLK_S_UNSUPP);
	refuse_both((struct virtio_blk_range){ SECTORS, 1, 0 },
		    VIRTIO_BLK_S_IOERR);
	refuse_both((struct virtio_blk_range){ SECTORS - 1, 2, 0 },
		    VIRTIO_BLK_S_IOERR);
	refuse_both((struct virtio_blk_range){ UINT64_MAX, 2, 0 },
		    VIRTIO_BLK_S_IOERR);
	ranges(VIRTIO_BLK_T_DISCARD, &good, 0, 0);
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_IOERR);
	ranges(VIRTIO_BLK_T_DISCARD, &good, 15, 0);
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_IOERR);
	ranges(VIRTIO_BLK_T_DISCARD, many, sizeof(many), 0);
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_IOERR);
	/* all are checked before the first is done */
	many[0] = good;
	many[1] = (struct virtio_blk_range){ SECTORS, 1, 0 };
	ranges(VIRTIO_BLK_T_WRITE_ZEROES, many, 32, 0);
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_IOERR);
	v.disk.read_only = true;
	refuse_both(good, VIRTIO_BLK_S_IOERR);
	assert_int_equal(reg_get(0x100 + 36), 0);
	reg(0x14, 0);
	assert_int_equal(reg_get(0x10) & BOTH, 0);
	zeroed_only(0, 0);
	v.disk.read_only = false;
	v.disk.sectors = 1u << 20; /* longer than is said to be taken */
	bring_up(BOTH);
	refuse_both((struct virtio_blk_range){ 1, 2049, 0 },
		    VIRTIO_BLK_S_IOERR);
	unshared[(DATA + 4096) / 4096] = true;
	header(VIRTIO_BLK_T_DISCARD, 0);
	desc(0, HDR, 16, 1, 1);
	desc(1, DATA + 4096, 16, 1, 2);
	submit(0);
	work();
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_IOERR);
}

static void slow_end(unsigned i, uint64_t sector, uint32_t bytes)
{
	assert_int_equal(nr_slow, i + 1);
	assert_int_equal(memory[STATUS], 0xee);
	assert_int_equal(slow[i]->op, BLK_WRITE);
	assert_int_equal(slow[i]->sector, sector);
	assert_int_equal(slow[i]->bytes, bytes);
	for (uint32_t n = 0; n < slow[i]->nsegs; n++) {
		assert_ptr_equal(slow[i]->seg[n].va, disk);
		assert_int_equal(slow[i]->seg[n].dev.v, 0x7000);
		assert_in_range(slow[i]->seg[n].len, 512, 4096);
	}
	blk_complete(&slow_dev, slow[i], BLK_OK);
}

/* A partition takes zeroes in steps, and ignores a discard. */
static void test_slow_zeroes(void **state)
{
	static const struct virtio_blk_range r[] = { { 2, 33, 0 },
						     { 50, 0, 0 },
						     { 60, 3, 1 } };

	(void)state;
	v.disk = (struct vdisk){ .kind = VDISK_PART,
				 .sectors = 100,
				 .dev = &slow_dev,
				 .zeroes = { disk, { 0x7000 }, 4096 },
				 .first = 10 };
	bring_up(BOTH);
	ranges(VIRTIO_BLK_T_DISCARD, r, 16, 16);
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
	assert_int_equal(nr_slow, 0);
	ranges(VIRTIO_BLK_T_WRITE_ZEROES, r, sizeof(r), 20);
	slow_end(0, 70, 1536);
	slow_end(1, 12, 8192);
	slow_end(2, 28, 8192);
	slow_end(3, 44, 512);
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
	ranges(VIRTIO_BLK_T_WRITE_ZEROES, r, sizeof(r), 0);
	assert_int_equal(nr_slow, 5);
	blk_complete(&slow_dev, slow[4], BLK_EIO);
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_IOERR);
	assert_int_equal(nr_slow, 5);
	assert_int_equal(v.dev.running, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_zeroes, setup),
		cmocka_unit_test_setup(test_zeroes_refused, setup),
		cmocka_unit_test_setup(test_slow_zeroes, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
