/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds identity page tables in memory; touches no control register. */
#pragma once

#include "lib/regs.h"
#include "lib/types.h"

/* What a range is for. */
#define PT_RW (PTE_P | PTE_W | PTE_NX | PTE_G | PTE_A | PTE_D)
#define PT_RO (PTE_P | PTE_NX | PTE_G | PTE_A)
#define PT_RX (PTE_P | PTE_G | PTE_A)
#define PT_DEVICE (PT_RW | PTE_PCD | PTE_PWT) /* PAT entry 3: UC */
#define PT_NONE 0ull

struct pagetable {
	u64 *root;
	u32 levels; /* 4 or 5 */
	bool gb_pages;
};

/*
 * Makes [start, start + size) (whole pages) have `flags`, mapped at their own
 * address with the largest pages that fit; large pages in the way are split.
 * Tables come from early_alloc(). flags PT_NONE unmaps.
 */
void pt_set(struct pagetable *pt, u64 start, u64 size, u64 flags);

/* The entry that maps addr and the size it maps; NULL if there is none. */
u64 *pt_find(const struct pagetable *pt, u64 addr, u64 *size);
