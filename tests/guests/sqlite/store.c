/* SPDX-License-Identifier: BSD-2-Clause */
/* Two files on a virtual disk: headers in two copies, one cached sector each. */
#include <string.h>

#include "store.h"
#include "tests/guests/check.h"

#define MAGIC 0x65726f7453564150ull /* "PAVStore" */
#define NOTE_SECTOR 4u
#define DATA_SECTOR 8u
#define ZEROS 512u

/* A sector of its own, little-endian. */
struct header {
	uint64_t magic, seq, size;
	uint32_t index, exists;
	uint32_t crc, pad; /* of all before it */
	uint8_t rest[KIT_SECTOR - 40];
};
_Static_assert(sizeof(struct header) == KIT_SECTOR, "one sector");

static uint32_t header_crc(const struct header *h)
{
	return crc32_add(0, h, offsetof(struct header, crc));
}

static uint32_t index_of(const struct store *s, const struct store_file *f)
{
	return (uint32_t)(f - s->file);
}

/* ---- headers ---- */

static bool header_read(struct store *s, uint64_t sector, uint32_t index,
			struct header *h)
{
	return kit_block_read(s->disk, sector, h, sizeof(*h)) &&
	       h->magic == MAGIC && h->index == index &&
	       h->crc == header_crc(h);
}

static bool header_write(struct store *s, uint64_t sector, struct header *h)
{
	h->magic = MAGIC;
	h->crc = header_crc(h);
	return kit_block_write(s->disk, sector, h, sizeof(*h)) &&
	       kit_block_flush(s->disk);
}

static void file_load(struct store *s, uint32_t index)
{
	struct store_file *f = &s->file[index];
	struct header h;

	for (unsigned copy = 0; copy < 2; copy++) {
		if (!header_read(s, 2 * index + copy, index, &h) ||
		    h.seq <= f->seq || h.size > f->room)
			continue;
		f->seq = h.seq;
		f->size = h.size;
		f->exists = h.exists;
	}
}

/* Over the older copy. */
static bool file_save(struct store *s, struct store_file *f)
{
	uint32_t index = index_of(s, f);
	struct header h = { .seq = f->seq + 1,
			    .size = f->size,
			    .index = index,
			    .exists = f->exists };

	if (!header_write(s, 2 * index + h.seq % 2, &h))
		return false;
	f->seq = h.seq;
	f->changed = false;
	return true;
}

const char *store_mount(struct store *s, struct kit_block *disk)
{
	uint64_t sectors = kit_block_sectors(disk), split;

	memset(s, 0, sizeof(*s));
	s->disk = disk;
	if (kit_block_readonly(disk) || sectors < DATA_SECTOR + 4)
		return "the disk cannot be written to, or is too small";
	split = DATA_SECTOR + (sectors - DATA_SECTOR) / 2;
	s->file[0] = (struct store_file){ .first = DATA_SECTOR };
	s->file[1] = (struct store_file){ .first = split };
	s->file[0].room = (split - DATA_SECTOR) * KIT_SECTOR;
	s->file[1].room = (sectors - split) * KIT_SECTOR;
	for (uint32_t i = 0; i < STORE_FILES; i++)
		file_load(s, i);
	return NULL;
}

/* ---- the cached sector ---- */

static bool cache_clean(struct store *s, struct store_file *f)
{
	if (f->dirty && !kit_block_write(s->disk, f->first + f->sector,
					 f->cache, KIT_SECTOR))
		return false;
	f->dirty = false;
	return true;
}

/* A sector behind the end holds nothing: it is not read. */
static bool cache_load(struct store *s, struct store_file *f, uint64_t sector)
{
	if (f->cached && f->sector == sector)
		return true;
	if (!cache_clean(s, f))
		return false;
	f->cached = false;
	if (sector * KIT_SECTOR >= f->size)
		memset(f->cache, 0, KIT_SECTOR);
	else if (!kit_block_read(s->disk, f->first + sector, f->cache,
				 KIT_SECTOR))
		return false;
	f->sector = sector;
	f->cached = true;
	return true;
}

