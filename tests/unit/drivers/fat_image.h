/* SPDX-License-Identifier: BSD-2-Clause */
/* A small FAT32 volume in memory, whose device can fail. */
#ifndef TESTS_UNIT_DRIVERS_FAT_IMAGE_H
#define TESTS_UNIT_DRIVERS_FAT_IMAGE_H

#include <stdlib.h>
#include <string.h>

#include "fat/fat_int.h"

#define IMAGE_SECTORS 1024u
#define IMAGE_RESERVED 32u
#define IMAGE_TABLE 8u /* sectors of a copy: 1,022 clusters */

struct image {
	uint8_t data[IMAGE_SECTORS * FAT_SECTOR];
	long reads_left, writes_left; /* negative: no end */
	unsigned writes, flushes;
};

static struct image image;

static inline bool image_read(void *ctx, uint64_t sector, void *to,
			      uint32_t count)
{
	(void)ctx;
	if (!image.reads_left || sector > IMAGE_SECTORS ||
	    count > IMAGE_SECTORS - sector)
		return false;
	image.reads_left--;
	memcpy(to, image.data + sector * FAT_SECTOR, count * FAT_SECTOR);
	return true;
}

static inline bool image_write(void *ctx, uint64_t sector, const void *from,
			       uint32_t count)
{
	(void)ctx;
	if (!image.writes_left || sector > IMAGE_SECTORS ||
	    count > IMAGE_SECTORS - sector)
		return false;
	image.writes_left--;
	image.writes++;
	memcpy(image.data + sector * FAT_SECTOR, from, count * FAT_SECTOR);
	return true;
}

static inline bool image_flush(void *ctx)
{
	(void)ctx;
	image.flushes++;
	return true;
}

static inline struct fat_io image_io(void)
{
	return (struct fat_io){ .read = image_read,
				.write = image_write,
				.flush = image_flush,
				.sectors = IMAGE_SECTORS };
}

static inline uint8_t *image_table(uint32_t cluster)
{
	return image.data + IMAGE_RESERVED * FAT_SECTOR + 4 * cluster;
}

static inline uint8_t *image_cluster(uint32_t cluster)
{
	return image.data +
	       (IMAGE_RESERVED + 2 * IMAGE_TABLE + cluster - 2) * FAT_SECTOR;
}

/* A cluster is a sector; the root is cluster 2. */
static inline void image_make(void)
{
	uint8_t *b = image.data;

	memset(&image, 0, sizeof(image));
	image.reads_left = image.writes_left = -1;
	fat_put16(b + 11, FAT_SECTOR);
	b[13] = 1;
	fat_put16(b + 14, IMAGE_RESERVED);
	b[16] = 2;
	fat_put32(b + 32, IMAGE_SECTORS);
	fat_put32(b + 36, IMAGE_TABLE);
	fat_put32(b + 44, 2);
	fat_put16(b + 48, 1);
	fat_put16(b + 510, 0xaa55);
	fat_put32(b + 512, 0x41615252);
	fat_put32(b + 512 + 484, 0x61417272);
	fat_put16(b + 1022, 0xaa55);
	for (unsigned copy = 0; copy < 2; copy++) {
		uint8_t *t = image_table(0) + copy * IMAGE_TABLE * FAT_SECTOR;

		fat_put32(t, 0x0ffffff8);
		fat_put32(t + 4, 0x0fffffff);
		fat_put32(t + 8, 0x0fffffff);
	}
}

#endif
