/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the FAT32 code know of each other. */
#ifndef DRIVERS_FAT_FAT_INT_H
#define DRIVERS_FAT_FAT_INT_H

#include "env.h"
#include "fat/fat.h"

#define FAT_NO_SECTOR UINT64_MAX
#define FAT_ENTRY_BYTES 32u
#define FAT_SLOTS (FAT_SECTOR / FAT_ENTRY_BYTES) /* of a sector */
#define FAT_SET 21u		  /* slots of a name: 20 long ones, the short */
#define FAT_DIR_SLOTS 65536u	  /* of a folder (FAT, 6.5: 2 MiB) */
#define FAT_PER_SECTOR 128u	  /* entries of the table in a sector */
#define FAT_MASK 0x0fffffffu	  /* of an entry of the table */
#define FAT_EOC 0x0fffffffu	  /* the chain's end, as written */
#define FAT_EOC_MIN 0x0ffffff8u	  /* as read: this or more */
#define FAT_CLEAN_BIT 0x08000000u /* of entry 1 (FAT, 4.2) */

#define FAT_ATTR_RO 0x01u
#define FAT_ATTR_VOLUME 0x08u
#define FAT_ATTR_DIR 0x10u
#define FAT_ATTR_ARCHIVE 0x20u
#define FAT_ATTR_LONG 0x0fu
#define FAT_ATTR_LONG_MASK 0x3fu
#define FAT_DELETED 0xe5u
#define FAT_LAST_LONG 0x40u
#define FAT_LONG_UNITS 13u /* of a long entry */

/* Offsets in a directory entry (FAT, 6). */
enum {
	DE_ATTR = 11,
	DE_CASE = 12,
	DE_CREATED = 14,
	DE_ACCESSED = 18,
	DE_FIRST_HIGH = 20,
	DE_WRITTEN = 22,
	DE_FIRST_LOW = 26,
	DE_SIZE = 28,
	LE_ATTR = 11,
	LE_SUM = 13
};

#define FAT_TRY(call)                          \
	do {                                   \
		enum fat_status try_ = (call); \
		if (try_ != FAT_OK)            \
			return try_;           \
	} while (0)

static inline void fat_put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void fat_put32(uint8_t *p, uint32_t v)
{
	fat_put16(p, v);
	fat_put16(p + 2, v >> 16);
}

static inline void fat_copy(void *to, const void *from, size_t n)
{
	__builtin_memcpy(to, from, n);
}

static inline void fat_fill(void *to, int byte, size_t n)
{
	__builtin_memset(to, byte, n);
}

/* ---- fat_io.c: sectors, marks, barriers ---- */

/* A sector of the table or of a folder; good until the next call. */
enum fat_status fat_meta(struct fat_vol *v, uint64_t sector, uint8_t **data);
/* A folder's sector, written at once. */
enum fat_status fat_meta_write(struct fat_vol *v, uint64_t sector,
			       const uint8_t *data);
enum fat_status fat_data_read(struct fat_vol *v, uint64_t sector, void *to,
			      uint32_t count);
enum fat_status fat_data_write(struct fat_vol *v, uint64_t sector,
			       const void *from, uint32_t count);
enum fat_status fat_barrier(struct fat_vol *v);
/* Writes the sectors of the table that were changed, to all copies. */
enum fat_status fat_table_write(struct fat_vol *v);
/* Before each change: may it be? Marks the volume as dirty first. */
enum fat_status fat_begin(struct fat_vol *v);

/* ---- fat_table.c: the table ---- */

static inline bool fat_cluster_ok(const struct fat_vol *v, uint32_t c)
{
	return c >= 2 && c - 2 < v->clusters;
}

static inline uint64_t fat_sector_of(const struct fat_vol *v, uint32_t c)
{
	return v->data_start + (uint64_t)(c - 2) * v->per_cluster;
}

static inline uint32_t fat_cluster_bytes(const struct fat_vol *v)
{
	return v->per_cluster * FAT_SECTOR;
}

/* *next = 0: c is the last one. */
enum fat_status fat_next(struct fat_vol *v, uint32_t c, uint32_t *next);
enum fat_status fat_count_free(struct fat_vol *v);
/* n clusters more behind `tail`, or with tail = 0 a chain of its own, which is
 * written but not behind a barrier. *first is the first of them. */
enum fat_status fat_extend(struct fat_vol *v, uint32_t tail, uint32_t n,
			   uint32_t *first);
/* The chain goes on behind `tail` with another one, which is written. */
enum fat_status fat_link(struct fat_vol *v, uint32_t tail, uint32_t first);
/* Frees a chain that nothing names any more, behind a barrier. */
enum fat_status fat_free_chain(struct fat_vol *v, uint32_t first);
/* `last` becomes the chain's end; frees what was behind it. */
enum fat_status fat_cut_chain(struct fat_vol *v, uint32_t last);
enum fat_status fat_zero_cluster(struct fat_vol *v, uint32_t c);

