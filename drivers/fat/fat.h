/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FAT32 with long names (Microsoft's FAT specification 1.03, here "FAT"), on
 * anything that reads and writes sectors. The volume may hold anything.
 *
 * After a cut at any write a checker finds at most chains that are orphaned or
 * longer than their file, copies of the table that differ, and the dirty bit;
 * what fat_sync has written is there. Barriers order the writes: data and
 * table before the directory entry; on removal the entry before the table.
 *
 * Not reentrant: one caller at a time for each volume. All calls are
 * synchronous. Names are UTF-8, ending in NUL.
 */
#ifndef DRIVERS_FAT_FAT_H
#define DRIVERS_FAT_FAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAT_SECTOR 512u
#define FAT_UNITS 255u	   /* UTF-16 units of a name that is found, at most */
#define FAT_NEW_UNITS 195u /* and of one that is made: it fits into a sector */
#define FAT_NAME 768u	   /* bytes of a name's buffer */
#define FAT_NODES 16384u   /* files and folders in use at a time */
#define FAT_BUFS 64u	   /* sectors of tables and folders that are kept */
#define FAT_BULK 16384u	   /* bytes of the buffer for copies and zeros */

enum fat_status {
	FAT_OK,
	FAT_EIO, /* the device says so; once a write failed, all later ones */
	FAT_ENOENT,
	FAT_EEXIST,
	FAT_ENOTDIR,
	FAT_EISDIR,
	FAT_ENOTEMPTY,
	FAT_ENOSPC,
	FAT_EINVAL, /* no name for FAT; or the root, where it cannot be */
	FAT_ENAMETOOLONG,
	FAT_EFBIG,  /* 4 GiB - 1 is the most */
	FAT_EROFS,  /* mounted read-only */
	FAT_ENFILE, /* more than FAT_NODES in use */
	FAT_EXDEV,  /* a folder that cannot be renamed in one write */
	FAT_EBUSY,  /* somebody holds it, or is writing to it */
	FAT_ECORRUPT,
};

/* The device. Sectors count from the volume's start. */
struct fat_io {
	bool (*read)(void *ctx, uint64_t sector, void *to, uint32_t count);
	bool (*write)(void *ctx, uint64_t sector, const void *from,
		      uint32_t count);
	/* All writes before it are kept before any that comes after it. */
	bool (*flush)(void *ctx);
	/* Seconds since 1970; may be null: new files are of 1980. */
	uint64_t (*now)(void *ctx);
	void *ctx;
	uint64_t sectors;
};

struct fat_buf {
	uint64_t sector; /* FAT_NO_SECTOR: unused */
	bool dirty;	 /* of the table only */
	uint8_t data[FAT_SECTOR];
};

/* A file or folder in use; one for each, however often it is open. What
 * callers may read: attr, size, mtime, id. */
struct fat_node {
	struct fat_vol *v;
	unsigned refs;
	uint64_t id; /* no other node in use has it */
	uint8_t attr;
	uint32_t size;	     /* bytes; 0 for a folder */
	uint64_t mtime;	     /* seconds since 1970 */
	uint32_t first;	     /* cluster; 0: none */
	struct fat_node *up; /* the folder that lists it; null: the root */
	uint64_t sector;     /* of its short entry; 0: none */
	unsigned slot;
	bool dirty, removed;
	unsigned writers;
	bool held;
	uint32_t at_index, at_cluster; /* where the last access was; 0: none */
};

struct fat_vol {
	struct fat_io io;
	bool read_only;
	bool failed; /* a write did: nothing is written any more */
	bool dirty;  /* the marks on the volume say so */
	bool was_dirty;
	uint64_t fat_start, data_start, fsinfo; /* sectors; fsinfo 0: none */
	uint32_t fat_sectors, copies;
	uint32_t per_cluster; /* sectors */
	uint32_t clusters;    /* the last one is clusters + 1 */
	uint32_t root;
	uint32_t free, next_free; /* clusters; where to look for one first */
	uint64_t next_id;
	struct fat_buf buf[FAT_BUFS];
	uint8_t bulk[FAT_BULK];
	uint32_t nr_nodes; /* none behind is in use */
	struct fat_node node[FAT_NODES];
};

/* What a folder lists. */
struct fat_item {
	char name[FAT_NAME];
	uint64_t id; /* as its node's, if that is new */
	bool folder;
	uint32_t next; /* position behind it */
};

/* Null, or why the volume is refused. Counts what is free: reads the table. */
const char *fat_mount(struct fat_vol *v, const struct fat_io *io,
		      bool read_only);

/* Writes all that is pending, and that the volume is clean. It may be used
 * further; what changes it marks it as dirty again. */
enum fat_status fat_clean(struct fat_vol *v);

/* ---- folders: each node that is handed out counts, until fat_put ---- */

enum fat_status fat_root(struct fat_vol *v, struct fat_node **out);
enum fat_status fat_lookup(struct fat_node *dir, const char *name,
			   struct fat_node **out);
enum fat_status fat_parent(struct fat_node *n, struct fat_node **out);
/* By what name its folder lists it; `out` has FAT_NAME bytes. */
enum fat_status fat_name(struct fat_node *n, char *out);
void fat_get(struct fat_node *n);
/* The last one writes the entry, and frees what was removed. */
enum fat_status fat_put(struct fat_node *n);

/* The entry at or behind position `at`, 0 at first; FAT_ENOENT: no more. */
enum fat_status fat_list(struct fat_node *dir, uint32_t at,
			 struct fat_item *out);

enum fat_status fat_create(struct fat_node *dir, const char *name,
			   struct fat_node **out);
enum fat_status fat_mkdir(struct fat_node *dir, const char *name,
			  struct fat_node **out);
/* Removes a file or an empty folder; a node of it stays good until fat_put. */
enum fat_status fat_remove(struct fat_node *dir, const char *name);

/*
 * Also replaces a file, or an empty folder. In one write where old and new
 * entry fit into one sector; else a file is copied, and a folder refused with
 * FAT_EXDEV.
 */
enum fat_status fat_rename(struct fat_node *from, const char *name,
			   struct fat_node *to, const char *new_name);

/* ---- files ---- */

enum fat_status fat_read(struct fat_node *n, uint64_t at, void *to,
			 uint32_t bytes, uint32_t *done);
/* All or nothing, as far as the size says. */
enum fat_status fat_write(struct fat_node *n, uint64_t at, const void *from,
			  uint32_t bytes);
enum fat_status fat_truncate(struct fat_node *n, uint64_t size);
enum fat_status fat_set_mtime(struct fat_node *n, uint64_t seconds);
/* When it returns FAT_OK, contents, size and name are kept. */
enum fat_status fat_sync(struct fat_node *n);

/*
 * A file that is held keeps its clusters, its size and its name, and what it
 * contains is its holder's: to write, to truncate, to rename and to remove it
 * gives FAT_EBUSY. So does fat_hold of one that is held, or that has a writer.
 */
enum fat_status fat_hold(struct fat_node *n);
void fat_unhold(struct fat_node *n);
/* Around the time in which it may be written; FAT_EBUSY: it is held. */
enum fat_status fat_writer_begin(struct fat_node *n);
void fat_writer_end(struct fat_node *n);

/* Where the contents from byte `at` on lie, which is a sector's first and below
 * the size: sectors of the volume that follow each other, 1 at least. The last
 * one may reach beyond the size. */
enum fat_status fat_extent(struct fat_node *n, uint64_t at, uint64_t *sector,
			   uint32_t *count);

bool fat_is_dir(const struct fat_node *n);
uint64_t fat_now(const struct fat_vol *v);
const char *fat_strerror(enum fat_status s);

#endif
