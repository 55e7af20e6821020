/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two files on a virtual disk, enough for a database and its journal.
 *
 *	sector 0, 1	the first file's header, in two copies
 *	       2, 3	the second file's
 *	       4	the note
 *	       8 ...	the first file's data, half of the rest; then the other's
 *
 * What was written is on the disk after store_sync, not before; a file's
 * header changes only then, after its data, by one sector of the older copy.
 * So a cut at any moment leaves each file with a size it had at a sync.
 */
#ifndef SQLITE_STORE_H
#define SQLITE_STORE_H

#include "kit/block.h"

#define STORE_FILES 2u

struct store_file {
	uint64_t first;	      /* sector of the data */
	uint64_t room, size;  /* bytes */
	uint64_t seq;	      /* of the newest header copy; 0: none */
	bool exists, changed; /* changed: the header on the disk is older */
	bool cached, dirty;
	uint64_t sector; /* what `cache` holds, from `first` on */
	uint8_t cache[KIT_SECTOR];
};

struct store {
	struct kit_block *disk;
	struct store_file file[STORE_FILES];
};

/* Reads the headers; a disk without any has no files. Null, or what is wrong. */
const char *store_mount(struct store *s, struct kit_block *disk);

/* All return false on an I/O error. Bytes read behind the end are 0. */
bool store_read(struct store *s, struct store_file *f, uint64_t at, void *buf,
		size_t n);
/* Also false when the room is used up. A gap behind the end reads as 0. */
bool store_write(struct store *s, struct store_file *f, uint64_t at,
		 const void *buf, size_t n);
void store_truncate(struct store_file *f, uint64_t size);
bool store_sync(struct store *s, struct store_file *f);
/* Makes an empty file, or takes one away. */
bool store_create(struct store *s, struct store_file *f);
bool store_delete(struct store *s, struct store_file *f);

/* One number beside the files, on the disk when store_note_set returns; 0
 * while there is none. */
bool store_note_set(struct store *s, uint64_t value);
uint64_t store_note_get(struct store *s);

#endif
