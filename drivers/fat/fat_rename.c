/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Renames. Two entries must never name one chain, and none is too few: so the
 * change is one write of one sector; else a file gets a copy of its chain.
 */
#include "fat/fat_int.h"

struct rename {
	struct fat_vol *v;
	struct fat_node *from, *to; /* folders */
	struct fat_name name;	    /* the new one */
	struct fat_entry old, target;
	bool replaces;
	struct fat_node *node, *target_node; /* null: not in use */
};

static uint8_t *short_of(uint8_t *data, const struct fat_entry *e)
{
	return data + fat_entry_place(e).slot * FAT_ENTRY_BYTES;
}

static bool is_dir(const struct fat_entry *e)
{
	return e->raw[DE_ATTR] & FAT_ATTR_DIR;
}

static void first_set(uint8_t *raw, uint32_t first)
{
	fat_put16(raw + DE_FIRST_HIGH, first >> 16);
	fat_put16(raw + DE_FIRST_LOW, first);
}

/* The node goes to the new entry. */
static void node_moves(struct rename *r, struct fat_place p, uint32_t first)
{
	struct fat_node *n = r->node;

	if (!n)
		return;
	n->sector = p.sector;
	n->slot = p.slot;
	if (n->first != first)
		n->at_cluster = 0;
	n->first = first;
	if (n->up == r->to)
		return;
	n->up->refs--; /* not the last: the caller has it */
	n->up = r->to;
	fat_get(r->to);
}

static enum fat_status target_ends(struct rename *r)
{
	if (r->target_node) {
		r->target_node->removed = true;
		r->target_node->sector = 0;
		return FAT_OK;
	}
	return fat_free_chain(r->v, fat_raw_first(r->target.raw));
}

/* ---- a copy of a file's chain ---- */

static enum fat_status cluster_copy(struct fat_vol *v, uint32_t from,
				    uint32_t to)
{
	uint32_t most = FAT_BULK / FAT_SECTOR;

	for (uint32_t at = 0; at < v->per_cluster; at += most) {
		uint32_t left = v->per_cluster - at;
		uint32_t n = left < most ? left : most;

		FAT_TRY(fat_data_read(v, fat_sector_of(v, from) + at, v->bulk,
				      n));
		FAT_TRY(fat_data_write(v, fat_sector_of(v, to) + at, v->bulk,
				       n));
	}
	return FAT_OK;
}

static enum fat_status clusters_copy(struct fat_vol *v, uint32_t from,
				     uint32_t to)
{
	while (to) {
		if (!fat_cluster_ok(v, from))
			return FAT_ECORRUPT;
		FAT_TRY(cluster_copy(v, from, to));
		FAT_TRY(fat_next(v, to, &to));
		if (to)
			FAT_TRY(fat_next(v, from, &from));
	}
	return FAT_OK;
}

static enum fat_status chain_copy(struct fat_vol *v, const uint8_t *raw,
				  uint32_t *first)
{
	uint32_t size = le32(raw + DE_SIZE);
	uint32_t n = (uint32_t)(((uint64_t)size + fat_cluster_bytes(v) - 1) /
				fat_cluster_bytes(v));
	enum fat_status s;

	*first = 0;
	if (!n)
		return FAT_OK;
	FAT_TRY(fat_extend(v, 0, n, first));
	s = clusters_copy(v, fat_raw_first(raw), *first);
	if (s == FAT_OK)
		return fat_barrier(v);
	FAT_TRY(fat_free_chain(v, *first));
	return s;
}

/* ---- the ways ---- */

/* The new entry names the copy: off with the old one. */
static enum fat_status old_ends(struct rename *r)
{
	FAT_TRY(fat_barrier(r->v));
	FAT_TRY(fat_dir_remove(r->v, &r->old));
	FAT_TRY(fat_barrier(r->v));
	return fat_free_chain(r->v, fat_raw_first(r->old.raw));
}

static enum fat_status add_copy(struct rename *r)
{
	uint8_t raw[FAT_ENTRY_BYTES];
	struct fat_place p;
	enum fat_status s;
	uint32_t first;

	FAT_TRY(chain_copy(r->v, r->old.raw, &first));
	fat_copy(raw, r->old.raw, FAT_ENTRY_BYTES);
	raw[DE_CASE] = 0;
	first_set(raw, first);
	s = fat_dir_add(r->v, r->to->first, &r->name, raw, &p);
	if (s != FAT_OK) {
		FAT_TRY(fat_free_chain(r->v, first));
		return s;
	}
	FAT_TRY(old_ends(r));
	node_moves(r, p, first);
	return FAT_OK;
}

static enum fat_status rename_new(struct rename *r)
{
	uint8_t raw[FAT_ENTRY_BYTES];
	struct fat_place p;
	enum fat_status s = FAT_ENOSPC;

