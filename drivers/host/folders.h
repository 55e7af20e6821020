/* SPDX-License-Identifier: BSD-2-Clause */
/* FAT32 volumes on virtual disks, for the folders that guests share and for the
 * files that are disks. */
#ifndef HOST_FOLDERS_H
#define HOST_FOLDERS_H

#include "config.h"
#include "fat/fat.h"
#include "vdisk.h"

/*
 * Opens the folder that the configuration names as PARTITION[/DIR]; guests that
 * name one partition share its volume. Null with *why: what is wrong. Not from
 * an event's handler, as nothing here: it waits for the disk.
 */
struct fat_node *folders_open(const struct cfg_vdev *c, const char **why);
/* The same of a file: PARTITION/PATH. */
struct fat_node *folders_file(const char *source, const char **why);
/* The disk that the volume of one of these is on. */
const struct vdisk *folders_disk(const struct fat_node *n);
/* Gives it back; a volume that nobody uses is written out and closed. */
void folders_close(struct fat_node *n);

/* Writes out, and marks as clean, volumes that were left alone for a while; sets
 * the time of the next look. */
void folders_check(void);

#endif