/* The cache is to hold none of these sectors. */
static bool cache_leave(struct store *s, struct store_file *f, uint64_t sector,
			uint64_t n)
{
	if (!f->cached || f->sector < sector || f->sector >= sector + n)
		return true;
	f->cached = false;
	return cache_clean(s, f);
}

/* ---- data ---- */

/* The next piece from `at` on: part of a sector, or whole sectors. */
static size_t piece_of(uint64_t at, size_t n)
{
	size_t room = KIT_SECTOR - at % KIT_SECTOR;

	if (room == KIT_SECTOR && n >= KIT_SECTOR)
		return n - n % KIT_SECTOR;
	return n < room ? n : room;
}

static bool piece_read(struct store *s, struct store_file *f, uint64_t at,
		       void *buf, size_t n)
{
	uint64_t sector = at / KIT_SECTOR;

	if (n >= KIT_SECTOR)
		return cache_leave(s, f, sector, n / KIT_SECTOR) &&
		       kit_block_read(s->disk, f->first + sector, buf, n);
	if (!cache_load(s, f, sector))
		return false;
	memcpy(buf, f->cache + at % KIT_SECTOR, n);
	return true;
}

static bool piece_write(struct store *s, struct store_file *f, uint64_t at,
			const void *buf, size_t n)
{
	uint64_t sector = at / KIT_SECTOR;

	if (n >= KIT_SECTOR)
		return cache_leave(s, f, sector, n / KIT_SECTOR) &&
		       kit_block_write(s->disk, f->first + sector, buf, n);
	if (!cache_load(s, f, sector))
		return false;
	memcpy(f->cache + at % KIT_SECTOR, buf, n);
	f->dirty = true;
	return true;
}

bool store_read(struct store *s, struct store_file *f, uint64_t at, void *buf,
		size_t n)
{
	size_t have = at < f->size ? f->size - at : 0, step;
	uint8_t *p = buf;

	if (n > have) {
		memset(p + have, 0, n - have);
		n = have;
	}
	for (; n; n -= step, at += step, p += step) {
		step = piece_of(at, n);
		if (!piece_read(s, f, at, p, step))
			return false;
	}
	return true;
}

static bool write_all(struct store *s, struct store_file *f, uint64_t at,
		      const uint8_t *p, size_t n)
{
	size_t step;

	for (; n; n -= step, at += step, p += step) {
		step = piece_of(at, n);
		if (!piece_write(s, f, at, p, step))
			return false;
		if (at + step > f->size) {
			f->size = at + step;
			f->changed = true;
		}
	}
	return true;
}

static bool gap_fill(struct store *s, struct store_file *f, uint64_t to)
{
	static const uint8_t zeros[ZEROS];

	while (f->size < to) {
		uint64_t n = to - f->size;

		if (!write_all(s, f, f->size, zeros, n < ZEROS ? n : ZEROS))
			return false;
	}
	return true;
}

bool store_write(struct store *s, struct store_file *f, uint64_t at,
		 const void *buf, size_t n)
{
	if (at > f->room || n > f->room - at)
		return false;
	return gap_fill(s, f, at) && write_all(s, f, at, buf, n);
}

/* What is cached stays: its bytes behind the end are not read. */
void store_truncate(struct store_file *f, uint64_t size)
{
	if (size >= f->size)
		return;
	f->size = size;
	f->changed = true;
}

/* Orders: the data before the header that says how long it is. */
bool store_sync(struct store *s, struct store_file *f)
{
	return cache_clean(s, f) && kit_block_flush(s->disk) &&
	       (!f->changed || file_save(s, f));
}

bool store_create(struct store *s, struct store_file *f)
{
	f->exists = true;
	f->size = 0;
	f->cached = f->dirty = false;
	return file_save(s, f);
}

bool store_delete(struct store *s, struct store_file *f)
{
	f->exists = false;
	f->size = 0;
	f->cached = f->dirty = false;
	return file_save(s, f);
}

/* ---- the note ---- */

bool store_note_set(struct store *s, uint64_t value)
{
	struct header h = { .size = value, .index = STORE_FILES };

	return header_write(s, NOTE_SECTOR, &h);
}

uint64_t store_note_get(struct store *s)
{
	struct header h;

	return header_read(s, NOTE_SECTOR, STORE_FILES, &h) ? h.size : 0;
}
