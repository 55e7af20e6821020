/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the server has: the files of a virtual disk, and the disk itself.
 *
 * The disk may begin with a table, a text of at most FILES_TABLE bytes:
 *
 *	parley-files
 *	NAME SECTOR BYTES TYPE		for each file, parted by single blanks
 *					(an empty line, or a 0, ends it)
 */
#ifndef HTTP_FILES_H
#define HTTP_FILES_H

#include "kit/block.h"

#define FILES_TABLE 4096u
#define FILES_MAX 32u
#define FILES_CHUNK 8192u /* bytes of one read, whole sectors */

struct file {
	char name[48], type[32];
	uint64_t sector, size;
};

struct files {
	struct kit_block *disk;
	struct file file[FILES_MAX];
	unsigned n;
};

/* Without a table there is the file `disk` only, which is all of it. */
bool files_mount(struct files *f, struct kit_block *disk);
const struct file *files_find(const struct files *f, const char *name,
			      size_t len);
/* Up to FILES_CHUNK bytes from `at`, a multiple of a sector; false: I/O error,
 * or not within the file. */
bool files_read(const struct files *f, const struct file *file, uint64_t at,
		void *buf, size_t n);

#endif
