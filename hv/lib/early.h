/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot-time page allocator: carves pages that are never given back. */
#pragma once

#include "lib/bootinfo.h"

/*
 * Chooses the largest BOOT_MEM_FREE range that held no firmware data, and puts
 * an empty BOOT_MEM_HV range behind it, which grows downwards. One entry of
 * the map has to be free. By hv/boot, once, when the map is final.
 */
void early_init(struct boot_info *bi);

/*
 * n zeroed, contiguous pages at an address that is a multiple of align (bytes,
 * power of two, at least PAGE_SIZE). They, and gaps, become BOOT_MEM_HV.
 * Panics when memory is out. Only until frame_init() (core).
 */
void *early_alloc(u64 n, u64 align);
