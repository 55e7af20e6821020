/* SPDX-License-Identifier: BSD-2-Clause */
/* The file allocation table: chains of clusters. */
#include "fat/fat_int.h"

static uint64_t table_sector(const struct fat_vol *v, uint32_t c)
{
	return v->fat_start + c / FAT_PER_SECTOR;
}

static enum fat_status table_get(struct fat_vol *v, uint32_t c, uint32_t *value)
{
	uint8_t *data;

	FAT_TRY(fat_meta(v, table_sector(v, c), &data));
	*value = le32(data + c % FAT_PER_SECTOR * 4) & FAT_MASK;
	return FAT_OK;
}

/* The upper four bits are not ours (FAT, 4.1). */
static enum fat_status table_set(struct fat_vol *v, uint32_t c, uint32_t value)
{
	uint8_t *data, *p;

	FAT_TRY(fat_meta(v, table_sector(v, c), &data));
	p = data + c % FAT_PER_SECTOR * 4;
	fat_put32(p, (le32(p) & ~FAT_MASK) | value);
	v->buf[table_sector(v, c) % FAT_BUFS].dirty = true;
	return FAT_OK;
}

enum fat_status fat_next(struct fat_vol *v, uint32_t c, uint32_t *next)
{
	FAT_TRY(table_get(v, c, next));
	if (*next >= FAT_EOC_MIN)
		*next = 0;
	else if (!fat_cluster_ok(v, *next) || *next == c)
		return FAT_ECORRUPT;
	return FAT_OK;
}

enum fat_status fat_count_free(struct fat_vol *v)
{
	uint32_t end = v->clusters + 2;
	uint32_t in_bulk = FAT_BULK / 4;

	v->free = 0;
	for (uint32_t at = 0; at < end; at += in_bulk) {
		uint32_t n = end - at < in_bulk ? end - at : in_bulk;

		FAT_TRY(fat_data_read(v, table_sector(v, at), v->bulk,
				      (n + FAT_PER_SECTOR - 1) /
					      FAT_PER_SECTOR));
		for (uint32_t i = at ? 0 : 2; i < n; i++)
			v->free += !(le32(v->bulk + 4 * i) & FAT_MASK);
	}
	return FAT_OK;
}

static enum fat_status find_free(struct fat_vol *v, uint32_t *out)
{
	uint32_t c = v->next_free;

	for (uint32_t i = 0; i < v->clusters; i++, c++) {
		uint32_t value;

		if (!fat_cluster_ok(v, c))
			c = 2;
		FAT_TRY(table_get(v, c, &value));
		if (value)
			continue;
		*out = c;
		v->next_free = c + 1;
		return FAT_OK;
	}
	v->free = 0;
	return FAT_ENOSPC;
}

static enum fat_status unwind(struct fat_vol *v, uint32_t first)
{
	if (first)
		FAT_TRY(fat_free_chain(v, first));
	return FAT_ENOSPC;
}

/* A chain that nothing names as yet; *one: within one sector of the table. */
static enum fat_status new_chain(struct fat_vol *v, uint32_t n, uint32_t *first,
				 uint64_t *sector)
{
	uint32_t last = 0;

	*first = 0;
	for (; n; n--) {
		enum fat_status s;
		uint32_t c;

		s = find_free(v, &c);
		if (s == FAT_ENOSPC)
			return unwind(v, *first);
		FAT_TRY(s);
		FAT_TRY(table_set(v, c, FAT_EOC));
		v->free--;
		if (!last)
			*first = c;
		else
			FAT_TRY(table_set(v, last, c));
		*sector = last && *sector != table_sector(v, c) ?
				  FAT_NO_SECTOR :
				  table_sector(v, c);
		last = c;
	}
	return FAT_OK;
}

enum fat_status fat_extend(struct fat_vol *v, uint32_t tail, uint32_t n,
			   uint32_t *first)
{
	uint64_t sector = FAT_NO_SECTOR;

	if (n > v->free)
		return FAT_ENOSPC;
	FAT_TRY(new_chain(v, n, first, &sector));
	if (tail && sector != table_sector(v, tail)) {
		/* a chain never goes on with clusters that are free as yet */
		FAT_TRY(fat_table_write(v));
		FAT_TRY(fat_barrier(v));
	}
	return tail ? fat_link(v, tail, *first) : fat_table_write(v);
}

enum fat_status fat_link(struct fat_vol *v, uint32_t tail, uint32_t first)
{
	FAT_TRY(table_set(v, tail, first));
	return fat_table_write(v);
}

/* A loop ends where it comes to what is free already. */
enum fat_status fat_free_chain(struct fat_vol *v, uint32_t first)
{
	uint32_t c = first;

	while (fat_cluster_ok(v, c) && c != v->root) {
		uint32_t next;

		FAT_TRY(table_get(v, c, &next));
		if (!next)
			break;
		FAT_TRY(table_set(v, c, 0));
		v->free++;
		if (c < v->next_free)
			v->next_free = c;
		c = next;
	}
	return fat_table_write(v);
}

enum fat_status fat_cut_chain(struct fat_vol *v, uint32_t last)
{
	uint32_t next;

	FAT_TRY(table_get(v, last, &next));
	if (next >= FAT_EOC_MIN)
		return FAT_OK;
	FAT_TRY(table_set(v, last, FAT_EOC));
	FAT_TRY(fat_table_write(v));
	FAT_TRY(fat_barrier(v));
	return fat_free_chain(v, next);
}

enum fat_status fat_zero_cluster(struct fat_vol *v, uint32_t c)
{
	uint64_t sector = fat_sector_of(v, c);
	uint32_t left = v->per_cluster;
	uint32_t most = FAT_BULK / FAT_SECTOR;

	fat_fill(v->bulk, 0, FAT_BULK);
	while (left) {
		uint32_t n = left < most ? left : most;

		FAT_TRY(fat_data_write(v, sector, v->bulk, n));
		sector += n;
		left -= n;
	}
	return FAT_OK;
}
