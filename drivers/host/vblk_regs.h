/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the registers and the queue of a guest's block device. */
#ifndef HOST_VBLK_REGS_H
#define HOST_VBLK_REGS_H

#include "vblk.h"

#define VBLK_ISR_QUEUE 1u
#define VBLK_ISR_CONFIG 2u

#define VBLK_TYPE_FAILED 0xffffffffu /* in vblk_io.type: answer IOERR */

/* Back to the state after power-on; nothing may be running. */
void vblk_reset(struct vblk *v);

#endif
