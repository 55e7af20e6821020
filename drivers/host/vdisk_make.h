/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes virtual disks as the configuration says, and keeps apart those that
 * would disturb each other. */
#ifndef HOST_VDISK_MAKE_H
#define HOST_VDISK_MAKE_H

#include "config.h"
#include "vdisk.h"

/*
 * Makes a virtual disk; null, or what is wrong. It stays where it is until
 * vdisk_close; c too. A partition that is on no disk is replaced by the module
 * NAME.img, if there is one. `alone`: no one else may write to it meanwhile;
 * else several may have a whole partition, and may all write.
 */
const char *vdisk_open(struct vdisk *d, const struct cfg_vdev *c, bool alone);
/* Nothing of it may be running. */
void vdisk_close(struct vdisk *d);

#endif
