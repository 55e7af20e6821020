/* SPDX-License-Identifier: BSD-2-Clause */
/* A FAT32 volume in memory, with a record of all writes; and a model of it. */
#ifndef TESTS_FAT_FAT_H
#define TESTS_FAT_FAT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fat/fat.h"

#define FILES 48u
#define PATH 1024u
#define SIZE_MOST 40000u /* of a file */

#define CHECK(cond)                                                       \
	do {                                                              \
		if (!(cond)) {                                            \
			printf("%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			exit(1);                                          \
		}                                                         \
	} while (0)

uint32_t rnd(uint32_t below);
void rnd_seed(uint64_t seed);

/* ---- disk.c ---- */

struct disk {
	uint8_t *data;
	uint64_t sectors;
	bool record;
};

extern struct disk disk;

void disk_load(const char *file);
void disk_save(const char *file);
struct fat_io disk_io(void);
/* Starts the record: what is on the disk now is its base. */
void disk_record(void);
unsigned disk_position(void); /* writes and barriers so far */
/* The disk becomes what it may be after a cut at that position: all until the
 * last barrier, and then a part, from the first on or of any. */
void disk_cut(unsigned position, bool any);

/* ---- model.c ---- */

struct file {
	char path[PATH]; /* "": unused */
	bool dir;
	uint8_t *data;
	uint32_t size;
	struct fat_node *open; /* or null */
	struct promise *promise;
};

/* From one position to another, one of two contents is at one of two paths. */
struct promise {
	unsigned from, until;
	char path[2][PATH];
	uint8_t *data[2];
	uint32_t size[2];
	struct promise *next;
};

extern struct fat_vol *vol;
extern struct file files[FILES];

void vol_mount(void);
struct fat_node *walk(const char *path); /* null: not there */
void model_step(void);			 /* one random operation */
void model_close(void);			 /* closes all, and cleans */

/* ---- promise.c ---- */

void promise_end(struct file *f);
struct promise *promise_new(void);
void promise_or(struct promise *p, unsigned way, const char *path,
		const struct file *f);
/* The file is on the volume as it is now. */
void promise_make(struct file *f);
/* The file moves: from now on it is at one of the paths. */
void promise_moves(struct file *f, const char *path);
void model_verify(void); /* the volume is as the model */
void model_list(void);	 /* prints it */
/* After a cut at that position. */
void promises_verify(unsigned position);

#endif
