/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the registers and the rest of a guest's virtio device. */
#ifndef HOST_VDEV_REGS_H
#define HOST_VDEV_REGS_H

#include "vdev.h"

/* Back to the state after power-on; nothing may be running. */
void vdev_reset(struct vdev *v);

#endif
