/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's own page tables: identity, W^X, 4 or 5 levels as CR4.LA57. */
#ifndef ARCH_PAGING_H
#define ARCH_PAGING_H

#include "lib/bootinfo.h"

/*
 * Builds tables from the map (FREE, HV: RW+NX; ACPI, RUNTIME: as needed for
 * ResetSystem; the image by its sections) and loads CR3. Boot CPU, once.
 */
void paging_init(const struct boot_info *bi);

/* Loads the same CR3 on another CPU. */
void paging_load(void);

/* Maps device memory, uncached, RW+NX. start and size in bytes. Boot only. */
void paging_map_device(u64 start, u64 size);

/*
 * For the very end: opens UEFI's runtime code and data (writable and
 * executable, which nothing else ever is) so that ResetSystem can run.
 */
void paging_open_runtime(const struct boot_info *bi);

/* Makes one page not present (guard pages) or read+execute (the AP page). */
void paging_unmap_page(u64 addr);
void paging_make_exec(u64 addr);

u64 paging_root(void); /* hpa of the top table */

#endif
