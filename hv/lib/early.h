/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot-time page allocator: carves pages that are never given back. */
#pragma once

#include "lib/bootinfo.h"

/*
 * n zeroed, contiguous pages at an address that is a multiple of align (bytes,
 * power of two, at least PAGE_SIZE). They, and gaps, become BOOT_MEM_HV.
 * Panics when memory is out. Only until frame_init() (core).
 */
void *early_alloc(u64 n, u64 align);

/* A BOOT_MEM_FREE range of the map, the one behind it is BOOT_MEM_HV and grows
 * downwards into it. Set by hv/boot, once, when the map is final. */
extern struct boot_range *early_home;
