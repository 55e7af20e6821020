/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything of this room, brought up in its order. */
#pragma once

#include "lib/bootinfo.h"

/*
 * From what hv/boot left to own descriptor tables on every CPU and interrupts
 * ready but off. ap_entry runs at once on each other CPU and does not return;
 * a CPU that does not answer in a second is reported and left out. Sets
 * cpu_table and cpu_count. Boot CPU, once, before frame_init().
 */
void arch_init(struct boot_info *bi, void (*ap_entry)(void));
