/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio devices of all guests: made as the configuration says, and run
 * when there is cause to. */
#ifndef HOST_VDEVS_H
#define HOST_VDEVS_H

#include "config.h"
#include "vdev.h"

/*
 * Makes a device that is served from memory `mem`; its owner sets event and
 * arg. Null with *why (which holds until the next call): what is wrong.
 */
struct vdev *vdevs_make(const struct cfg_vdev *c, struct gmem *mem,
			const char **why);
/* Nothing of it may be running. */
void vdevs_free(struct vdev *v);

/* Lets each device work that has cause to. */
void vdevs_run(void);

/* ---- the kinds: null and *why as above ---- */
struct vdev *vblk_make(const struct cfg_vdev *c, const char **why);
struct vdev *vnet_make(const struct cfg_vdev *c, const char **why);
struct vdev *ventropy_make(const struct cfg_vdev *c, const char **why);
struct vdev *vfolder_make(const struct cfg_vdev *c, const char **why);
struct vdev *vconsole_make(const struct cfg_vdev *c, const char **why);

#endif
