/* SPDX-License-Identifier: BSD-2-Clause */
/* FAT32: volumes that are damaged anywhere are walked, read and written to. */
/* TEST-SRC: drivers/fat/fat.c drivers/fat/fat_dir.c drivers/fat/fat_file.c */
/* TEST-SRC: drivers/fat/fat_io.c drivers/fat/fat_name.c */
/* TEST-SRC: drivers/fat/fat_node.c drivers/fat/fat_rename.c */
/* TEST-SRC: drivers/fat/fat_slot.c drivers/fat/fat_table.c */
/* TEST-SRC: drivers/fat/fat_time.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fat_image.h"

#define ROUNDS 4000u
#define DEPTH 6u

static struct fat_vol *vol;
static uint64_t seed = 1;
static uint32_t last_used; /* cluster of the whole volume's */
static unsigned mounted, entries;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

static const char *mount(void)
{
	struct fat_io io = image_io();

	return fat_mount(vol, &io, false);
}

/* Some folders in each other, with files of all kinds. */
static void fill(void)
{
	struct fat_node *dir, *n;
	char name[64];

	image_make();
	assert_null(mount());
	fat_root(vol, &dir);
	for (unsigned depth = 0; depth < 3; depth++) {
		for (unsigned i = 0; i < 8; i++) {
			sprintf(name, i % 2 ? "F%u" : "a longer file name %u",
				i);
			assert_int_equal(fat_create(dir, name, &n), FAT_OK);
			assert_int_equal(fat_write(n, 0, image.data, i * 500),
					 FAT_OK);
			fat_put(n);
		}
		assert_int_equal(fat_mkdir(dir, "folder", &n), FAT_OK);
		fat_put(dir);
		dir = n;
	}
	fat_put(dir);
	assert_int_equal(fat_clean(vol), FAT_OK);
	last_used = vol->next_free;
}

static void damage_one(void)
{
	static const uint8_t field[] = { 0, 0, 11, 13, 20, 26, 27, 28 };
	uint32_t cluster = 2 + rnd(last_used);
	uint8_t *entry = image_cluster(cluster) + 32 * rnd(16);
	uint8_t *at = entry + (rnd(2) ? field[rnd(8)] : rnd(32));

	switch (rnd(8)) {
	case 0:
		image.data[rnd(1024)] = (uint8_t)rnd(256);
		break;
	case 1:
		fat_put32(image_table(cluster), rnd(last_used + 2));
		break;
	case 2:
		fat_put32(image_table(cluster), 0x0ffffff0 + rnd(16));
		break;
	case 3:
		*entry = (uint8_t)(rnd(2) ? 0x40 | rnd(64) : rnd(32));
		break;
	default:
		*at = rnd(3) ? (uint8_t)rnd(256) : *at ^ 0x10;
	}
}

static void damage(void)
{
	for (unsigned n = 1 + rnd(rnd(2) ? 3 : 60); n; n--)
		damage_one();
}

static void use(struct fat_node *dir, struct fat_node *n, const char *name)
{
	static uint8_t data[6000];
	struct fat_node *made;
	uint32_t done;

	switch (rnd(12)) {
	case 0:
		fat_remove(dir, name);
		break;
	case 1:
		fat_rename(dir, name, dir, "another name than before");
		break;
	case 2:
		if (fat_create(dir, "made", &made) == FAT_OK)
			fat_put(made);
		break;
	case 3:
		if (fat_mkdir(dir, "made as a folder", &made) == FAT_OK)
			fat_put(made);
		break;
	case 4:
		fat_write(n, rnd(5000), data, rnd(3000));
		break;
	case 5:
		fat_truncate(n, rnd(5000));
		break;
	default:
		fat_read(n, rnd(2) ? 0 : rnd(9000), data, sizeof(data), &done);
	}
}

static void walk(struct fat_node *dir, unsigned depth)
{
	struct fat_item item = { .next = 0 };
	unsigned limit = 100;

	while (limit-- && fat_list(dir, item.next, &item) == FAT_OK) {
		struct fat_node *n;

		entries++;
		if (fat_lookup(dir, item.name, &n) != FAT_OK)
			continue;
		if (fat_is_dir(n) && depth < DEPTH)
			walk(n, depth + 1);
		use(dir, n, item.name);
		fat_put(n);
	}
}

static void test_damaged(void **state)
{
	struct image *whole = malloc(sizeof(image));

	(void)state;
	vol = malloc(sizeof(*vol));
	fill();
	*whole = image;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct fat_node *root;

		image = *whole;
		damage();
		if (mount())
			continue;
		mounted++;
		assert_int_equal(fat_root(vol, &root), FAT_OK);
		walk(root, 0);
		fat_put(root);
		for (unsigned n = 0; n < FAT_NODES; n++)
			assert_int_equal(vol->node[n].refs, 0);
		fat_clean(vol);
	}
	assert_true(mounted > ROUNDS / 2 && entries > ROUNDS * 10);
	free(whole);
	free(vol);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
