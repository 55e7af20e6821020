/* SPDX-License-Identifier: BSD-2-Clause */
/* Start-of-day page tables (Intel SDM Vol. 3A, 4.5). */
#include "boot/start.h"
#include "lib/regs.h"
#include "lib/string.h"

#define GUEST_DATA (PTE_P | PTE_W | PTE_A | PTE_D | PTE_NX)
#define GUEST_TABLE (PTE_P | PTE_W | PTE_A)

u64 start_pages(struct start_mem *m, u64 n)
{
	if (!range_within(m->floor, n * PAGE_SIZE, m->top))
		return 0;
	m->top -= n * PAGE_SIZE;
	memset(m->base + m->top, 0, n * PAGE_SIZE);
	return m->top;
}

/* The table that entry i of table t (gpa) points to; made if absent. */
static u64 table_below(struct start_mem *m, u64 t, u64 i)
{
	u64 *e = (u64 *)(m->base + t) + i;

	if (!(*e & PTE_P)) {
		u64 n = start_pages(m, 1);

		if (!n)
			return 0;
		*e = n | GUEST_TABLE;
	}
	return *e & PTE_ADDR;
}

static u64 page_entry(const struct elf_image *image, u64 at)
{
	for (u32 i = 0; i < image->nr; i++) {
		const struct elf_segment *s = &image->seg[i];

		if (at + PAGE_SIZE <= s->addr || at >= s->addr + s->memsz)
			continue;
		if (s->flags & ELF_X)
			return at | PTE_P | PTE_A;
		if (!(s->flags & ELF_W))
			return at | PTE_P | PTE_A | PTE_NX;
	}
	return at | GUEST_DATA;
}

static bool small_pages(struct start_mem *m, const struct elf_image *image,
			u64 dir, u64 at)
{
	u64 t = table_below(m, dir, at >> 21 & 511), end = at + LARGE_SIZE;

	if (!t)
		return false;
	for (; at < end && at < m->size; at += PAGE_SIZE)
		((u64 *)(m->base + t))[at >> 12 & 511] = page_entry(image, at);
	return true;
}

/* Maps the 2 MiB at `at`. */
static bool map_large(struct start_mem *m, const struct elf_image *image,
		      u64 root, u64 at)
{
	u64 t = table_below(m, root, at >> 39 & 511);
	u64 dir = t ? table_below(m, t, at >> 30 & 511) : 0;

	if (!dir)
		return false;
	if (at + LARGE_SIZE > m->size ||
	    (at < image->end && at + LARGE_SIZE > image->start))
		return small_pages(m, image, dir, at);
	((u64 *)(m->base + dir))[at >> 21 & 511] = at | GUEST_DATA | PTE_PS;
	return true;
}

u64 start_tables(struct start_mem *m, const struct elf_image *image)
{
	u64 root = start_pages(m, 1);

	if (!root)
		return 0;
	for (u64 at = 0; at < m->size; at += LARGE_SIZE)
		if (!map_large(m, image, root, at))
			return 0;
	return root;
}
