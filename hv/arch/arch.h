/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything of this room, brought up in its order. */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include "lib/bootinfo.h"

/*
 * From what hv/boot left to own tables on every CPU, interrupts ready but off,
 * clocks known, PCI functions listed. ap_entry runs at once on each other CPU
 * and does not return. Boot CPU, once, before frame_init(). Prints nothing but
 * problems; a machine without usable ACPI tables ends in power_off(1).
 */
void arch_init(struct boot_info *bi, void (*ap_entry)(void));

#endif
