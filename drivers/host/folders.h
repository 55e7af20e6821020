/* SPDX-License-Identifier: BSD-2-Clause */
/* FAT32 volumes on virtual disks, for the folders that guests share. */
#ifndef HOST_FOLDERS_H
#define HOST_FOLDERS_H

#include "config.h"
#include "fat/fat.h"

/*
 * Opens the folder that the configuration names as PARTITION[/DIR]; guests that
 * name one partition share its volume. Null with *why: what is wrong. Not from
 * an event's handler, as nothing here: it waits for the disk.
 */
struct fat_node *folders_open(const struct cfg_vdev *c, const char **why);
/* Gives it back; a volume that nobody uses is written out and closed. */
void folders_close(struct fat_node *folder);

/* Writes out, and marks as clean, volumes that were left alone for a while; sets
 * the time of the next look. */
void folders_check(void);

#endif
