/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual disks are made as configured, in constant time from a template, and
 * never disturb each other. */
/* TEST-SRC: drivers/host/vdisk_make.c drivers/host/vdisk.c drivers/host/overlay.c drivers/block.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/disks.h"
#include "host/guard.h"
#include "host/guest.h"
#include "host/host.h"
#include "host/vdisk_make.h"
#include "host/vfile.h"
#include "kit/console.h"

#include "fake_pages.h"

/* ---- around it ---- */

static uint64_t now_ns(struct env *e) { return 1; }

static void log_nothing(struct env *e, const char *fmt, ...) {}

static struct env env = { .now_ns = now_ns, .log = log_nothing };
static struct blk_dev dev = { .driver = "fake",
			      .env = &env,
			      .sectors = 1ull << 40,
			      .max_segs = 1,
			      .max_bytes = 4096 };
static unsigned nr_mallocs, malloc_fails_at;
static long mallocs_in_use;
static char printed[400];
static uint8_t module[1536];
static size_t module_size;
static struct cfg_guest cfg_guest = { .name = "g" };
static struct guest guest = { .cfg = &cfg_guest };

bool disks_part(const char *name, struct disk_range *r)
{
	uint64_t count = !strcmp(name, "small") ? 2048 :
			 !strcmp(name, "big")	? 1ull << 31 :
						  0;

	*r = (struct disk_range){ &dev, count == 2048 ? 34 : 5000, count };
	return count;
}

bool disks_whole(unsigned number, struct disk_range *r)
{
	*r = (struct disk_range){ &dev, 0, dev.sectors };
	return number == 1;
}

struct blk_seg disks_zeroes(void) { return (struct blk_seg){ .len = 4096 }; }

const void *host_file(const char *name, size_t *size)
{
	*size = module_size;
	return strcmp(name, "absent.img") ? module : NULL;
}

static struct vdisk volume = { .dev = &dev, .first = 7 };
static struct vfile file = { .volume = &volume, .sectors = 20 };
static unsigned nr_files;
static bool file_writes;

struct vfile *vfile_open(const char *source, bool writes, const char **why)
{
	*why = "no file";
	if (strcmp(source, "p/f"))
		return NULL;
	nr_files++;
	file_writes = writes;
	return &file;
}

void vfile_close(struct vfile *f) { nr_files--; }

uint64_t vfile_at(const struct vfile *f, uint64_t sector, uint64_t *count)
{
	return 100 + sector;
}

struct guest *guests_nth(unsigned i) { return &guest; }

void *kit_calloc(size_t n, size_t size)
{
	nr_mallocs++;
	if (malloc_fails_at && !--malloc_fails_at)
		return NULL;
	mallocs_in_use++;
	return calloc(n, size);
}

void kit_free(void *p)
{
	mallocs_in_use -= p != NULL;
	free(p);
}

void kit_printf(const char *fmt, ...)
{
	size_t n = strlen(printed);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(printed + n, sizeof(printed) - n, fmt, ap);
	va_end(ap);
}

int kit_format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

bool guard_copy(void *to, const void *from, size_t n)
{
	memcpy(to, from, n);
	return true;
}

/* No disk is read while one is opened, of whatever size. */
static unsigned nr_started;
static uint64_t last_sector;

static enum blk_status start(struct blk_dev *d, struct blk_req *req)
{
	nr_started++;
	last_sector = req->sector;
	return BLK_EIO;
}

static const struct blk_ops ops = { .start = start };

static int setup(void **state)
{
	(void)state;
	dev.ops = &ops;
	dev.read_only = false;
	module_size = 1024;
	printed[0] = 0;
	malloc_fails_at = pages_fail_at = 0;
	pages_left = 100000;
	for (unsigned i = 0; i < sizeof(module); i++)
		module[i] = (uint8_t)(i / 3);
	return 0;
}

static int end(void **state)
{
	(void)state;
	assert_int_equal(pages_in_use, 0);
	assert_int_equal(mallocs_in_use, 0);
	return 0;
}

static struct cfg_vdev cfg(enum cfg_disk_kind kind, const char *source,
			   enum cfg_disk_mode mode)
{
	struct cfg_vdev c = {
		.name = "d", .kind = kind, .mode = mode, .overlay_bytes = 8192
	};

