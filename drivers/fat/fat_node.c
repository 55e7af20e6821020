/* SPDX-License-Identifier: BSD-2-Clause */
/* Files and folders in use, and what makes and removes them. */
#include "fat/fat_int.h"

#define ROOT_ID 1u
#define OWN_IDS (1ull << 63) /* those that no place has */

bool fat_is_dir(const struct fat_node *n) { return n->attr & FAT_ATTR_DIR; }

struct fat_node *fat_node_at(struct fat_vol *v, struct fat_place p)
{
	for (unsigned i = 0; i < v->nr_nodes; i++) {
		struct fat_node *n = &v->node[i];

		if (n->refs && n->sector == p.sector && n->slot == p.slot)
			return n;
	}
	return NULL;
}

static uint64_t id_for(struct fat_vol *v, uint64_t id)
{
	for (unsigned i = 0; i < v->nr_nodes; i++)
		if (v->node[i].refs && v->node[i].id == id)
			return OWN_IDS | v->next_id++;
	return id;
}

static struct fat_node *node_new(struct fat_vol *v, uint64_t id)
{
	unsigned i = 0;

	while (i < v->nr_nodes && v->node[i].refs)
		i++;
	if (i == FAT_NODES)
		return NULL;
	id = id_for(v, id);
	if (i == v->nr_nodes)
		v->nr_nodes++;
	v->node[i] = (struct fat_node){ .v = v, .refs = 1, .id = id };
	return &v->node[i];
}

static void node_free(struct fat_node *n)
{
	struct fat_vol *v = n->v;

	n->refs = 0;
	while (v->nr_nodes && !v->node[v->nr_nodes - 1].refs)
		v->nr_nodes--;
}

static enum fat_status node_open(struct fat_node *dir, const uint8_t *raw,
				 struct fat_place p, struct fat_node **out)
{
	struct fat_node *n = fat_node_at(dir->v, p);

	*out = n;
	if (n) {
		n->refs++;
		return FAT_OK;
	}
	*out = n = node_new(dir->v, fat_place_id(p));
	if (!n)
		return FAT_ENFILE;
	n->sector = p.sector;
	n->slot = p.slot;
	n->attr = raw[DE_ATTR];
	n->first = fat_raw_first(raw);
	n->size = fat_is_dir(n) ? 0 : le32(raw + DE_SIZE);
	n->mtime = fat_time_read(raw + DE_WRITTEN);
	n->up = dir;
	dir->refs++;
	return FAT_OK;
}

enum fat_status fat_root(struct fat_vol *v, struct fat_node **out)
{
	struct fat_node *n;

	for (unsigned i = 0; i < v->nr_nodes; i++) {
		n = *out = &v->node[i];
		if (n->refs && n->id == ROOT_ID) {
			n->refs++;
			return FAT_OK;
		}
	}
	*out = n = node_new(v, ROOT_ID);
	if (!n)
		return FAT_ENFILE;
	n->attr = FAT_ATTR_DIR;
	n->first = v->root;
	n->mtime = fat_now(v);
	return FAT_OK;
}

void fat_get(struct fat_node *n) { n->refs++; }

enum fat_status fat_parent(struct fat_node *n, struct fat_node **out)
{
	*out = n->up ? n->up : n;
	fat_get(*out);
	return FAT_OK;
}

static enum fat_status node_end(struct fat_node *n)
{
	if (!n->removed)
		return fat_node_flush(n);
	if (!n->first)
		return FAT_OK;
	FAT_TRY(fat_begin(n->v));
	return fat_free_chain(n->v, n->first);
}

enum fat_status fat_put(struct fat_node *n)
{
	enum fat_status first = FAT_OK;

	while (n) {
		struct fat_node *up = n->up;
		enum fat_status s = FAT_OK;

		if (n->refs > 1) {
			n->refs--;
			break;
		}
		s = node_end(n);
		if (first == FAT_OK)
			first = s;
		node_free(n);
		n = up;
	}
	return first;
}

enum fat_status fat_hold(struct fat_node *n)
{
	if (fat_is_dir(n))
		return FAT_EISDIR;
	if (n->held || n->writers)
		return FAT_EBUSY;
	if (n->removed)
		return FAT_ENOENT;
	n->held = true;
	return FAT_OK;
}

