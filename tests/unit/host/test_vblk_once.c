/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that changes its descriptors, headers and ranges as soon as they have been
 * looked at: what was checked is what is done. */
/* TEST-SRC: drivers/host/vblk.c drivers/host/vblk_quick.c drivers/host/vblk_zero.c drivers/host/vdev.c drivers/host/vdev_regs.c drivers/host/vq.c drivers/host/vdisk.c drivers/host/overlay.c drivers/block.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_vblk.h"

#define TABLE 0x9000u /* indirect */

static uint8_t looks[MEMORY];

/* All but the rings' indices, which are there to be looked at again, and data. */
static bool is_request(uint64_t gpa)
{
	return (gpa >= DESC && gpa < DESC + 16 * QUEUE) ||
	       (gpa >= TABLE && gpa < TABLE + 256) ||
	       (gpa >= HDR && gpa < HDR + 16) ||
	       (gpa >= DATA && gpa < DATA + 64);
}

static void changes(uint64_t gpa, uint64_t n)
{
	for (uint64_t i = gpa; i < gpa + n; i++) {
		if (!is_request(i))
			continue;
		assert_int_equal(looks[i]++, 0);
		memory[i] = (uint8_t)~memory[i];
	}
}

static void begin(uint64_t features)
{
	setup(NULL);
	memset(looks, 0, sizeof(looks));
	guest_window(true); /* every access asks gmem_read */
	bring_up((uint32_t)features);
}

static void run_it(void)
{
	guest_was_read = changes;
	submit(0);
	work();
	guest_was_read = NULL;
	assert_false(needs_reset());
	assert_int_equal(memory[STATUS], VIRTIO_BLK_S_OK);
	assert_int_equal(get16(USED + 2), 1);
}

static void looked_at(uint64_t gpa, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(looks[gpa + i], 1);
}

static void test_descriptors(void **state)
{
	(void)state;
	begin(0);
	header(VIRTIO_BLK_T_IN, 5);
	desc(0, HDR, 16, 1, 1);
	desc(1, DATA + 0x1000, 1024, 3, 2);
	desc(2, STATUS, 1, 2, 0);
	run_it();
	looked_at(DESC, 48);
	looked_at(HDR, 16);
	assert_memory_equal(memory + DATA + 0x1000, disk + 5 * 512, 1024);
}

static void test_indirect(void **state)
{
	(void)state;
	begin(VIRTIO_F_INDIRECT_DESC);
	header(VIRTIO_BLK_T_IN, 7);
	desc(0, HDR, 16, 1, 1);
	desc(1, DATA + 0x1000, 512, 3, 2);
	desc(2, STATUS, 1, 2, 0);
	memcpy(memory + TABLE, memory + DESC, 48);
	desc(0, TABLE, 48, 4, 0);
	run_it();
	looked_at(DESC, 16);
	looked_at(TABLE, 48);
	assert_memory_equal(memory + DATA + 0x1000, disk + 7 * 512, 512);
}

/* A header that descriptors part, and ranges. */
static void test_ranges(void **state)
{
	struct virtio_blk_range r = { 3, 2, 0 };

	(void)state;
	begin(VIRTIO_BLK_F_WRITE_ZEROES);
	header(VIRTIO_BLK_T_WRITE_ZEROES, 0);
	memcpy(memory + DATA, &r, sizeof(r));
	desc(0, HDR, 10, 1, 1);
	desc(1, HDR + 10, 6, 1, 2);
	desc(2, DATA, sizeof(r), 1, 3);
	desc(3, STATUS, 1, 2, 0);
	run_it();
	looked_at(HDR, 16);
	looked_at(DATA, sizeof(r));
	for (unsigned i = 0; i < 2 * 512; i++)
		assert_int_equal(disk[3 * 512 + i], 0);
	assert_int_equal(disk[5 * 512 + 9], (uint8_t)((5 * 512 + 9) * 7 + 5));
}

#define T(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_descriptors),
		T(test_indirect),
		T(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
