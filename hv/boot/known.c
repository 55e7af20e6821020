/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be read, going by UEFI's map. */
#include "boot/acpi.h"

#define LEGACY_END (1ull << 20)

bool boot_known(const struct boot_info *bi, u64 start, u64 size)
{
	if (range_within(start, size, LEGACY_END) && start)
		return true;
	for (u32 i = 0; i < bi->nr_ranges; i++) {
		const struct boot_range *r = &bi->ranges[i];

		if (start >= r->start &&
		    range_within(start - r->start, size, r->size))
			return true;
	}
	return false;
}