void fat_unhold(struct fat_node *n) { n->held = false; }

enum fat_status fat_writer_begin(struct fat_node *n)
{
	if (n->held)
		return FAT_EBUSY;
	n->writers++;
	return FAT_OK;
}

void fat_writer_end(struct fat_node *n) { n->writers--; }

void fat_raw_set(uint8_t *raw, const struct fat_node *n)
{
	raw[DE_ATTR] = n->attr;
	fat_put16(raw + DE_FIRST_HIGH, n->first >> 16);
	fat_put16(raw + DE_FIRST_LOW, n->first);
	fat_put32(raw + DE_SIZE, n->size);
	fat_time_write(raw + DE_WRITTEN, n->mtime);
	fat_copy(raw + DE_ACCESSED, raw + DE_WRITTEN + 2, 2);
}

enum fat_status fat_node_store(struct fat_node *n)
{
	uint8_t data[FAT_SECTOR];
	uint8_t *kept;

	if (!n->dirty || n->removed || !n->sector)
		return FAT_OK;
	FAT_TRY(fat_meta(n->v, n->sector, &kept));
	fat_copy(data, kept, FAT_SECTOR);
	fat_raw_set(data + n->slot * FAT_ENTRY_BYTES, n);
	FAT_TRY(fat_meta_write(n->v, n->sector, data));
	n->dirty = false;
	return FAT_OK;
}

enum fat_status fat_node_flush(struct fat_node *n)
{
	if (!n->dirty || n->removed)
		return FAT_OK;
	FAT_TRY(fat_barrier(n->v));
	return fat_node_store(n);
}

/* ---- names in a folder ---- */

static enum fat_status find(struct fat_node *dir, const char *text,
			    struct fat_name *name, struct fat_entry *e)
{
	if (!fat_is_dir(dir))
		return FAT_ENOTDIR;
	if (dir->removed)
		return FAT_ENOENT;
	FAT_TRY(fat_name_parse(text, name));
	return fat_dir_find(dir->v, dir->first, name, e);
}

enum fat_status fat_lookup(struct fat_node *dir, const char *text,
			   struct fat_node **out)
{
	struct fat_name name;
	struct fat_entry e;
	enum fat_status s = find(dir, text, &name, &e);

	if (s != FAT_OK)
		return s == FAT_EINVAL ? FAT_ENOENT : s;
	return node_open(dir, e.raw, fat_entry_place(&e), out);
}

/* False: none that could be asked for. */
static bool name_of(const struct fat_entry *e, char *out)
{
	uint16_t unit[12];
	unsigned n;

	if (e->n)
		return fat_name_text(e->unit, e->n, out);
	n = fat_short_units(e->raw, unit);
	return fat_name_text(unit, n, out);
}

enum fat_status fat_name(struct fat_node *n, char *out)
{
	struct fat_walk w;
	struct fat_entry e;

	if (!n->sector)
		return FAT_ENOENT;
	FAT_TRY(fat_walk_start(&w, n->v, n->up->first, 0));
	do
		FAT_TRY(fat_walk_entry(&w, &e));
	while (fat_entry_place(&e).sector != n->sector ||
	       fat_entry_place(&e).slot != n->slot);
	return name_of(&e, out) ? FAT_OK : FAT_ENOENT;
}

enum fat_status fat_list(struct fat_node *dir, uint32_t at,
			 struct fat_item *out)
{
	struct fat_node *n;
	struct fat_walk w;
	struct fat_entry e;

	if (!fat_is_dir(dir))
		return FAT_ENOTDIR;
	if (dir->removed)
		return FAT_ENOENT;
	FAT_TRY(fat_walk_start(&w, dir->v, dir->first, at));
	do
		FAT_TRY(fat_walk_entry(&w, &e));
	while (!name_of(&e, out->name));
	n = fat_node_at(dir->v, fat_entry_place(&e));
	out->id = n ? n->id : fat_place_id(fat_entry_place(&e));
	out->folder = e.raw[DE_ATTR] & FAT_ATTR_DIR;
	out->next = e.next;
	return FAT_OK;
}

