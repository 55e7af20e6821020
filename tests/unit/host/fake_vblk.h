/* SPDX-License-Identifier: BSD-2-Clause */
/* A block device over a disk in memory, its driver, and a slow disk. */
#ifndef TESTS_UNIT_HOST_FAKE_VBLK_H
#define TESTS_UNIT_HOST_FAKE_VBLK_H

#include "host/vblk.h"
#include "host/vfile.h"

#include "fake_guest.h"
#include "fake_pages.h"

#define SECTORS 64u
#define HDR 0x4000u
#define STATUS 0x4100u
#define DATA 0x8000u
#define BOTH (1u << 13 | 1u << 14) /* DISCARD and WRITE_ZEROES */

/* ---- a slow disk: requests end when the test says so ---- */

static struct blk_req *slow[VBLK_IOS];
static unsigned nr_slow;

static enum blk_status slow_start(struct blk_dev *dev, struct blk_req *req)
{
	(void)dev;
	slow[nr_slow++] = req;
	return BLK_OK;
}

static bool slow_reset(struct blk_dev *dev)
{
	(void)dev;
	return true;
}

static const struct blk_ops slow_ops = { .start = slow_start,
					 .reset = slow_reset };

static uint64_t now_ns(struct env *e)
{
	(void)e;
	return 1;
}

static void said(struct env *e, const char *fmt, ...) {}

static struct env env = { .now_ns = now_ns, .log = said };
static struct blk_dev slow_dev = { .ops = &slow_ops,
				   .env = &env,
				   .driver = "slow",
				   .sectors = 1000,
				   .max_segs = BLK_SEGS,
				   .max_bytes = 8192 };

/* ---- a file: pieces of four sectors, the last one first ---- */

uint64_t vfile_at(const struct vfile *f, uint64_t sector, uint64_t *count)
{
	assert_true(sector < SECTORS && *count <= SECTORS - sector);
	if (*count > 4 - sector % 4)
		*count = 4 - sector % 4;
	return SECTORS - 4 - sector / 4 * 4 + sector % 4;
}

/* ---- the device and its driver ---- */

static uint8_t disk[SECTORS * 512];
static struct vblk v;

void vblk_free(struct vdev *d) { assert_ptr_equal(d, &v.dev); }

static inline void header(uint32_t type, uint64_t sector)
{
	struct virtio_blk_hdr h = { type, 0, sector };

	memcpy(memory + HDR, &h, sizeof(h));
	memory[STATUS] = 0xee;
}

static inline int setup(void **state)
{
	(void)state;
	memset(&v, 0, sizeof(v));
	for (unsigned i = 0; i < sizeof(disk); i++)
		disk[i] = (uint8_t)(i * 7 + i / 512);
	v.disk = (struct vdisk){ .kind = VDISK_RAM,
				 .sectors = SECTORS,
				 .ram = disk };
	strcpy(v.dev.name, "data");
	vblk_init(&v);
	guest_begin(&v.dev);
	nr_slow = 0;
	slow_dev.queued = slow_dev.running = (struct blk_list){ NULL, NULL };
	return 0;
}

#endif
