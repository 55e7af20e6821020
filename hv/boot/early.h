/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot-time page allocator: carves pages that are never given back. */
#pragma once

#include "lib/bootinfo.h"

/*
 * n zeroed, contiguous pages at an address that is a multiple of align (bytes,
 * power of two, at least PAGE_SIZE). They, and gaps, become BOOT_MEM_HV.
 * Panics when memory is out. Only before hv_main().
 */
void *early_alloc(u64 n, u64 align);

/* Makes bi->frames for bi->ranges. After paging_init(), before hv_main(). */
void early_frames(struct boot_info *bi);
