/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of FAT32 volumes as disks: where on the volume's disk their sectors
 * are. */
#ifndef HOST_VFILE_H
#define HOST_VFILE_H

#include <stdbool.h>
#include <stdint.h>

struct fat_node;
struct vdisk;

/* Sectors that follow each other there too. */
struct vfile_extent {
	uint64_t first; /* in the file */
	uint64_t at;	/* in the volume */
};

/* One for each file; held (fat_hold) until nobody uses it. */
struct vfile {
	struct vfile *next;
	unsigned users;
	bool writes; /* its one user does */
	struct fat_node *node;
	const struct vdisk *volume; /* the disk that holds it */
	uint64_t sectors;
	uint32_t nr_extents;
	struct vfile_extent *extent;
};

/*
 * The file that `source` names as PARTITION/PATH. Several may read it, or one
 * may write. Its first user has the table of the volume read, the others cost
 * nothing of the kind. Null with *why: what is wrong. Waits for the disk.
 */
struct vfile *vfile_open(const char *source, bool writes, const char **why);
void vfile_close(struct vfile *f);

/* Where a sector of the file is, and how many of `count` follow it there. */
uint64_t vfile_at(const struct vfile *f, uint64_t sector, uint64_t *count);

#endif
