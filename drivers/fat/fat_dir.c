/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks over the entries of a folder, and finds what is asked for. */
#include "fat/fat_int.h"

#define ALIAS_BATCH 16u
#define ALIAS_TRIES 256u

static uint32_t slots_of_cluster(const struct fat_vol *v)
{
	return v->per_cluster * FAT_SLOTS;
}

/* To the cluster that has the slot w->next. */
static enum fat_status walk_to_cluster(struct fat_walk *w)
{
	uint32_t want = w->next / slots_of_cluster(w->v);

	if (w->next >= FAT_DIR_SLOTS)
		return FAT_ENOENT;
	while (w->index < want) {
		uint32_t next;

		FAT_TRY(fat_next(w->v, w->cluster, &next));
		if (!next)
			return FAT_ENOENT;
		w->cluster = next;
		w->index++;
	}
	return FAT_OK;
}

enum fat_status fat_walk_start(struct fat_walk *w, struct fat_vol *v,
			       uint32_t first, uint32_t at)
{
	*w = (struct fat_walk){ .v = v, .cluster = first, .next = at };
	return fat_cluster_ok(v, first) ? FAT_OK : FAT_ECORRUPT;
}

static enum fat_status walk_slot(struct fat_walk *w, struct fat_place *p,
				 uint8_t *raw)
{
	uint32_t in;
	uint8_t *data;

	FAT_TRY(walk_to_cluster(w));
	in = w->next % slots_of_cluster(w->v);
	p->sector = fat_sector_of(w->v, w->cluster) + in / FAT_SLOTS;
	p->slot = in % FAT_SLOTS;
	FAT_TRY(fat_meta(w->v, p->sector, &data));
	fat_copy(raw, data + p->slot * FAT_ENTRY_BYTES, FAT_ENTRY_BYTES);
	if (!raw[0])
		return FAT_ENOENT;
	w->next++;
	return FAT_OK;
}

/* What of a long name has been seen: its entries come last part first. */
struct assembly {
	unsigned left; /* number of the last one that came; 0: nothing */
	uint8_t sum;
};

static void long_drop(struct assembly *a, struct fat_entry *e)
{
	a->left = 0;
	e->n = 0;
	e->nr_places = 0;
}

static void long_take(struct assembly *a, struct fat_entry *e,
		      struct fat_place p, const uint8_t *raw)
{
	unsigned number = raw[0] & ~FAT_LAST_LONG;
	unsigned n;

	if (raw[0] & FAT_LAST_LONG) {
		long_drop(a, e);
		a->sum = raw[LE_SUM];
		a->left = number + 1;
	}
	if (!number || number >= FAT_SET || a->left != number + 1 ||
	    a->sum != raw[LE_SUM]) {
		long_drop(a, e);
		return;
	}
	n = fat_long_units(raw, e->unit + (number - 1) * FAT_LONG_UNITS);
	if (raw[0] & FAT_LAST_LONG)
		e->n = (number - 1) * FAT_LONG_UNITS + n;
	else if (n < FAT_LONG_UNITS)
		e->n = FAT_UNITS + 1; /* ends too early */
	e->place[e->nr_places++] = p;
	a->left = number;
}

static void short_take(const struct assembly *a, struct fat_entry *e,
		       struct fat_place p)
{
	char text[FAT_NAME];

	if (a->left != 1 || a->sum != fat_alias_sum(e->raw)) {
		e->n = 0;
		e->nr_places = 0;
	}
	if (e->n > FAT_UNITS || !fat_name_text(e->unit, e->n, text))
		e->n = 0;
	e->place[e->nr_places++] = p;
}

enum fat_status fat_walk_entry(struct fat_walk *w, struct fat_entry *e)
{
	struct assembly a;

	long_drop(&a, e);
	a.sum = 0;
	for (;;) {
		struct fat_place p;

		FAT_TRY(walk_slot(w, &p, e->raw));
		if (e->raw[0] == FAT_DELETED || e->raw[0] == '.') {
			long_drop(&a, e);
		} else if ((e->raw[DE_ATTR] & FAT_ATTR_LONG_MASK) ==
			   FAT_ATTR_LONG) {
			long_take(&a, e, p, e->raw);
		} else if (e->raw[DE_ATTR] & FAT_ATTR_VOLUME) {
			long_drop(&a, e);
		} else {
			short_take(&a, e, p);
			e->next = w->next;
			return FAT_OK;
		}
	}
}

static bool entry_is(const struct fat_entry *e, const struct fat_name *name)
{
	uint16_t unit[12];
	unsigned n = fat_short_units(e->raw, unit);

	return fat_name_same(unit, n, name->unit, name->n) ||
	       (e->n && fat_name_same(e->unit, e->n, name->unit, name->n));
}

enum fat_status fat_dir_find(struct fat_vol *v, uint32_t first,
			     const struct fat_name *name, struct fat_entry *e)
{
	struct fat_walk w;

	FAT_TRY(fat_walk_start(&w, v, first, 0));
	do
		FAT_TRY(fat_walk_entry(&w, e));
	while (!entry_is(e, name));
	return FAT_OK;
}

/* FAT_OK: it is empty. */
enum fat_status fat_dir_empty(struct fat_vol *v, uint32_t first)
{
	enum fat_status s;
	struct fat_entry e;
	struct fat_walk w;

	FAT_TRY(fat_walk_start(&w, v, first, 0));
	s = fat_walk_entry(&w, &e);
	return s == FAT_ENOENT ? FAT_OK : s == FAT_OK ? FAT_ENOTEMPTY : s;
}

/* Which of some aliases the folder has already: a bit each. */
static enum fat_status alias_taken(struct fat_vol *v, uint32_t first,
				   uint8_t alias[ALIAS_BATCH][11],
				   uint32_t *taken)
{
	enum fat_status s;
	struct fat_entry e;
	struct fat_walk w;

	*taken = 0;
	FAT_TRY(fat_walk_start(&w, v, first, 0));
	while ((s = fat_walk_entry(&w, &e)) == FAT_OK)
		for (unsigned i = 0; i < ALIAS_BATCH; i++)
			if (!__builtin_memcmp(e.raw, alias[i], 11))
				*taken |= 1u << i;
	return s == FAT_ENOENT ? FAT_OK : s;
}

enum fat_status fat_dir_alias(struct fat_vol *v, uint32_t first,
			      struct fat_name *name)
{
	uint8_t alias[ALIAS_BATCH][11];
	uint32_t taken;

	if (name->exact)
		return FAT_OK; /* the folder was looked through for it */
	for (unsigned t = name->lossy; t < ALIAS_TRIES; t += ALIAS_BATCH) {
		for (unsigned i = 0; i < ALIAS_BATCH; i++)
			fat_alias_number(name, t + i, alias[i]);
		FAT_TRY(alias_taken(v, first, alias, &taken));
		for (unsigned i = 0; i < ALIAS_BATCH; i++) {
			if (taken >> i & 1)
				continue;
			fat_copy(name->alias, alias[i], 11);
			return FAT_OK;
		}
	}
	return FAT_ENOSPC;
}
