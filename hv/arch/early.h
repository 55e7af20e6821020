/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot-time page allocator: carves pages that are never given back. */
#ifndef ARCH_EARLY_H
#define ARCH_EARLY_H

#include "lib/bootinfo.h"

/* Remembers the map. Boot CPU, first of all. */
void early_init(struct boot_info *bi);

/*
 * n zeroed, contiguous pages at an address that is a multiple of align (bytes,
 * power of two, at least PAGE_SIZE), taken from the largest BOOT_MEM_FREE
 * range, whose boot_range is split so that they become BOOT_MEM_HV.
 * Panics when memory is out. Only until frame_init() (core).
 */
void *early_alloc(u64 n, u64 align);

/* True when [start, start + size) lies in memory that UEFI's map names (of any
 * type) or in the legacy area below 1 MiB: it can be read. */
bool early_known(u64 start, u64 size);

#endif
