/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot-time page allocator, carving from the boot map. */
#include "lib/early.h"
#include "lib/panic.h"
#include "lib/string.h"

struct boot_range *early_home;

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
