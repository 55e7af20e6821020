/* SPDX-License-Identifier: BSD-2-Clause */
/* Sectors of a FAT32 volume, the few that are kept, and the dirty marks. */
#include "fat/fat_int.h"

#define BOOT_STATE 65u /* BS_Reserved1: bit 0 is the dirty one */
#define FSINFO_FREE 488u
#define FSINFO_NEXT 492u

static enum fat_status sectors_write(struct fat_vol *v, uint64_t sector,
				     const void *from, uint32_t count)
{
	if (v->failed)
		return FAT_EIO;
	if (v->io.write(v->io.ctx, sector, from, count))
		return FAT_OK;
	v->failed = true;
	return FAT_EIO;
}

static enum fat_status buf_write(struct fat_vol *v, struct fat_buf *b)
{
	if (!b->dirty)
		return FAT_OK;
	for (uint32_t i = 0; i < v->copies; i++)
		FAT_TRY(sectors_write(v,
				      b->sector + (uint64_t)i * v->fat_sectors,
				      b->data, 1));
	b->dirty = false;
	return FAT_OK;
}

enum fat_status fat_meta(struct fat_vol *v, uint64_t sector, uint8_t **data)
{
	struct fat_buf *b = &v->buf[sector % FAT_BUFS];

	*data = b->data;
	if (b->sector == sector)
		return FAT_OK;
	FAT_TRY(buf_write(v, b));
	b->sector = FAT_NO_SECTOR;
	if (sector >= v->io.sectors)
		return FAT_ECORRUPT;
	if (!v->io.read(v->io.ctx, sector, b->data, 1))
		return FAT_EIO;
	b->sector = sector;
	return FAT_OK;
}

static void forget(struct fat_vol *v, uint64_t sector, uint32_t count)
{
	for (unsigned i = 0; i < FAT_BUFS; i++)
		if (v->buf[i].sector - sector < count)
			v->buf[i].sector = FAT_NO_SECTOR;
}

enum fat_status fat_meta_write(struct fat_vol *v, uint64_t sector,
			       const uint8_t *data)
{
	struct fat_buf *b = &v->buf[sector % FAT_BUFS];

	if (b->sector == sector)
		fat_copy(b->data, data, FAT_SECTOR);
	return sectors_write(v, sector, data, 1);
}

enum fat_status fat_data_read(struct fat_vol *v, uint64_t sector, void *to,
			      uint32_t count)
{
	return v->io.read(v->io.ctx, sector, to, count) ? FAT_OK : FAT_EIO;
}

enum fat_status fat_data_write(struct fat_vol *v, uint64_t sector,
			       const void *from, uint32_t count)
{
	forget(v, sector, count);
	return sectors_write(v, sector, from, count);
}

enum fat_status fat_barrier(struct fat_vol *v)
{
	if (v->failed)
		return FAT_EIO;
	if (v->io.flush(v->io.ctx))
		return FAT_OK;
	v->failed = true;
	return FAT_EIO;
}

enum fat_status fat_table_write(struct fat_vol *v)
{
	for (unsigned i = 0; i < FAT_BUFS; i++)
		FAT_TRY(buf_write(v, &v->buf[i]));
	return FAT_OK;
}

/* What FSInfo says while the volume is dirty: that nothing is known. */
static enum fat_status fsinfo_write(struct fat_vol *v, bool known)
{
	uint8_t *data;

	if (!v->fsinfo)
		return FAT_OK;
	FAT_TRY(fat_meta(v, v->fsinfo, &data));
	fat_put32(data + FSINFO_FREE, known ? v->free : UINT32_MAX);
	fat_put32(data + FSINFO_NEXT, known ? v->next_free : UINT32_MAX);
	return fat_meta_write(v, v->fsinfo, data);
}

static enum fat_status boot_mark(struct fat_vol *v, bool dirty)
{
	uint8_t *data;

	FAT_TRY(fat_meta(v, 0, &data));
	data[BOOT_STATE] = (uint8_t)((data[BOOT_STATE] & ~1) | dirty);
	return fat_meta_write(v, 0, data);
}

static enum fat_status table_mark(struct fat_vol *v, bool dirty)
{
	uint32_t was;
	uint8_t *data;

	FAT_TRY(fat_meta(v, v->fat_start, &data));
	was = le32(data + 4);
	fat_put32(data + 4, dirty ? was & ~FAT_CLEAN_BIT : was | FAT_CLEAN_BIT);
	v->buf[v->fat_start % FAT_BUFS].dirty = true;
	return fat_table_write(v);
}

enum fat_status fat_begin(struct fat_vol *v)
{
	if (v->read_only)
		return FAT_EROFS;
	if (v->failed)
		return FAT_EIO;
	if (v->dirty)
		return FAT_OK;
	FAT_TRY(boot_mark(v, true));
	FAT_TRY(table_mark(v, true));
	FAT_TRY(fsinfo_write(v, false));
	FAT_TRY(fat_barrier(v));
	v->dirty = true;
	return FAT_OK;
}

/* A volume that was dirty when it came stays so: a checker is to see it. */
enum fat_status fat_clean(struct fat_vol *v)
{
	if (!v->dirty)
		return FAT_OK;
	FAT_TRY(fat_table_write(v));
	FAT_TRY(fat_barrier(v));
	for (unsigned i = 0; i < v->nr_nodes; i++)
		if (v->node[i].refs)
			FAT_TRY(fat_node_store(&v->node[i]));
	FAT_TRY(fat_barrier(v));
	for (unsigned i = 0; i < v->nr_nodes; i++)
		if (v->node[i].refs && v->node[i].removed)
			return FAT_OK; /* its chain is orphaned as yet */
	if (v->was_dirty)
		return FAT_OK;
	FAT_TRY(fsinfo_write(v, true));
	FAT_TRY(fat_barrier(v));
	FAT_TRY(table_mark(v, false));
	FAT_TRY(boot_mark(v, false));
	FAT_TRY(fat_barrier(v));
	v->dirty = false;
	return FAT_OK;
}
