/* SPDX-License-Identifier: BSD-2-Clause */
/* The page-table builder. */
#include "boot/pagetable.h"
#include "boot/early.h"

#define ENTRIES 512u

/* Bytes that one entry of a table of this level (1: page table) maps. */
static u64 level_size(u32 level) { return PAGE_SIZE << 9 * (level - 1); }

static u64 *entry_at(u64 *table, u64 addr, u32 level)
{
	return &table[addr / level_size(level) % ENTRIES];
}

static bool is_leaf(u64 e, u32 level) { return level == 1 || (e & PTE_PS); }

static u64 *table_of(u64 e) { return (u64 *)(uintptr_t)(e & PTE_ADDR); }

static u64 leaf(u64 addr, u64 flags, u32 level)
{
	if (!(flags & PTE_P))
		return 0;
	return addr | flags | (level > 1 ? PTE_PS : 0);
}

/* Puts a table of smaller pages under an entry that is absent or a leaf. */
static u64 *split(u64 *e, u32 level)
{
	u64 *table = early_alloc(1, PAGE_SIZE);
	u64 old = *e, flags = old & ~(PTE_ADDR | PTE_PS);

	for (u32 i = 0; old && i < ENTRIES; i++)
		table[i] = leaf((old & PTE_ADDR) + i * level_size(level - 1),
				flags, level - 1);
	*e = (u64)(uintptr_t)table | PTE_P | PTE_W | PTE_A;
	return table;
}

static bool leaf_allowed(const struct pagetable *pt, u32 level)
{
	return level <= 2 || (level == 3 && pt->gb_pages);
}

/* Sets the entry for addr at the highest level that [addr, end) fills. */
static u64 set_one(struct pagetable *pt, u64 addr, u64 end, u64 flags)
{
	u64 *table = pt->root, *e;
	u32 level = pt->levels;

	for (;; level--) {
		u64 size = level_size(level);

		e = entry_at(table, addr, level);
		/* A table once made stays: its pages are never given back. */
		if ((addr & (size - 1)) == 0 && end - addr >= size &&
		    leaf_allowed(pt, level) &&
		    (!(*e & PTE_P) || is_leaf(*e, level))) {
			*e = leaf(addr, flags, level);
			return size;
		}
		table = !(*e & PTE_P) || is_leaf(*e, level) ? split(e, level) :
							      table_of(*e);
	}
}

void pt_set(struct pagetable *pt, u64 start, u64 size, u64 flags)
{
	u64 end = start + size;

	while (start < end)
		start += set_one(pt, start, end, flags);
}

u64 *pt_find(const struct pagetable *pt, u64 addr, u64 *size)
{
	u64 *table = pt->root;

	for (u32 level = pt->levels;; level--) {
		u64 *e = entry_at(table, addr, level);

		if (!(*e & PTE_P))
			return NULL;
		if (is_leaf(*e, level)) {
			*size = level_size(level);
			return e;
		}
		table = table_of(*e);
	}
}
