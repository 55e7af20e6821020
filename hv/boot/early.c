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

static void *carve(u64 size, u64 align)
{
	struct boot_range *home = early_home, *hv = home + 1;
	u64 start = (hv->start - size) & ~(align - 1);

	if (size >= home->size || start <= home->start)
		panic("out of memory: no room for %lu KiB", size >> 10);
	hv->size += hv->start - start;
	hv->start = start;
	home->size = start - home->start;
	return (void *)start;
}

void *early_alloc(u64 n, u64 align)
{
	return memset(carve(n * PAGE_SIZE, align), 0, n * PAGE_SIZE);
}

void early_frames(struct boot_info *bi)
{
	u64 n, size, *fill;

	for (u32 k = 0; k < bi->nr_ranges; k++) {
		const struct boot_range *r = &bi->ranges[k];
		u64 end = (r->start + r->size) >> PAGE_SHIFT;

		if (r->type <= BOOT_MEM_HV && end > bi->nr_frames)
			bi->nr_frames = end;
	}
	if (bi->nr_frames > ~0u)
		panic("more than 16 TiB of memory");
	size = (bi->nr_frames * BOOT_FRAME_SIZE + PAGE_MASK) & ~PAGE_MASK;
	fill = bi->frames = carve(size, PAGE_SIZE);
	for (n = size / 64; n--; fill += 8)
		fill[0] = fill[1] = fill[2] = fill[3] = fill[4] = fill[5] =
			fill[6] = fill[7] = ~0ull;
}
