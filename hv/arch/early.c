/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot-time page allocator, carving from the boot map. */
#include "arch/early.h"
#include "lib/panic.h"
#include "lib/string.h"

#define LEGACY_END (1ull << 20)

static struct boot_info *map;

void early_init(struct boot_info *bi)
{
	map = bi;
}

static struct boot_range *largest_free(void)
{
	struct boot_range *best = NULL;

	for (u32 i = 0; i < map->nr_ranges; i++) {
		struct boot_range *r = &map->ranges[i];

		if (r->type == BOOT_MEM_FREE && !(r->attr & BOOT_ATTR_STALE) &&
		    (!best || r->size > best->size))
			best = r;
	}
	return best;
}

/* Makes room for one range behind r. */
static void insert_after(struct boot_range *r)
{
	struct boot_range *end = &map->ranges[map->nr_ranges];

	if (map->nr_ranges == BOOT_MAX_RANGES)
		panic("early_alloc: the memory map is full");
	for (struct boot_range *p = end; p > r + 1; p--)
		*p = p[-1];
	map->nr_ranges++;
}

static void cut_tail(struct boot_range *r, u64 at, u32 type)
{
	insert_after(r);
	r[1] = (struct boot_range){ at, r->start + r->size - at, type,
				    r->attr };
	r->size = at - r->start;
}

/* From the top of the range downwards, so that one HV range grows. */
static void carve(struct boot_range *r, u64 start, u64 size)
{
	struct boot_range *next = r + 1;

	if (start + size < r->start + r->size)
		cut_tail(r, start + size, BOOT_MEM_FREE);
	if (next < &map->ranges[map->nr_ranges] && start > r->start &&
	    next->type == BOOT_MEM_HV && next->attr == r->attr &&
	    next->start == start + size) {
		next->start = start;
		next->size += size;
		r->size -= size;
	} else if (start > r->start) {
		cut_tail(r, start, BOOT_MEM_HV);
	} else {
		r->type = BOOT_MEM_HV;
	}
}

void *early_alloc(u64 n, u64 align)
{
	struct boot_range *r = largest_free();
	u64 size = n * PAGE_SIZE, start;

	if (!r || r->size < size)
		panic("out of memory: no room for %lu KiB", size >> 10);
	start = (r->start + r->size - size) & ~(align - 1);
	if (start < r->start)
		panic("out of memory: no room for %lu KiB", size >> 10);
	if (map->nr_ranges + 3 > BOOT_MAX_RANGES) /* give up the gap */
		carve(r, start, r->start + r->size - start);
	else
		carve(r, start, size);
	memset((void *)start, 0, size);
	return (void *)start;
}

bool early_known(u64 start, u64 size)
{
	if (range_within(start, size, LEGACY_END) && start)
		return true;
	for (u32 i = 0; i < map->nr_ranges; i++) {
		const struct boot_range *r = &map->ranges[i];

		if (start >= r->start &&
		    range_within(start - r->start, size, r->size))
			return true;
	}
	return false;
}
