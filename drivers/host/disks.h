/* SPDX-License-Identifier: BSD-2-Clause */
/* The physical disks and their partitions. */
#ifndef HOST_DISKS_H
#define HOST_DISKS_H

#include "block.h"
#include "config.h"

/* Starts all disks there are drivers for, but those that guests get, and prints
 * them. */
void disks_init(const struct config *c);

/* Sectors of a physical disk. */
struct disk_range {
	struct blk_dev *dev;
	uint64_t first, count;
};

/* The partition of that name; false: there is none. */
bool disks_part(const char *name, struct disk_range *r);

/* All of the disk that was printed with that number; false: there is none. */
bool disks_whole(unsigned number, struct disk_range *r);

/* Zeroed memory that no one writes, for transfers to any disk. */
struct blk_seg disks_zeroes(void);

/* The number that was printed of a physical disk. */
unsigned disks_number(const struct blk_dev *dev);

/* The i-th of them, and where its controller is; null behind the last. */
const struct blk_dev *disks_nth(unsigned i, uint16_t *bdf);

/* Resets disks that do not answer; sets the time of the next look. */
void disks_check(void);

#endif