	FAT_TRY(fat_dir_alias(r->v, r->to->first, &r->name));
	fat_copy(raw, r->old.raw, FAT_ENTRY_BYTES);
	raw[DE_CASE] = 0;
	if (r->from == r->to)
		s = fat_dir_swap(r->v, &r->old, &r->name, raw, &p);
	if (s == FAT_ENOSPC)
		return is_dir(&r->old) ? FAT_EXDEV : add_copy(r);
	FAT_TRY(s);
	node_moves(r, p, fat_raw_first(raw));
	/* the old name may be used anew, in another sector */
	return fat_barrier(r->v);
}

/* The target's short entry names what the old one did. */
static void target_takes(struct rename *r, uint8_t *data, uint32_t first)
{
	uint8_t *to = short_of(data, &r->target);
	uint8_t taken[FAT_ENTRY_BYTES];

	fat_copy(taken, r->old.raw, FAT_ENTRY_BYTES);
	fat_copy(taken, to, 11);
	taken[DE_CASE] = to[DE_CASE];
	first_set(taken, first);
	fat_copy(to, taken, FAT_ENTRY_BYTES);
}

static enum fat_status replace_in_one(struct rename *r)
{
	uint64_t sector = fat_entry_place(&r->target).sector;
	uint8_t data[FAT_SECTOR];
	uint8_t *kept;

	FAT_TRY(fat_meta(r->v, sector, &kept));
	fat_copy(data, kept, FAT_SECTOR);
	fat_slots_free(data, &r->old, sector);
	target_takes(r, data, fat_raw_first(r->old.raw));
	FAT_TRY(fat_meta_write(r->v, sector, data));
	if (r->old.place[0].sector != sector) {
		FAT_TRY(fat_barrier(r->v));
		FAT_TRY(fat_dir_remove(r->v, &r->old));
	}
	FAT_TRY(fat_barrier(r->v));
	FAT_TRY(target_ends(r));
	node_moves(r, fat_entry_place(&r->target), fat_raw_first(r->old.raw));
	return FAT_OK;
}

static enum fat_status replace_by_copy(struct rename *r)
{
	uint64_t sector = fat_entry_place(&r->target).sector;
	uint8_t data[FAT_SECTOR];
	uint32_t first;
	uint8_t *kept;

	FAT_TRY(chain_copy(r->v, r->old.raw, &first));
	FAT_TRY(fat_meta(r->v, sector, &kept));
	fat_copy(data, kept, FAT_SECTOR);
	target_takes(r, data, first);
	FAT_TRY(fat_meta_write(r->v, sector, data));
	FAT_TRY(old_ends(r));
	FAT_TRY(target_ends(r));
	node_moves(r, fat_entry_place(&r->target), first);
	return FAT_OK;
}

static enum fat_status rename_replace(struct rename *r)
{
	bool dir = is_dir(&r->old);

	if (dir != is_dir(&r->target))
		return dir ? FAT_ENOTDIR : FAT_EISDIR;
	if (dir)
		FAT_TRY(fat_dir_empty(r->v, fat_raw_first(r->target.raw)));
	FAT_TRY(fat_begin(r->v));
	if (fat_entry_place(&r->old).sector ==
	    fat_entry_place(&r->target).sector)
		return replace_in_one(r);
	return dir ? FAT_EXDEV : replace_by_copy(r);
}

static enum fat_status entry_find(struct fat_node *dir, const char *text,
				  struct fat_name *name, struct fat_entry *e)
{
	if (!fat_is_dir(dir))
		return FAT_ENOTDIR;
	if (dir->removed)
		return FAT_ENOENT;
	FAT_TRY(fat_name_parse(text, name));
	return fat_dir_find(dir->v, dir->first, name, e);
}

/* Finds what is renamed, as its node has it, and what it replaces. */
static enum fat_status rename_look(struct rename *r, const char *text,
				   const char *new_text)
{
	enum fat_status s;

	FAT_TRY(entry_find(r->from, text, &r->name, &r->old));
	r->node = fat_node_at(r->v, fat_entry_place(&r->old));
	if (r->node && r->node->dirty) {
		FAT_TRY(fat_node_flush(r->node));
		FAT_TRY(entry_find(r->from, text, &r->name, &r->old));
	}
	s = entry_find(r->to, new_text, &r->name, &r->target);
	if (s != FAT_OK && s != FAT_ENOENT)
		return s;
	r->replaces = s == FAT_OK &&
		      fat_place_id(fat_entry_place(&r->old)) !=
			      fat_place_id(fat_entry_place(&r->target));
	if (r->replaces)
		r->target_node = fat_node_at(r->v, fat_entry_place(&r->target));
	return r->name.n > FAT_NEW_UNITS ? FAT_ENAMETOOLONG : FAT_OK;
}

enum fat_status fat_rename(struct fat_node *from, const char *text,
			   struct fat_node *to, const char *new_text)
{
	struct rename r = { .v = from->v, .from = from, .to = to };

	if (from->removed || to->removed)
		return FAT_ENOENT;
	FAT_TRY(rename_look(&r, text, new_text));
	if ((r.node && r.node->held) || (r.target_node && r.target_node->held))
		return FAT_EBUSY;
	if (r.replaces)
		return rename_replace(&r);
	FAT_TRY(fat_begin(r.v));
	return rename_new(&r);
}
