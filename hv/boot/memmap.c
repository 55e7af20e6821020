/* SPDX-License-Identifier: BSD-2-Clause */
/* Turns UEFI's memory map into sorted, merged ranges. */
#include "boot/boot.h"

#define MAP_MAX 1024u

static const EFI_MEMORY_DESCRIPTOR *entry(const struct efi_map *map, u32 i)
{
	return (const EFI_MEMORY_DESCRIPTOR *)(map->buf + i * map->stride);
}

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

/* Adds a range that starts at or behind the end of the last one. */
static u32 append(struct boot_info *bi, struct boot_range r)
{
	struct boot_range *last = &bi->ranges[bi->nr_ranges - 1];

	if (bi->nr_ranges) {
		u64 end = last->start + last->size;

		if (r.start < end) { /* overlap: the first one has it */
			if (r.start + r.size <= end)
				return 0;
			r.size -= end - r.start;
			r.start = end;
		}
		if (r.start == end && r.type == last->type &&
		    r.stale == last->stale) {
			last->size += r.size;
			return 0;
		}
	}
	if (!r.size)
		return 0;
	if (bi->nr_ranges == BOOT_MAX_RANGES - 1) /* one for early_init() */
		return 1;
	bi->ranges[bi->nr_ranges++] = r;
	return 0;
}

static u32 append_entry(struct boot_info *bi, const EFI_MEMORY_DESCRIPTOR *d)
{
	struct boot_range r = { .start = d->PhysicalStart,
				.size = d->NumberOfPages * PAGE_SIZE,
				.type = type_of(d) };
	u32 lost = 0;

	r.stale = r.type == BOOT_MEM_FREE && d->Type != EfiConventionalMemory;
	if (!d->NumberOfPages || !range_within(r.start, r.size, 1ull << 52))
		return 0;
	if (!r.start) { /* nobody gets page 0: address 0 stays invalid */
		struct boot_range zero = { 0, PAGE_SIZE, BOOT_MEM_OTHER,
					   false };

		lost = append(bi, zero);
	}
	return lost + append(bi, r);
}

u32 boot_map_convert(struct boot_info *bi, const struct efi_map *map)
{
	static u16 order[MAP_MAX];
	u32 n = (u32)(map->size / map->stride), lost = 0;

	if (n > MAP_MAX) {
		lost = n - MAP_MAX;
		n = MAP_MAX;
	}
	for (u32 i = 0; i < n; i++) {
		u32 j = i;

		for (; j && entry(map, order[j - 1])->PhysicalStart >
				    entry(map, i)->PhysicalStart;
		     j--)
			order[j] = order[j - 1];
		order[j] = (u16)i;
	}
	bi->nr_ranges = 0;
	for (u32 i = 0; i < n; i++)
		lost += append_entry(bi, entry(map, order[i]));
	return lost;
}