	strcpy(c.source, source);
	return c;
}

static const char *part(struct vdisk *d, const char *name,
			enum cfg_disk_mode mode, bool alone)
{
	static struct cfg_vdev c;

	c = cfg(DISK_PART, name, mode);
	return vdisk_open(d, &c, alone);
}

/* ---- from a template ---- */

struct cost {
	unsigned pages, mallocs, requests;
};

static struct cost cost_of(const char *template, uint64_t sectors)
{
	unsigned pages = pages_given, mallocs = nr_mallocs, n = nr_started;
	struct vdisk d;
	struct cost c;

	assert_null(part(&d, template, DISK_OVERLAY, false));
	assert_int_equal(d.sectors, sectors);
	c = (struct cost){ pages_given - pages, nr_mallocs - mallocs,
			   nr_started - n };
	vdisk_close(&d);
	return c;
}

/* 1 MiB and 1 TiB cost the same: one small piece of memory, no page, nothing of
 * the disk. */
static void test_constant_time(void **state)
{
	struct cost small = cost_of("small", 2048);
	struct cost big = cost_of("big", 1ull << 31);

	(void)state;
	assert_memory_equal(&small, &big, sizeof(small));
	assert_int_equal(big.pages, 0);
	assert_int_equal(big.mallocs, 1);
	assert_int_equal(big.requests, 0);
}

static void ended(struct blk_req *req, enum blk_status status)
{
	*(enum blk_status *)req->arg = status;
}

static enum blk_status move(struct vdisk *d, enum blk_op op, uint64_t sector,
			    uint8_t *bytes)
{
	enum blk_status status = BLK_EBUSY;
	struct blk_seg seg = { .va = bytes, .len = 512 };
	struct blk_req req = { .op = op,
			       .sector = sector,
			       .nsegs = 1,
			       .seg = &seg,
			       .done = ended,
			       .arg = &status };

	vdisk_submit(d, &req);
	return status;
}

static void test_overlay(void **state)
{
	struct cfg_vdev c = cfg(DISK_RAM, "m", DISK_OVERLAY);
	uint8_t a[512], b[512];
	struct vdisk one, two;

	(void)state;
	assert_null(vdisk_open(&one, &c, false));
	assert_null(vdisk_open(&two, &c, false));
	assert_int_equal(pages_in_use, 0);
	memset(a, 0x77, sizeof(a));
	assert_int_equal(move(&one, BLK_WRITE, 1, a), BLK_OK);
	assert_int_equal(move(&one, BLK_READ, 1, b), BLK_OK);
	assert_memory_equal(a, b, 512);
	assert_int_equal(move(&two, BLK_READ, 1, b), BLK_OK);
	assert_memory_equal(b, module + 512, 512);
	assert_string_equal(printed, "");
	two.over->limit = 1;
	assert_int_equal(move(&two, BLK_WRITE, 0, a), BLK_EIO);
	assert_int_equal(move(&two, BLK_WRITE, 0, a), BLK_EIO);
	assert_string_equal(printed,
			    "host: guest g: disk d: its overlay is full, with "
			    "4 KiB: writes fail\n");
	assert_int_equal(move(&two, BLK_FLUSH, 0, a), BLK_EINVAL);
	vdisk_close(&one);
	vdisk_close(&two);
	malloc_fails_at = 1;
	assert_string_equal(vdisk_open(&one, &c, false),
			    "no memory for the overlay");
	c.kind = DISK_PART;
	strcpy(c.source, "big");
	malloc_fails_at = 1;
	assert_string_equal(vdisk_open(&one, &c, false),
			    "no memory for the overlay");
	assert_null(part(&two, "big", DISK_WRITES, true)); /* it has let go */
	vdisk_close(&two);
}

/* ---- memory ---- */