/* A name that can be made, and its alias. */
static enum fat_status name_new(struct fat_node *dir, const char *text,
				struct fat_name *name)
{
	struct fat_entry e;
	enum fat_status s = find(dir, text, name, &e);

	if (s != FAT_ENOENT)
		return s == FAT_OK ? FAT_EEXIST : s;
	if (dir->removed)
		return FAT_ENOENT;
	if (name->n > FAT_NEW_UNITS)
		return FAT_ENAMETOOLONG;
	FAT_TRY(fat_begin(dir->v));
	return fat_dir_alias(dir->v, dir->first, name);
}

static void raw_new(const struct fat_vol *v, uint8_t *raw, uint8_t attr,
		    uint32_t first)
{
	struct fat_node n = { .attr = attr, .first = first };

	n.mtime = fat_now(v);
	fat_fill(raw, 0, FAT_ENTRY_BYTES);
	fat_raw_set(raw, &n);
	fat_copy(raw + DE_CREATED, raw + DE_WRITTEN, 4);
}

enum fat_status fat_create(struct fat_node *dir, const char *text,
			   struct fat_node **out)
{
	uint8_t raw[FAT_ENTRY_BYTES];
	struct fat_name name;
	struct fat_place p;

	FAT_TRY(name_new(dir, text, &name));
	raw_new(dir->v, raw, FAT_ATTR_ARCHIVE, 0);
	FAT_TRY(fat_dir_add(dir->v, dir->first, &name, raw, &p));
	return node_open(dir, raw, p, out);
}

/* A folder's first cluster: itself and where it is (FAT, 6.5). */
static enum fat_status dots_write(struct fat_node *dir, uint32_t c)
{
	uint32_t up = dir->first == dir->v->root ? 0 : dir->first;
	uint8_t data[FAT_SECTOR];

	fat_fill(data, 0, sizeof(data));
	raw_new(dir->v, data, FAT_ATTR_DIR, c);
	raw_new(dir->v, data + FAT_ENTRY_BYTES, FAT_ATTR_DIR, up);
	fat_copy(data, ".          ", 11);
	fat_copy(data + FAT_ENTRY_BYTES, "..         ", 11);
	FAT_TRY(fat_zero_cluster(dir->v, c));
	FAT_TRY(fat_meta_write(dir->v, fat_sector_of(dir->v, c), data));
	return fat_barrier(dir->v);
}

enum fat_status fat_mkdir(struct fat_node *dir, const char *text,
			  struct fat_node **out)
{
	uint8_t raw[FAT_ENTRY_BYTES];
	struct fat_name name;
	struct fat_place p;
	enum fat_status s;
	uint32_t c;

	FAT_TRY(name_new(dir, text, &name));
	FAT_TRY(fat_extend(dir->v, 0, 1, &c));
	FAT_TRY(dots_write(dir, c));
	raw_new(dir->v, raw, FAT_ATTR_DIR, c);
	s = fat_dir_add(dir->v, dir->first, &name, raw, &p);
	if (s == FAT_OK)
		return node_open(dir, raw, p, out);
	FAT_TRY(fat_free_chain(dir->v, c));
	return s;
}

/* The entry is gone, behind a barrier: so may its chain. */
static enum fat_status chain_end(struct fat_vol *v, struct fat_node *n,
				 uint32_t first)
{
	if (!n)
		return fat_free_chain(v, first);
	n->removed = true;
	n->sector = 0;
	return FAT_OK;
}

enum fat_status fat_remove(struct fat_node *dir, const char *text)
{
	struct fat_name name;
	struct fat_entry e;
	struct fat_node *n;

	FAT_TRY(find(dir, text, &name, &e));
	n = fat_node_at(dir->v, fat_entry_place(&e));
	if (n && n->held)
		return FAT_EBUSY;
	if (e.raw[DE_ATTR] & FAT_ATTR_DIR)
		FAT_TRY(fat_dir_empty(dir->v, fat_raw_first(e.raw)));
	FAT_TRY(fat_begin(dir->v));
	FAT_TRY(fat_dir_remove(dir->v, &e));
	FAT_TRY(fat_barrier(dir->v));
	return chain_end(dir->v, n, fat_raw_first(e.raw));
}
