/* SPDX-License-Identifier: BSD-2-Clause */
/* The contents of files. */
#include "fat/fat_int.h"

#define SIZE_MAX_FAT UINT32_MAX
#define EXTENT_MAX (1u << 30) /* bytes that are looked at in one go */

static uint32_t clusters_for(const struct fat_vol *v, uint64_t bytes)
{
	return (uint32_t)((bytes + fat_cluster_bytes(v) - 1) /
			  fat_cluster_bytes(v));
}

/* The file's cluster number `index`. FAT_ENOENT: the chain ends before; then
 * at_cluster is its last one, or 0. */
static enum fat_status locate(struct fat_node *n, uint32_t index, uint32_t *c)
{
	if (!n->first)
		return FAT_ENOENT;
	if (!fat_cluster_ok(n->v, n->first))
		return FAT_ECORRUPT;
	if (!n->at_cluster || n->at_index > index) {
		n->at_cluster = n->first;
		n->at_index = 0;
	}
	while (n->at_index < index) {
		uint32_t next;

		FAT_TRY(fat_next(n->v, n->at_cluster, &next));
		if (!next)
			return FAT_ENOENT;
		n->at_cluster = next;
		n->at_index++;
	}
	*c = n->at_cluster;
	return FAT_OK;
}

/* Makes the chain long enough. */
static enum fat_status grow(struct fat_node *n, uint64_t bytes)
{
	uint32_t need = clusters_for(n->v, bytes);
	enum fat_status s;
	uint32_t c;

	if (!need)
		return FAT_OK;
	s = locate(n, need - 1, &c);
	if (s != FAT_ENOENT)
		return s;
	if (n->first)
		return fat_extend(n->v, n->at_cluster, need - 1 - n->at_index,
				  &c);
	FAT_TRY(fat_extend(n->v, 0, need, &c));
	n->first = c;
	n->dirty = true;
	return FAT_OK;
}

/* ---- moving bytes ---- */

/* A piece of contents that is in one row of sectors. */
struct span {
	struct fat_vol *v;
	uint64_t sector;
	uint32_t in; /* offset in it */
	uint8_t *to;
	const uint8_t *from; /* not null: a write */
	uint32_t bytes;
};

static enum fat_status part_move(const struct span *s, uint32_t n)
{
	uint8_t data[FAT_SECTOR];

	FAT_TRY(fat_data_read(s->v, s->sector, data, 1));
	if (!s->from) {
		fat_copy(s->to, data + s->in, n);
		return FAT_OK;
	}
	fat_copy(data + s->in, s->from, n);
	return fat_data_write(s->v, s->sector, data, 1);
}

static void span_skip(struct span *s, uint32_t n)
{
	uint32_t at = s->in + n;

	s->sector += at / FAT_SECTOR;
	s->in = at % FAT_SECTOR;
	s->bytes -= n;
	if (s->from)
		s->from += n;
	else
		s->to += n;
}

static enum fat_status span_move(struct span s)
{
	while (s.bytes) {
		uint32_t n = FAT_SECTOR - s.in;

		if (s.in || s.bytes < FAT_SECTOR) {
			n = n < s.bytes ? n : s.bytes;
			FAT_TRY(part_move(&s, n));
		} else if (s.from) {
			n = s.bytes & ~(FAT_SECTOR - 1);
			FAT_TRY(fat_data_write(s.v, s.sector, s.from,
					       n / FAT_SECTOR));
		} else {
			n = s.bytes & ~(FAT_SECTOR - 1);
			FAT_TRY(fat_data_read(s.v, s.sector, s.to,
					      n / FAT_SECTOR));
		}
		span_skip(&s, n);
	}
	return FAT_OK;
}

/* How many bytes from the cluster c on follow each other, up to `bytes`. */
static enum fat_status row_bytes(struct fat_vol *v, uint32_t c, uint32_t in,
				 uint32_t bytes, uint32_t *row)
{
	*row = fat_cluster_bytes(v) - in;
	while (*row < bytes) {
		uint32_t next;

		FAT_TRY(fat_next(v, c, &next));
		if (next != c + 1)
			return FAT_OK;
		c = next;
		*row += fat_cluster_bytes(v);
	}
	*row = bytes;
	return FAT_OK;
}

/* The chain is long enough; `from` not null: a write. */
static enum fat_status move(struct fat_node *n, uint64_t at, uint8_t *to,
			    const uint8_t *from, uint32_t bytes)
{
	uint32_t per = fat_cluster_bytes(n->v);

	while (bytes) {
		uint32_t in = (uint32_t)(at % per);
		enum fat_status s;
		uint32_t c, row;

		s = locate(n, (uint32_t)(at / per), &c);
		if (s != FAT_OK)
			return s == FAT_ENOENT ? FAT_ECORRUPT : s;
		FAT_TRY(row_bytes(n->v, c, in, bytes, &row));
		FAT_TRY(span_move((struct span){
			.v = n->v,
			.sector = fat_sector_of(n->v, c) + in / FAT_SECTOR,
			.in = in % FAT_SECTOR,
			.to = to,
			.from = from,
			.bytes = row }));
		at += row;
		bytes -= row;
		if (from)
			from += row;
		else
			to += row;
	}
	return FAT_OK;
}

