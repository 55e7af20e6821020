/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory. RAM is mapped at virtual == guest-physical; no page is both
 * writable and executable, and page 0 is not mapped.
 */
#ifndef KIT_MM_H
#define KIT_MM_H

#include "kit/kit.h"

#define KIT_READ 0u
#define KIT_WRITE 1u
#define KIT_EXEC 2u
#define KIT_UNCACHED 4u
#define KIT_USER 8u

/* Contiguous, page-aligned, zeroed pages, or NULL. Any vCPU; not in handlers
 * of non-maskable events. */
void *kit_pages_alloc(size_t n);
void kit_pages_free(void *pages, size_t n);
size_t kit_pages_left(void);

/*
 * Ballooning: gives pages of kit_pages_alloc() back to the hypervisor, without a
 * word about their content, and gets zeroed ones of the quota for them again
 * (2 MiB blocks where they are aligned). In between they must not be touched.
 * false: refused, or no memory is left; then some of them may be back already.
 */
bool kit_balloon_out(void *pages, size_t n);
bool kit_balloon_in(void *pages, size_t n);

/* Small memory, 16-byte aligned, not zeroed; NULL when there is none. */
void *kit_malloc(size_t n);
void *kit_calloc(size_t n, size_t size); /* zeroed */
void *kit_realloc(void *p, size_t n);
void kit_free(void *p); /* NULL does nothing */

/*
 * Maps size bytes (all three page-aligned) of guest-physical memory at va,
 * over what was mapped there. KIT_WRITE with KIT_EXEC is refused. Returns
 * false when refused or when no page is left for tables. 2 MiB pages are used
 * where all of va, gpa and size allow it. The TLB of this vCPU is kept right;
 * what another one may still hold is the caller's business: kit_tlb_flush.
 */
bool kit_map(uint64_t va, uint64_t gpa, uint64_t size, unsigned flags);
void kit_unmap(uint64_t va, uint64_t size);
/* Other vCPUs, bit n being vCPU n, use no old translation when it returns. */
void kit_tlb_flush(uint64_t vcpus);
/* Walks the tables: false if va is not mapped. */
bool kit_translate(uint64_t va, uint64_t *gpa);

/* RAM is identity-mapped: these only say what is meant. */
static inline uint64_t kit_gpa(const volatile void *p)
{
	return (uint64_t)(uintptr_t)p;
}
static inline void *kit_ptr(uint64_t gpa) { return (void *)(uintptr_t)gpa; }

/* The root of the kit's page tables (for CR3), and a second, equal address
 * space with a root of its own; 0 when no page is left. */
uint64_t kit_root(void);
uint64_t kit_root_clone(void);

#endif