/* ---- fat_name.c ---- */

struct fat_name {
	uint16_t unit[FAT_UNITS];
	unsigned n;
	uint8_t alias[11]; /* the short entry's */
	bool exact;	   /* the short entry says it all */
	bool lossy;	   /* it says less than the name but for case */
};

enum fat_status fat_name_parse(const char *utf8, struct fat_name *out);
/* False: no text (a surrogate alone, a slash ...); out has FAT_NAME bytes. */
bool fat_name_text(const uint16_t *unit, unsigned n, char *out);
unsigned fat_short_units(const uint8_t *entry, uint16_t unit[12]);
bool fat_name_same(const uint16_t *a, unsigned na, const uint16_t *b,
		   unsigned nb);
uint8_t fat_alias_sum(const uint8_t alias[11]);
/* The alias number `try`: 0 is the name itself, as far as it goes. */
void fat_alias_number(const struct fat_name *name, unsigned try,
		      uint8_t alias[11]);
/* Slots of the whole name; and writes them, but for the short entry. */
unsigned fat_name_slots(const struct fat_name *name);
void fat_name_write(const struct fat_name *name, uint8_t *slots);
unsigned fat_long_units(const uint8_t *slot, uint16_t unit[FAT_LONG_UNITS]);

/* ---- fat_dir.c: the entries of a folder ---- */

struct fat_place {
	uint64_t sector;
	unsigned slot;
};

/* A walk over the slots of a folder. */
struct fat_walk {
	struct fat_vol *v;
	uint32_t cluster, index;
	uint32_t next; /* index of the next slot */
};

struct fat_entry {
	uint8_t raw[FAT_ENTRY_BYTES]; /* the short entry */
	uint16_t unit[FAT_UNITS + FAT_LONG_UNITS];
	unsigned n; /* of the long name; 0: none that is good */
	unsigned nr_places;
	struct fat_place place[FAT_SET]; /* the last is the short one's */
	uint32_t next;
};

enum fat_status fat_walk_start(struct fat_walk *w, struct fat_vol *v,
			       uint32_t first, uint32_t at);
/* FAT_ENOENT: the end. */
enum fat_status fat_walk_entry(struct fat_walk *w, struct fat_entry *e);
enum fat_status fat_dir_find(struct fat_vol *v, uint32_t first,
			     const struct fat_name *name, struct fat_entry *e);
enum fat_status fat_dir_empty(struct fat_vol *v, uint32_t first);
/* Finds an alias that is unique in the folder. */
enum fat_status fat_dir_alias(struct fat_vol *v, uint32_t first,
			      struct fat_name *name);
/* Adds a name with a short entry; one write makes it visible. */
enum fat_status fat_dir_add(struct fat_vol *v, uint32_t first,
			    struct fat_name *name, uint8_t raw[FAT_ENTRY_BYTES],
			    struct fat_place *out);
enum fat_status fat_dir_remove(struct fat_vol *v, const struct fat_entry *e);
/* The same sector without the entry `old` and with a new one in its place;
 * FAT_ENOSPC: that has no room there. */
enum fat_status fat_dir_swap(struct fat_vol *v, const struct fat_entry *old,
			     const struct fat_name *name,
			     uint8_t raw[FAT_ENTRY_BYTES],
			     struct fat_place *out);

static inline uint32_t fat_raw_first(const uint8_t *raw)
{
	return ((uint32_t)le16(raw + DE_FIRST_HIGH) << 16 |
		le16(raw + DE_FIRST_LOW)) &
	       FAT_MASK;
}

static inline struct fat_place fat_entry_place(const struct fat_entry *e)
{
	return e->place[e->nr_places - 1];
}

static inline uint64_t fat_place_id(struct fat_place p)
{
	return p.sector * FAT_SLOTS + p.slot;
}

/* Frees those slots of an entry that are in the sector `at`. */
void fat_slots_free(uint8_t *sector, const struct fat_entry *e, uint64_t at);

/* ---- fat_node.c, fat_time.c ---- */

/* The node of an entry, if it is in use. */
struct fat_node *fat_node_at(struct fat_vol *v, struct fat_place p);

/* Writes the node's entry, if it has changed; no barrier before. */
enum fat_status fat_node_store(struct fat_node *n);
/* The same behind a barrier. */
enum fat_status fat_node_flush(struct fat_node *n);
void fat_raw_set(uint8_t *raw, const struct fat_node *n);
uint64_t fat_time_read(const uint8_t *date_time); /* time, then date */
void fat_time_write(uint8_t *date_time, uint64_t seconds);

#endif