static enum fat_status zero(struct fat_node *n, uint64_t at, uint64_t bytes)
{
	fat_fill(n->v->bulk, 0, FAT_BULK);
	while (bytes) {
		/* up to a whole piece of the volume, then such pieces */
		uint32_t most = FAT_BULK - (uint32_t)(at % FAT_BULK);
		uint32_t now = bytes < most ? (uint32_t)bytes : most;

		FAT_TRY(move(n, at, NULL, n->v->bulk, now));
		at += now;
		bytes -= now;
	}
	return FAT_OK;
}

/* ---- what callers see ---- */

enum fat_status fat_read(struct fat_node *n, uint64_t at, void *to,
			 uint32_t bytes, uint32_t *done)
{
	*done = 0;
	if (fat_is_dir(n))
		return FAT_EISDIR;
	if (at >= n->size)
		return FAT_OK;
	if (bytes > n->size - at)
		bytes = (uint32_t)(n->size - at);
	FAT_TRY(move(n, at, to, NULL, bytes));
	*done = bytes;
	return FAT_OK;
}

enum fat_status fat_extent(struct fat_node *n, uint64_t at, uint64_t *sector,
			   uint32_t *count)
{
	uint32_t per = fat_cluster_bytes(n->v);
	uint32_t in = (uint32_t)(at % per);
	uint32_t most = n->size - (uint32_t)at;
	enum fat_status s;
	uint32_t c, row;

	if (most > EXTENT_MAX)
		most = EXTENT_MAX;
	s = locate(n, (uint32_t)(at / per), &c);
	if (s != FAT_OK)
		return s == FAT_ENOENT ? FAT_ECORRUPT : s;
	FAT_TRY(row_bytes(n->v, c, in, most, &row));
	*sector = fat_sector_of(n->v, c) + in / FAT_SECTOR;
	*count = (row + FAT_SECTOR - 1) / FAT_SECTOR;
	return FAT_OK;
}

/* Makes room for `end` bytes; what is between the size and `at` is zero. */
static enum fat_status reach(struct fat_node *n, uint64_t at, uint64_t end)
{
	FAT_TRY(grow(n, end));
	return at > n->size ? zero(n, n->size, at - n->size) : FAT_OK;
}

static void touched(struct fat_node *n)
{
	n->attr |= FAT_ATTR_ARCHIVE;
	n->mtime = fat_now(n->v);
	n->dirty = true;
}

enum fat_status fat_write(struct fat_node *n, uint64_t at, const void *from,
			  uint32_t bytes)
{
	if (fat_is_dir(n))
		return FAT_EISDIR;
	if (n->held)
		return FAT_EBUSY;
	if (at > SIZE_MAX_FAT || bytes > SIZE_MAX_FAT - at)
		return FAT_EFBIG;
	if (!bytes)
		return FAT_OK;
	FAT_TRY(fat_begin(n->v));
	FAT_TRY(reach(n, at, at + bytes));
	FAT_TRY(move(n, at, NULL, from, bytes));
	if (at + bytes > n->size)
		n->size = (uint32_t)(at + bytes);
	touched(n);
	return FAT_OK;
}

/* The entry says less first, then the chain becomes shorter. */
static enum fat_status shrink(struct fat_node *n, uint32_t size)
{
	uint32_t keep = clusters_for(n->v, size);
	uint32_t first = n->first;
	uint32_t c = 0;

	if (keep)
		FAT_TRY(locate(n, keep - 1, &c));
	n->size = size;
	n->first = keep ? first : 0;
	n->at_cluster = 0;
	touched(n);
	FAT_TRY(fat_node_flush(n));
	FAT_TRY(fat_barrier(n->v));
	return keep ? fat_cut_chain(n->v, c) : fat_free_chain(n->v, first);
}

enum fat_status fat_truncate(struct fat_node *n, uint64_t size)
{
	if (fat_is_dir(n))
		return FAT_EISDIR;
	if (n->held)
		return FAT_EBUSY;
	if (size > SIZE_MAX_FAT)
		return FAT_EFBIG;
	FAT_TRY(fat_begin(n->v));
	if (size <= n->size)
		return shrink(n, (uint32_t)size);
	FAT_TRY(reach(n, size, size));
	n->size = (uint32_t)size;
	touched(n);
	return FAT_OK;
}

enum fat_status fat_set_mtime(struct fat_node *n, uint64_t seconds)
{
	if (!n->sector)
		return FAT_OK; /* the root has no entry */
	FAT_TRY(fat_begin(n->v));
	n->mtime = seconds;
	n->dirty = true;
	return FAT_OK;
}

enum fat_status fat_sync(struct fat_node *n)
{
	if (n->v->read_only)
		return FAT_OK;
	FAT_TRY(fat_node_flush(n));
	return fat_barrier(n->v);
}
