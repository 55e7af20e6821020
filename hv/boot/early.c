/* SPDX-License-Identifier: BSD-2-Clause */
/* Chooses the memory that early_alloc() takes from. */
#include "boot/machine.h"
#include "lib/early.h"
#include "lib/panic.h"

void early_init(struct boot_info *bi)
{
	struct boot_range *end = &bi->ranges[bi->nr_ranges++], *best = NULL;

	for (struct boot_range *r = bi->ranges; r < end; r++)
		if (r->type == BOOT_MEM_FREE && !r->stale &&
		    (!best || r->size > best->size))
			best = r;
	if (!best)
		panic("out of memory: UEFI leaves none free");
	for (; end > best + 1; end--)
		*end = end[-1];
	*end = (struct boot_range){ best->start + best->size, 0, BOOT_MEM_HV,
				    false };
	early_home = best;
}