static void test_files(void **state)
{
	struct cfg_vdev c = cfg(DISK_RAM, "m", DISK_WRITES);
	uint8_t a[512] = { 0 };
	struct vdisk d;

	(void)state;
	assert_null(vdisk_open(&d, &c, false));
	assert_int_equal(move(&d, BLK_WRITE, 0, a), BLK_OK);
	assert_int_equal(module[300], 100);
	vdisk_close(&d);
	c.mode = DISK_READS;
	assert_null(vdisk_open(&d, &c, false));
	assert_ptr_equal(d.ram, module);
	assert_true(d.read_only);
	assert_int_equal(move(&d, BLK_WRITE, 0, a), BLK_EINVAL);
	assert_int_equal(move(&d, BLK_READ, 2, a), BLK_EINVAL);
	vdisk_close(&d);
	module_size = 1025; /* what lies behind it is none of the disk's */
	assert_null(vdisk_open(&d, &c, false));
	assert_int_equal(d.sectors, 3);
	assert_int_equal(move(&d, BLK_READ, 2, a), BLK_OK);
	assert_int_equal(a[0], 1024 / 3 % 256);
	assert_int_equal(a[1], 0);
	vdisk_close(&d);
	pages_fail_at = 1;
	assert_string_equal(vdisk_open(&d, &c, false),
			    "no memory for a disk of that size");
	module_size = 0;
	assert_non_null(vdisk_open(&d, &c, false));
	strcpy(c.source, "absent.img");
	assert_string_equal(vdisk_open(&d, &c, false), "there is no such file");
	assert_non_null(part(&d, "absent", DISK_WRITES, false));
	assert_string_equal(printed, "");
	module_size = 512;
	assert_null(part(&d, "other", DISK_WRITES, false));
	assert_string_equal(printed, "host: no partition other on a disk: "
				     "using a copy in memory of other.img\n");
	vdisk_close(&d);
	printed[0] = 0;
	assert_null(part(&d, "other", DISK_OVERLAY, false));
	assert_string_equal(printed, "host: no partition other on a disk: "
				     "using other.img\n");
	vdisk_close(&d);
}

/* ---- two that use the same sectors ---- */

static const char in_use[] = "it is in use, at least in part";
static const char written[] = "somebody writes to it, at least in part";

static void both(enum cfg_disk_mode a, bool a_alone, enum cfg_disk_mode b,
		 const char *wanted)
{
	struct vdisk one, two, other;
	const char *why;

	assert_null(part(&one, "small", a, a_alone));
	assert_null(part(&other, "big", DISK_WRITES, true));
	why = part(&two, "small", b, false);
	if (wanted)
		assert_string_equal(why, wanted);
	else
		assert_null(why);
	if (!why)
		vdisk_close(&two);
	vdisk_close(&one);
	assert_null(part(&one, "small", DISK_WRITES, true));
	vdisk_close(&one);
	vdisk_close(&other);
}

static void test_use(void **state)
{
	(void)state;
	both(DISK_WRITES, false, DISK_WRITES, NULL);
	both(DISK_WRITES, true, DISK_WRITES, in_use);
	both(DISK_WRITES, false, DISK_READS, written);
	both(DISK_WRITES, false, DISK_OVERLAY, written);
	both(DISK_READS, false, DISK_WRITES, in_use);
	both(DISK_OVERLAY, false, DISK_WRITES, in_use);
	both(DISK_OVERLAY, false, DISK_OVERLAY, NULL);
	both(DISK_OVERLAY, false, DISK_READS, NULL);
	dev.read_only = true; /* nobody can write to it */
	both(DISK_WRITES, true, DISK_OVERLAY, NULL);
}

/* ---- ranges ---- */

static const char *range(struct vdisk *d, uint64_t first, uint64_t count,
			 enum cfg_disk_mode mode)
{
	struct cfg_vdev c = cfg(DISK_RANGE, "", mode);

	c.disk = 1;
	c.first = first;
	c.count = count;
	return vdisk_open(d, &c, false);
}

static void range_with(enum cfg_disk_mode mode, uint64_t first, uint64_t count,
		       const char *wanted)
{
	struct vdisk d;
	const char *why = range(&d, first, count, mode);

	if (!wanted)
		assert_null(why);
	else
		assert_string_equal(why, wanted);
	if (!why)
		vdisk_close(&d);
}

