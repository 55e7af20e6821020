/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes entries of a folder: each change is one sector, and one write. */
#include "fat/fat_int.h"

#define NO_SLOT FAT_SLOTS

/* The first slot that was never used: nothing is behind it (FAT, 6). */
static unsigned end_slot(const uint8_t *sector)
{
	unsigned i = 0;

	while (i < FAT_SLOTS && sector[i * FAT_ENTRY_BYTES])
		i++;
	return i;
}

/* Where n slots in a row are free. */
static unsigned room_in(const uint8_t *sector, unsigned n)
{
	unsigned end = end_slot(sector);
	unsigned run = 0;

	for (unsigned i = 0; i < FAT_SLOTS; i++) {
		run = i >= end || sector[i * FAT_ENTRY_BYTES] == FAT_DELETED ?
			      run + 1 :
			      0;
		if (run == n)
			return i + 1 - n;
	}
	return NO_SLOT;
}

/* The folder's sector behind this one; *next = 0: there is none. */
static enum fat_status next_sector(struct fat_vol *v, uint64_t sector,
				   uint64_t *next)
{
	uint64_t n = sector + 1 - v->data_start;
	uint32_t c = (uint32_t)((sector - v->data_start) / v->per_cluster) + 2;

	*next = sector + 1;
	if (n % v->per_cluster)
		return FAT_OK;
	FAT_TRY(fat_next(v, c, &c));
	*next = c ? fat_sector_of(v, c) : 0;
	return FAT_OK;
}

/* Before the end leaves a sector, the next one has to begin with it. */
static enum fat_status end_moves_behind(struct fat_vol *v, uint64_t sector)
{
	static const uint8_t zero[FAT_SECTOR];
	uint64_t next;
	uint8_t *data;

	FAT_TRY(next_sector(v, sector, &next));
	if (!next)
		return FAT_OK;
	FAT_TRY(fat_meta(v, next, &data));
	if (!__builtin_memcmp(data, zero, FAT_SECTOR))
		return FAT_OK;
	FAT_TRY(fat_meta_write(v, next, zero));
	return fat_barrier(v);
}

/* Marks the rest of a sector as removed, so that the next one counts. */
static enum fat_status sector_close(struct fat_vol *v, uint64_t sector,
				    uint8_t *data)
{
	FAT_TRY(end_moves_behind(v, sector));
	for (unsigned i = end_slot(data); i < FAT_SLOTS; i++)
		data[i * FAT_ENTRY_BYTES] = FAT_DELETED;
	return fat_meta_write(v, sector, data);
}

/* One cluster of zeros more, which is on the volume before it is linked. */
static enum fat_status dir_grow(struct fat_vol *v, uint64_t last,
				uint64_t *sector)
{
	uint32_t tail = (uint32_t)((last - v->data_start) / v->per_cluster) + 2;
	uint32_t c;

	FAT_TRY(fat_extend(v, 0, 1, &c));
	FAT_TRY(fat_zero_cluster(v, c));
	FAT_TRY(fat_barrier(v));
	*sector = fat_sector_of(v, c);
	return fat_link(v, tail, c);
}

/* A sector with n free slots in a row; `data` becomes what it has. */
static enum fat_status find_room(struct fat_vol *v, uint32_t first, unsigned n,
				 struct fat_place *out, uint8_t *data)
{
	uint64_t next = fat_sector_of(v, first);

	for (unsigned i = 0; i < FAT_DIR_SLOTS / FAT_SLOTS; i++) {
		uint64_t last = next;
		uint8_t *kept;

		FAT_TRY(fat_meta(v, next, &kept));
		fat_copy(data, kept, FAT_SECTOR);
		out->sector = next;
		out->slot = room_in(data, n);
		if (out->slot != NO_SLOT)
			return FAT_OK;
		if (end_slot(data) < FAT_SLOTS)
			FAT_TRY(sector_close(v, next, data));
		FAT_TRY(next_sector(v, last, &next));
		if (!next)
			FAT_TRY(dir_grow(v, last, &next));
	}
	return FAT_ENOSPC;
}

static enum fat_status set_write(struct fat_vol *v, struct fat_place at,
				 uint8_t *data, const struct fat_name *name,
				 const uint8_t *raw, bool had_end)
{
	uint8_t *p = data + at.slot * FAT_ENTRY_BYTES;

	fat_name_write(name, p);
	fat_copy(p + (fat_name_slots(name) - 1) * FAT_ENTRY_BYTES, raw,
		 FAT_ENTRY_BYTES);
	if (had_end && end_slot(data) == FAT_SLOTS)
		FAT_TRY(end_moves_behind(v, at.sector));
	return fat_meta_write(v, at.sector, data);
}

/* Slots between the end and a set that begins behind it would end the folder:
 * none are, as sets are put at the first place. */
enum fat_status fat_dir_add(struct fat_vol *v, uint32_t first,
			    struct fat_name *name, uint8_t raw[FAT_ENTRY_BYTES],
			    struct fat_place *out)
{
	unsigned n = fat_name_slots(name);
	uint8_t data[FAT_SECTOR];

	if (n > FAT_SLOTS)
		return FAT_ENAMETOOLONG;
	FAT_TRY(find_room(v, first, n, out, data));
	fat_copy(raw, name->alias, 11);
	FAT_TRY(set_write(v, *out, data, name, raw,
			  end_slot(data) < FAT_SLOTS));
	out->slot += n - 1;
	return FAT_OK;
}

void fat_slots_free(uint8_t *data, const struct fat_entry *e, uint64_t at)
{
	for (unsigned i = 0; i < e->nr_places; i++)
		if (e->place[i].sector == at)
			data[e->place[i].slot * FAT_ENTRY_BYTES] = FAT_DELETED;
}

/* The short entry goes first; other systems' sets may cross sectors. */
enum fat_status fat_dir_remove(struct fat_vol *v, const struct fat_entry *e)
{
	uint64_t done = FAT_NO_SECTOR;

	for (unsigned i = e->nr_places; i--;) {
		uint64_t sector = e->place[i].sector;
		uint8_t data[FAT_SECTOR];
		uint8_t *kept;

		if (sector == done)
			continue;
		if (done != FAT_NO_SECTOR)
			FAT_TRY(fat_barrier(v));
		FAT_TRY(fat_meta(v, sector, &kept));
		fat_copy(data, kept, FAT_SECTOR);
		fat_slots_free(data, e, sector);
		FAT_TRY(fat_meta_write(v, sector, data));
		done = sector;
	}
	return FAT_OK;
}

enum fat_status fat_dir_swap(struct fat_vol *v, const struct fat_entry *old,
			     const struct fat_name *name,
			     uint8_t raw[FAT_ENTRY_BYTES],
			     struct fat_place *out)
{
	unsigned n = fat_name_slots(name);
	uint8_t data[FAT_SECTOR];
	uint8_t *kept;
	bool had_end;

	*out = fat_entry_place(old);
	FAT_TRY(fat_meta(v, out->sector, &kept));
	fat_copy(data, kept, FAT_SECTOR);
	if (old->place[0].sector != out->sector)
		return FAT_ENOSPC;
	had_end = end_slot(data) < FAT_SLOTS;
	fat_slots_free(data, old, out->sector);
	out->slot = room_in(data, n);
	if (out->slot == NO_SLOT)
		return FAT_ENOSPC;
	fat_copy(raw, name->alias, 11);
	FAT_TRY(set_write(v, *out, data, name, raw, had_end));
	out->slot += n - 1;
	return FAT_OK;
}
