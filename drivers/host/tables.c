/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds a guest's first page tables; pure. (Intel SDM 3A, 4.5) */
#include "tables.h"

#define PAGE 4096ull
#define LARGE (1ull << 21)
#define GIB (1ull << 30)

#define PTE_P 1ull
#define PTE_W 2ull
#define PTE_LARGE (1ull << 7)
#define PTE_NX (1ull << 63)

/* A 2 MiB region needs 4 KiB pages if a segment is in it, or RAM ends in it. */
static bool needs_small(const struct image *im, uint64_t ram, uint64_t region)
{
	if (ram - region < LARGE)
		return true;
	for (unsigned i = 0; i < im->nr_segs; i++)
		if (im->seg[i].gpa < region + LARGE &&
		    region < im->seg[i].gpa + im->seg[i].bytes)
			return true;
	return false;
}

uint64_t tables_pages(const struct image *im, uint64_t ram)
{
	uint64_t n = 2 + (ram + GIB - 1) / GIB;

	for (uint64_t region = 0; region < ram; region += LARGE)
		n += needs_small(im, ram, region);
	return n;
}

static uint64_t page_flags(const struct image *im, uint64_t page)
{
	uint32_t flags = 0;
	bool in_image = false;

	for (unsigned i = 0; i < im->nr_segs; i++) {
		const struct image_seg *s = &im->seg[i];

		if (s->gpa >= page + PAGE || page >= s->gpa + s->bytes)
			continue;
		in_image = true;
		flags |= s->flags;
	}
	if (!in_image)
		return PTE_P | PTE_W | PTE_NX;
	return PTE_P | (flags & IMAGE_SEG_W ? PTE_W : 0) |
	       (flags & IMAGE_SEG_X ? 0 : PTE_NX);
}

static void small_fill(const struct image *im, uint64_t ram, uint64_t region,
		       uint64_t *pt)
{
	for (uint64_t i = 0; i < 512 && region + i * PAGE < ram; i++)
		pt[i] = (region + i * PAGE) | page_flags(im, region + i * PAGE);
}

void tables_build(const struct image *im, uint64_t ram, uint64_t *buf,
		  uint64_t at)
{
	uint64_t gibs = (ram + GIB - 1) / GIB;
	uint64_t next = 2 + gibs; /* root, one PDPT, page directories */
	uint64_t *pdpt = buf + 512;
	uint64_t *pd = buf + 1024; /* one after the other */

	buf[0] = (at + PAGE) | PTE_P | PTE_W;
	for (uint64_t i = 0; i < gibs; i++)
		pdpt[i] = (at + (2 + i) * PAGE) | PTE_P | PTE_W;
	for (uint64_t region = 0; region < ram; region += LARGE) {
		uint64_t *e = &pd[region / LARGE];

		if (!needs_small(im, ram, region)) {
			*e = region | PTE_P | PTE_W | PTE_NX | PTE_LARGE;
			continue;
		}
		*e = (at + next * PAGE) | PTE_P | PTE_W;
		small_fill(im, ram, region, buf + next * 512);
		next++;
	}
}
