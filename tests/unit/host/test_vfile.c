/* SPDX-License-Identifier: BSD-2-Clause */
/* Files as disks: where their pieces are, who may use them, and damage. */
/* TEST-SRC: drivers/host/vfile.c drivers/fat/fat.c drivers/fat/fat_dir.c */
/* TEST-SRC: drivers/fat/fat_file.c drivers/fat/fat_io.c */
/* TEST-SRC: drivers/fat/fat_name.c drivers/fat/fat_node.c */
/* TEST-SRC: drivers/fat/fat_rename.c drivers/fat/fat_slot.c */
/* TEST-SRC: drivers/fat/fat_table.c drivers/fat/fat_time.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/fat_image.h"
#include "host/folders.h"
#include "host/vfile.h"
#include "kit/mm.h"

static struct fat_vol *vol;
static struct fat_node *root;
static const struct vdisk disk;
static unsigned opened, fails_at;
static long in_use;

/* ---- around it ---- */

struct fat_node *folders_file(const char *source, const char **why)
{
	struct fat_node *n;

	*why = "there is no such file";
	if (fat_lookup(root, source, &n) != FAT_OK)
		return NULL;
	opened++;
	return n;
}

const struct vdisk *folders_disk(const struct fat_node *n) { return &disk; }

void folders_close(struct fat_node *n)
{
	assert_int_equal(fat_put(n), FAT_OK);
	opened--;
}

void *kit_calloc(size_t n, size_t size)
{
	if (fails_at && !--fails_at)
		return NULL;
	in_use++;
	return calloc(n, size);
}

void *kit_realloc(void *p, size_t n)
{
	if (fails_at && !--fails_at)
		return NULL;
	in_use += !p;
	return realloc(p, n);
}

void kit_free(void *p)
{
	in_use -= p != NULL;
	free(p);
}

static int setup(void **state)
{
	struct fat_io io;

	(void)state;
	image_make();
	io = image_io();
	vol = malloc(sizeof(*vol));
	assert_null(fat_mount(vol, &io, false));
	assert_int_equal(fat_root(vol, &root), FAT_OK);
	fails_at = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(opened, 0);
	assert_int_equal(in_use, 0);
	image.reads_left = image.writes_left = -1;
	free(vol);
	return 0;
}

static void add(const char *name, uint32_t sectors)
{
	uint8_t data[512];
	struct fat_node *n;

	if (fat_lookup(root, name, &n) != FAT_OK)
		assert_int_equal(fat_create(root, name, &n), FAT_OK);
	for (; sectors--;) {
		memset(data, name[0], sizeof(data));
		fat_put32(data, n->size / 512);
		assert_int_equal(fat_write(n, n->size, data, 512), FAT_OK);
	}
	assert_int_equal(fat_put(n), FAT_OK);
}

static struct vfile *opens(const char *name, bool writes)
{
	const char *why = "";
	struct vfile *f = vfile_open(name, writes, &why);

	assert_non_null(f);
	assert_ptr_equal(f->volume, &disk);
	return f;
}

static void refused(const char *name, bool writes, const char *wanted)
{
	const char *why = "";
	unsigned before = opened;
	long memory = in_use;

	assert_null(vfile_open(name, writes, &why));
	assert_string_equal(why, wanted);
	assert_int_equal(opened, before);
	assert_int_equal(in_use, memory);
}

/* Each sector is where its number stands, and so are those that follow it. */
static void right(const struct vfile *f, char name)
{
	for (uint64_t s = 0; s < f->sectors; s++) {
		uint64_t count = f->sectors - s;
		uint64_t at = vfile_at(f, s, &count);

		assert_in_range(count, 1, f->sectors - s);
		for (uint64_t i = 0; i < count; i++) {
			const uint8_t *p = image.data + (at + i) * 512;

			assert_int_equal(le32(p), s + i);
			assert_int_equal(p[4], name);
		}
		count = 1;
		assert_int_equal(vfile_at(f, s, &count), at);
		assert_int_equal(count, 1);
	}
}

/* ---- pieces ---- */