static void test_ranges(void **state)
{
	static const char outside[] = "the range lies outside of the disk";
	struct cfg_vdev c = cfg(DISK_RANGE, "", DISK_WRITES);
	uint64_t all = dev.sectors;
	struct vdisk d, other;

	(void)state;
	assert_string_equal(vdisk_open(&d, &c, false),
			    "there is no disk of that number");
	range_with(DISK_WRITES, 0, all + 1, outside);
	range_with(DISK_WRITES, 1, all, outside);
	range_with(DISK_WRITES, all, 1, outside);
	range_with(DISK_WRITES, UINT64_MAX, 2, outside);
	range_with(DISK_WRITES, 2, UINT64_MAX, outside);
	range_with(DISK_WRITES, 0, all, NULL);
	range_with(DISK_READS, all - 1, 1, NULL);
	/* the partition has sectors 34 to 2081 */
	assert_null(part(&d, "small", DISK_WRITES, false));
	range_with(DISK_WRITES, 0, 34, NULL);
	range_with(DISK_WRITES, 0, 35, in_use);
	range_with(DISK_WRITES, 2081, 9, in_use);
	range_with(DISK_WRITES, 34, 2048, in_use);
	range_with(DISK_READS, 100, 1, written);
	range_with(DISK_OVERLAY, 0, all, written);
	range_with(DISK_WRITES, 2082, 9, NULL);
	vdisk_close(&d);
	assert_null(part(&d, "small", DISK_READS, false));
	range_with(DISK_READS, 100, 1, NULL);
	range_with(DISK_OVERLAY, 0, all, NULL);
	range_with(DISK_WRITES, 0, 35, in_use);
	vdisk_close(&d);
	assert_null(range(&d, 50, 10, DISK_WRITES));
	range_with(DISK_WRITES, 50, 10, in_use); /* as a range, one alone */
	assert_string_equal(part(&other, "small", DISK_WRITES, false), in_use);
	vdisk_close(&d);
}

/* A range is served from its first sector on, and no further. */
static void test_range_sectors(void **state)
{
	uint8_t a[512];
	struct vdisk d;

	(void)state;
	assert_null(range(&d, 1000, 10, DISK_WRITES));
	assert_int_equal(d.sectors, 10);
	assert_int_equal(move(&d, BLK_READ, 9, a), BLK_EIO);
	assert_int_equal(last_sector, 1009);
	assert_int_equal(move(&d, BLK_READ, 10, a), BLK_EINVAL);
	assert_int_equal(last_sector, 1009);
	vdisk_close(&d);
}

static void test_vfiles(void **state)
{
	struct cfg_vdev c = cfg(DISK_FILE, "p/f", DISK_WRITES);
	uint8_t a[512];
	struct vdisk d;

	(void)state;
	assert_null(vdisk_open(&d, &c, false));
	assert_true(file_writes);
	assert_int_equal(d.sectors, 20);
	assert_int_equal(move(&d, BLK_WRITE, 19, a), BLK_EIO);
	assert_int_equal(last_sector, 126);
	assert_int_equal(move(&d, BLK_READ, 20, a), BLK_EINVAL);
	vdisk_close(&d);
	assert_int_equal(nr_files, 0);
	c.mode = DISK_OVERLAY;
	assert_null(vdisk_open(&d, &c, false));
	assert_false(file_writes);
	assert_int_equal(move(&d, BLK_WRITE, 5, a), BLK_OK);
	assert_int_equal(move(&d, BLK_READ, 5, a), BLK_OK);
	assert_int_equal(move(&d, BLK_READ, 6, a), BLK_EIO);
	assert_int_equal(last_sector, 113);
	vdisk_close(&d);
	assert_int_equal(nr_files, 0);
	malloc_fails_at = 1;
	assert_non_null(vdisk_open(&d, &c, false));
	assert_int_equal(nr_files, 0);
	strcpy(c.source, "p/g");
	assert_string_equal(vdisk_open(&d, &c, false), "no file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_constant_time, setup, end),
		cmocka_unit_test_setup_teardown(test_overlay, setup, end),
		cmocka_unit_test_setup_teardown(test_files, setup, end),
		cmocka_unit_test_setup_teardown(test_use, setup, end),
		cmocka_unit_test_setup_teardown(test_ranges, setup, end),
		cmocka_unit_test_setup_teardown(test_range_sectors, setup, end),
		cmocka_unit_test_setup_teardown(test_vfiles, setup, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
