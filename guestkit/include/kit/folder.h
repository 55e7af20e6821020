/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared folders: a client of 9P2000.L over a virtio 9P device (id 9), its
 * messages in pages shared with the host partition.
 *
 * Paths are from the folder's root, names parted by '/'. What fails gives the
 * negative number of Linux's error (-2: there is no such file), -5 where the
 * device does not answer. One caller at a time for each folder, not with
 * interrupts off.
 *
 * When the host partition has died and is back, calls go on with a new session, in
 * which open files are opened again by their paths: one that was renamed or removed
 * meanwhile is gone (-2). To create a file or folder, to remove and to rename give
 * -5 when that came between the request and its answer: it may have been done or
 * not, which a look shows. What was written and not synced may be lost, as by a cut
 * of power; the file's next kit_file_sync gives -5 then.
 */
#ifndef KIT_FOLDER_H
#define KIT_FOLDER_H

#include "kit/kit.h"

#define KIT_FILE_WRITE 1u  /* also read */
#define KIT_FILE_CREATE 2u /* where there is none */
#define KIT_FILE_TRUNC 4u

#define KIT_NAME_MAX 768u /* bytes of a name, NUL included */

struct kit_folder;
struct kit_file;

struct kit_item {
	char name[KIT_NAME_MAX];
	bool folder;
};

/* Finds the folder of that tag and attaches to it. NULL when there is none or
 * it does not work (*why, unless NULL, is set to a constant text). */
struct kit_folder *kit_folder_open(const char *tag, const char **why);

/* *file is to be closed; 0, or what is wrong. */
int kit_file_open(struct kit_folder *d, const char *path, unsigned flags,
		  struct kit_file **file);
void kit_file_close(struct kit_file *f);

/* How many bytes, less than n only at the end; copied once on either side. */
int64_t kit_file_read(struct kit_file *f, uint64_t at, void *buf, size_t n);
int64_t kit_file_write(struct kit_file *f, uint64_t at, const void *buf,
		       size_t n);
int64_t kit_file_size(struct kit_file *f);
int kit_file_truncate(struct kit_file *f, uint64_t size);
int kit_file_sync(struct kit_file *f); /* 0: it is on the volume */

/* Calls fn for each entry, until it returns false; it does nothing with the
 * folder itself. */
int kit_folder_list(struct kit_folder *d, const char *path,
		    bool (*fn)(const struct kit_item *item, void *arg),
		    void *arg);
int kit_folder_make(struct kit_folder *d, const char *path);
int kit_folder_remove(struct kit_folder *d, const char *path);
int kit_folder_rename(struct kit_folder *d, const char *path,
		      const char *new_path);

#endif