static void test_one_piece(void **state)
{
	struct vfile *f;

	(void)state;
	add("a", 200);
	f = opens("a", true);
	assert_int_equal(f->sectors, 200);
	assert_int_equal(f->nr_extents, 1);
	right(f, 'a');
	vfile_close(f);
}

static void test_many_pieces(void **state)
{
	struct vfile *f;

	(void)state;
	srand(4);
	for (unsigned i = 0; i < 150; i++) {
		add("a", 1 + (unsigned)rand() % 3);
		add("b", 1 + (unsigned)rand() % 2);
	}
	f = opens("a", false);
	assert_in_range(f->nr_extents, 100, 150);
	right(f, 'a');
	vfile_close(f);
	f = opens("b", false);
	right(f, 'b');
	vfile_close(f);
	for (unsigned i = 1; i < 5; i++) {
		fails_at = i;
		refused("a", true,
			i == 1 ? "no memory for the file" :
				 "no memory for where the file's pieces are");
	}
}

/* ---- who may use it ---- */

static void test_users(void **state)
{
	struct vfile *f, *g;
	struct fat_node *n;
	long reads;

	(void)state;
	add("a", 300);
	add("b", 3);
	f = opens("a", false);
	image.reads_left = reads = 100;
	g = opens("A", false); /* the same: nothing of its chain is read */
	assert_true(reads - image.reads_left <= 1);
	assert_ptr_equal(f, g);
	refused("a", true, "the file is in use");
	vfile_close(g);
	refused("a", true, "the file is in use");
	vfile_close(f);
	f = opens("a", true);
	refused("a", false, "the file is in use");
	refused("A", true, "the file is in use");
	g = opens("b", true);
	/* nobody else changes it */
	assert_int_equal(fat_lookup(root, "a", &n), FAT_OK);
	assert_int_equal(fat_write(n, 0, "x", 1), FAT_EBUSY);
	assert_int_equal(fat_truncate(n, 0), FAT_EBUSY);
	assert_int_equal(fat_writer_begin(n), FAT_EBUSY);
	assert_int_equal(fat_remove(root, "a"), FAT_EBUSY);
	assert_int_equal(fat_rename(root, "a", root, "c"), FAT_EBUSY);
	add("d", 1);
	assert_int_equal(fat_rename(root, "d", root, "a"), FAT_EBUSY);
	vfile_close(f);
	vfile_close(g);
	assert_int_equal(fat_writer_begin(n), FAT_OK);
	refused("a", false, "the file is in use");
	fat_writer_end(n);
	f = opens("a", false);
	vfile_close(f);
	assert_int_equal(fat_put(n), FAT_OK);
	assert_int_equal(fat_remove(root, "a"), FAT_OK);
}

/* ---- what cannot be a disk ---- */

static void test_refused(void **state)
{
	struct fat_node *n;
	uint32_t c;

	(void)state;
	refused("none", false, "there is no such file");
	assert_int_equal(fat_create(root, "e", &n), FAT_OK);
	refused("e", false, "the file's size is not some sectors");
	assert_int_equal(fat_write(n, 0, "odd", 3), FAT_OK);
	refused("e", false, "the file's size is not some sectors");
	assert_int_equal(fat_truncate(n, 512 * 300), FAT_OK);
	c = n->first;
	assert_int_equal(fat_put(n), FAT_OK);
	assert_int_equal(fat_clean(vol), FAT_OK);
	/* its chain ends early, leaves the volume, or cannot be read */
	for (unsigned i = 0; i < 3; i++) {
		struct fat_io io = image_io();
		uint32_t was = le32(image_table(c + 200));

		assert_null(fat_mount(vol, &io, false));
		assert_int_equal(fat_root(vol, &root), FAT_OK);
		fat_put32(image_table(c + 200), i ? 0x0ffffff0 : 0x0fffffff);
		if (i == 2)
			image.reads_left = 1;
		refused("e", true,
			i == 2 ? "the device failed" : "the volume is damaged");
		image.reads_left = -1;
		fat_put32(image_table(c + 200), was);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_piece, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_many_pieces, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_users, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
