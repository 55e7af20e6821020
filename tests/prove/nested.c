/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nested tables, three levels of two entries: two mappings, anywhere, of which
 * the second may be a large page; one page of it is taken away; a lookup
 * anywhere.
 *
 * BOUND: virt/nested.c | 9 * (level - 1) | (level - 1)
 * BOUND: virt/nested.c | ENTRIES 512u | ENTRIES 2u
 * BOUND: virt/nested.c | GPA_LIMIT (1ull << 48) | GPA_LIMIT (1ull << 15)
 * PROVE: nested_map_exact 3 a mapping changes what it names, nothing else, and stays in its tables
 * PROVE: nested_unmap_exact 3 after an unmap, its page is gone and nothing else is
 * PROVE: nested_refuses 3 a range that is misaligned or wraps changes nothing
 * MUTANT: nested_map_exact | virt/nested.c | & (ENTRIES - 1); | & ENTRIES;
 * MUTANT: nested_map_exact | virt/nested.c | range_used(s, a, size, false)) | 0)
 * MUTANT: nested_map_exact | virt/nested.c | first + i * step) | t[i])
 * MUTANT: nested_unmap_exact | virt/nested.c | entry_set(&p, p.level, 0);\n\t\tprune | prune
 * MUTANT: nested_unmap_exact | virt/nested.c | to + i * step, level - 1) | to, level - 1)
 * MUTANT: nested_unmap_exact | virt/nested.c | if (used_below(p, l)) | if (used_below(p, l) > 1)
 * MUTANT: nested_refuses | virt/nested.c | !range_within(at, size, GPA_LIMIT) | at + size > GPA_LIMIT
 */
#include "prove.h"

#include "virt/nested.c"

#define TABLES 6

static struct nested_format format = {
	.read = 1, .write = 2, .exec = 4, .table = 7
};
static const struct virt_ops ops = { .format = &format };
const struct virt_ops *virt = &ops;
u32 mitigations;
struct nested_caps nested_caps = { .levels = 3 };
struct iommu_info iommu; /* there is none */

static u64 tables[TABLES * ENTRIES];
static u32 used;

/* Table n is at page n + 1. */
void *prove_ptr(u64 at)
{
	u64 n = (at >> PAGE_SHIFT) - 1;

	ASSERT(n < TABLES);
	ASSUME(n < TABLES);
	return &tables[n * ENTRIES];
}

u64 prove_address(const void *p)
{
	return ((u64)((const u64 *)p - tables) / ENTRIES + 1) << PAGE_SHIFT;
}

static void *block_alloc(struct partition *owner, unsigned order)
{
	return used < TABLES ? &tables[used++ * ENTRIES] : NULL;
}

/* A retired table is not used any more: nothing must lead there. */
static void block_retire(struct partition *owner, void *table, unsigned order)
{
	u64 *t = table;

	for (u32 i = 0; i < ENTRIES; i++)
		t[i] = nondet_u64();
}

static struct virt_space space = { .block_alloc = block_alloc,
				   .block_retire = block_retire };

static u64 a_page(void)
{
	u64 at = nondet_u64() & ~PAGE_MASK;

	ASSUME(at < GPA_LIMIT);
	return at;
}

/* Where a lookup of `at` leads: ~0 if nowhere. */
static u64 look(u64 at)
{
	hpa_t to;

	return nested_lookup(&space, gpa(at), &to, NULL, NULL) ? to.v : ~0ull;
}

#define LARGE_BYTES (PAGE_SIZE * ENTRIES)
#define A 0x1000000ull
#define B 0x2000000ull

/* A page at a, and at b a page or a large one, which does not cover a. */
static u64 map_two(u64 a, u64 b, u64 size)
{
	ASSUME(size == PAGE_SIZE || size == LARGE_BYTES);
	ASSUME(!(b & (size - 1)) && (a < b || a >= b + size));
	ASSERT(!nested_init(&space));
	ASSERT(!nested_map(&space, gpa(a), hpa(A), PAGE_SIZE, NP_READ, 2));
	ASSERT(!nested_map(&space, gpa(b), hpa(B), size, NP_READ, 2));
	return size;
}

static u64 expected(u64 x, u64 a, u64 b, u64 size)
{
	return x == a ? A : x >= b && x < b + size ? B + (x - b) : ~0ull;
}

void nested_map_exact(void)
{
	u64 a = a_page(), b = a_page(), x = a_page();
	u64 size = map_two(a, b, nondet_u64());

	ASSERT(look(x) == expected(x, a, b, size));
	ASSERT(nested_map(&space, gpa(a), hpa(0), PAGE_SIZE, NP_READ, 1) == -2);
	ASSERT(look(a) == A);
}

void nested_unmap_exact(void)
{
	u64 a = a_page(), b = a_page(), x = a_page(), gone = a_page();
	u64 size = map_two(a, b, nondet_u64());

	ASSUME(gone >= b && gone < b + size);
	ASSERT(!nested_unmap(&space, gpa(gone), PAGE_SIZE));
	ASSERT(look(x) == (x == gone ? ~0ull : expected(x, a, b, size)));
}

void nested_refuses(void)
{
	u64 at = nondet_u64(), size = nondet_u64();

	ASSUME((at | size) & PAGE_MASK || at > GPA_LIMIT ||
	       size > GPA_LIMIT - at);
	ASSERT(!nested_init(&space));
	ASSERT(nested_map(&space, gpa(at), hpa(0), size, NP_READ, 1) == -2);
	ASSERT(nested_unmap(&space, gpa(at), size) == -1);
	ASSERT(used == 1);
}
