/* SPDX-License-Identifier: BSD-2-Clause */
/* Nested page tables: one walker for the formats of both backends. */
#include "virt/virt.h"

#define ADDR_MASK 0x000ffffffffff000ull
#define ENTRIES 512u
#define LARGE (1ull << 7) /* in both formats, from level 2 up */
#define GPA_LIMIT (1ull << 48)

static u64 page_size(unsigned level)
{
	return 1ull << (PAGE_SHIFT + 9 * (level - 1));
}

static unsigned entry_index(u64 at, unsigned level)
{
	return at >> (PAGE_SHIFT + 9 * (level - 1)) & (ENTRIES - 1);
}

static u64 *table_of(u64 e) { return hpa_ptr(hpa(e & ADDR_MASK)); }

static bool present(u64 e) { return e & virt->format->read; }

static bool is_leaf(u64 e, unsigned level) { return level == 1 || e & LARGE; }

static u64 leaf(u64 to, u32 flags, unsigned level)
{
	const struct nested_format *f = virt->format;
	u64 e = to | f->leaf | (level > 1 ? LARGE : 0);

	e |= flags & NP_READ ? f->read : 0;
	e |= flags & NP_WRITE ? f->write : 0;
	e |= flags & NP_EXEC ? f->exec : 0;
	e |= flags & NP_DEVICE ? f->device : 0;
	return e ^ f->invert;
}

static u32 flags_of(u64 e)
{
	const struct nested_format *f = virt->format;

	e ^= f->invert;
	return (e & f->read ? NP_READ : 0) | (e & f->write ? NP_WRITE : 0) |
	       (e & f->exec ? NP_EXEC : 0) | (e & f->device ? NP_DEVICE : 0);
}

int nested_init(struct virt_space *s)
{
	void *root = s->block_alloc(s->owner, 0);

	if (!root)
		return -1;
	s->root = ptr_hpa(root).v;
	return 0;
}

static void table_free_all(struct virt_space *s, u64 *t, unsigned level)
{
	unsigned i;

	for (i = 0; level > 1 && i < ENTRIES; i++)
		if (present(t[i]) && !is_leaf(t[i], level))
			table_free_all(s, table_of(t[i]), level - 1);
	s->block_free(s->owner, t, 0);
}

void nested_free(struct virt_space *s)
{
	if (s->root)
		table_free_all(s, table_of(s->root), nested_caps.levels);
	s->root = 0;
}

/* The entry for `at` where the walk ends, at its level in *level. */
static u64 *walk(const struct virt_space *s, u64 at, unsigned *level)
{
	unsigned l = nested_caps.levels;
	u64 *e = table_of(s->root) + entry_index(at, l);

	while (present(*e) && !is_leaf(*e, l)) {
		l--;
		e = table_of(*e) + entry_index(at, l);
	}
	*level = l;
	return e;
}

bool nested_lookup(const struct virt_space *s, gpa_t at, hpa_t *to, u32 *flags,
		   u64 *page)
{
	unsigned level;
	u64 e, mask;

	if (page)
		*page = PAGE_SIZE;
	if (at.v >= GPA_LIMIT)
		return false;
	e = *walk(s, at.v, &level);
	mask = page_size(level) - 1;
	if (page)
		*page = mask + 1;
	if (!present(e))
		return false;
	to->v = (e & ADDR_MASK & ~mask) | (at.v & mask);
	if (flags)
		*flags = flags_of(e);
	return true;
}

/* Is anything mapped in a range? Takes it away if `clear`. Hardware walks the
 * tables while they change. */
static bool range_used(const struct virt_space *s, u64 at, u64 size, bool clear)
{
	u64 end = at + size;
	bool used = false;
	unsigned level;
	u64 *e;

	for (; at < end; at = (at | (page_size(level) - 1)) + 1) {
		e = walk(s, at, &level);
		used |= present(*e);
		if (clear && present(*e))
			store_release(e, 0);
	}
	return used;
}

static bool range_bad(u64 at, u64 size)
{
	return (at | size) & PAGE_MASK || !range_within(at, size, GPA_LIMIT);
}

static unsigned level_for(u64 at, u64 to, u64 size, unsigned max)
{
	unsigned l = max > 2 && !nested_caps.gb_pages ? 2 : max;

	while (l > 1 && ((at | to) & (page_size(l) - 1) || size < page_size(l)))
		l--;
	return l;
}

/* Puts a table under an entry that is empty or a large page: it maps the same.
 * NULL: no memory. */
static u64 *table_under(struct virt_space *s, u64 *e, unsigned level)
{
	u64 *t = s->block_alloc(s->owner, 0), step = page_size(level - 1);
	u64 to = *e & ADDR_MASK & ~(page_size(level) - 1);

	if (!t)
		return NULL;
	for (u32 i = 0; present(*e) && i < ENTRIES; i++)
		t[i] = leaf(to + i * step, flags_of(*e), level - 1);
	store_release(e, ptr_hpa(t).v | virt->format->table);
	return t;
}

int nested_map(struct virt_space *s, gpa_t at, hpa_t to, u64 size, u32 flags,
	       unsigned max_level)
{
	u64 a = at.v, t = to.v, n, *e;
	unsigned level, want;

	if (flags & NP_EXEC && mitigations & MIT_NX_LARGE)
		max_level = 1;
	if (range_bad(a, size) || t & PAGE_MASK ||
	    range_used(s, a, size, false))
		return -2;
	for (; size; a += n, t += n, size -= n) {
		want = level_for(a, t, size, max_level);
		for (e = walk(s, a, &level); level > want; level--) {
			e = table_under(s, e, level);
			if (!e)
				return -1;
			e += entry_index(a, level - 1);
		}
		store_release(e, leaf(t, flags, level));
		n = page_size(level);
	}
	return 0;
}

/* Makes `at` the start of an entry: splits the large pages around it. */
static int split_at(struct virt_space *s, u64 at)
{
	unsigned level;
	u64 *e;

	for (;;) {
		e = walk(s, at, &level);
		if (!present(*e) || !(at & (page_size(level) - 1)))
			return 0;
		if (!table_under(s, e, level))
			return -1;
	}
}

int nested_unmap(struct virt_space *s, gpa_t at, u64 size)
{
	u64 end = at.v + size;

	if (range_bad(at.v, size) || split_at(s, at.v) ||
	    (end < GPA_LIMIT && split_at(s, end)))
		return -1;
	range_used(s, at.v, size, true);
	__atomic_fetch_add(&s->gen, 1, __ATOMIC_RELEASE);
	return 0;
}
