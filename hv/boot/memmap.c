/* SPDX-License-Identifier: BSD-2-Clause */
/* Turns UEFI's memory map into sorted, merged ranges. */
#include "boot/boot.h"

#define LIMIT (1ull << 52)

static u32 type_of(const EFI_MEMORY_DESCRIPTOR *d)
{
	switch (d->Type) {
	case EfiLoaderCode:
	case EfiLoaderData:
		return BOOT_MEM_HV;
	case EfiBootServicesCode:
	case EfiBootServicesData:
	case EfiConventionalMemory:
		return d->Attribute & EFI_MEMORY_WB ? BOOT_MEM_FREE :
						      BOOT_MEM_OTHER;
	case EfiRuntimeServicesCode:
	case EfiRuntimeServicesData:
		return BOOT_MEM_RUNTIME;
	case EfiACPIReclaimMemory:
	case EfiACPIMemoryNVS:
		return BOOT_MEM_ACPI;
	default:
		return BOOT_MEM_OTHER;
	}
}

/*
 * The whole pages of an entry. What UEFI calls usable is believed only where it
 * makes sense; all else takes what it touches.
 */
static struct boot_range range_of(const EFI_MEMORY_DESCRIPTOR *d)
{
	struct boot_range r = { .start = d->PhysicalStart & ~PAGE_MASK,
				.type = type_of(d) };
	bool odd = d->PhysicalStart & PAGE_MASK;
	u64 pages = d->NumberOfPages, room = (LIMIT - r.start) / PAGE_SIZE;

	if (r.start >= LIMIT || !pages)
		return r;
	if (r.type == BOOT_MEM_FREE && (odd || pages > room))
		return r;
	r.size = (pages < room ? pages + odd : room) * PAGE_SIZE;
	r.stale = r.type == BOOT_MEM_FREE && d->Type != EfiConventionalMemory;
	return r;
}

/*
 * What is at `at`, as far as no entry begins or ends there; false: no memory.
 * Where entries overlap, the one that allows least has it.
 */
static bool piece_at(const struct efi_map *map, u64 at, struct boot_range *p)
{
	u64 next = at ? LIMIT : PAGE_SIZE;
	bool known = false;

	/* nobody gets page 0: address 0 stays invalid */
	*p = (struct boot_range){ .start = at,
				  .type = at ? BOOT_MEM_FREE : BOOT_MEM_OTHER };
	for (u64 i = 0; i < map->size / map->stride; i++) {
		struct boot_range r =
			range_of((void *)(map->buf + i * map->stride));
		u64 edge = r.start > at ? r.start : r.start + r.size;

		if (!r.size || edge <= at)
			continue;
		next = edge < next ? edge : next;
		if (r.start > at)
			continue;
		known = true;
		p->type = r.type > p->type ? r.type : p->type;
		p->stale |= r.stale;
	}
	p->size = next - at;
	p->stale &= p->type == BOOT_MEM_FREE;
	return known;
}

/* Adds a range behind all others; false: no room. */
static bool append(struct boot_info *bi, struct boot_range r)
{
	u32 n = bi->nr_ranges;
	struct boot_range *last = n ? &bi->ranges[n - 1] : NULL;

	if (last && last->start + last->size == r.start &&
	    last->type == r.type && last->stale == r.stale) {
		last->size += r.size;
		return true;
	}
	if (n == BOOT_MAX_RANGES - 1) /* one for early_init() */
		return false;
	bi->ranges[bi->nr_ranges++] = r;
	return true;
}

u32 boot_map_convert(struct boot_info *bi, const struct efi_map *map)
{
	struct boot_range p;
	u32 lost = 0;

	bi->nr_ranges = 0;
	for (u64 at = 0; at < LIMIT; at += p.size)
		if (piece_at(map, at, &p) && !append(bi, p))
			lost++;
	return lost;
}
