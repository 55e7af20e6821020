/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot-time page allocator, carving from the boot map. */
#include "boot/early.h"
#include "boot/machine.h"
#include "lib/panic.h"
#include "lib/string.h"

/* A free range; the one behind it is the hypervisor's and grows down into it. */
static struct boot_range *early_home;

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

void *early_alloc(u64 n, u64 align)
{
	struct boot_range *home = early_home, *hv = home + 1;
	u64 size = n * PAGE_SIZE, start = (hv->start - size) & ~(align - 1);

	if (size >= home->size || start <= home->start)
		panic("out of memory: no room for %lu KiB", size >> 10);
	hv->size += hv->start - start;
	hv->start = start;
	home->size = start - home->start;
	return memset((void *)start, 0, size);
}
