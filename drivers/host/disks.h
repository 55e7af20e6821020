/* SPDX-License-Identifier: BSD-2-Clause */
/* The physical disks and their partitions, and the disks made from them. */
#ifndef HOST_DISKS_H
#define HOST_DISKS_H

#include "config.h"
#include "vdisk.h"

/* Starts all disks there are drivers for, but those that guests get, and prints
 * them. */
void disks_init(const struct config *c);

/* Makes a virtual disk; null, or what is wrong. A partition that is on no disk
 * is replaced by the module NAME.img, if there is one. */
const char *disks_open(struct vdisk *d, const struct cfg_vdev *cfg);

/* The number that was printed of a physical disk. */
unsigned disks_number(const struct blk_dev *dev);

/* Resets disks that do not answer; sets the time of the next look. */
void disks_check(void);

#endif
