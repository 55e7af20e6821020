/* SPDX-License-Identifier: BSD-2-Clause */
/* Nested page tables: one walker for the formats of both backends. */
#include "virt/virt.h"
#include "lib/iommu.h"
#include "lib/string.h"

#define ADDR_MASK 0x000ffffffffff000ull
#define ENTRIES 512u
#define LARGE (1ull << 7) /* in both formats, from level 2 up */
#define GPA_LIMIT (1ull << 48)
#define LEVELS_MAX 5
/* An entry that points to a table counts those of its entries that are used, in
 * bits that no CPU looks at (SDM Vol. 3C 29.3.2, APM Vol. 2 5.3.3); but AMD-Vi
 * does. */
#define COUNT (1ull << 52)
#define COUNT_MAX 1023u
/* A leaf that may be written to, but that shall say so first: the log's, where
 * the CPU does not mark what it writes to. */
#define WATCHED (1ull << 52)

/* The entries for an address, by level, down to where the walk ends. */
struct path {
	u64 *e[LEVELS_MAX + 1];
	unsigned level;
};

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
	return (e & f->read ? NP_READ : 0) |
	       (e & (f->write | WATCHED) ? NP_WRITE : 0) |
	       (e & f->exec ? NP_EXEC : 0) | (e & f->device ? NP_DEVICE : 0);
}

int nested_init(struct virt_space *s)
{
	static u64 last_id;
	void *root = s->block_alloc(s->owner, 0);

	if (!root)
		return -1;
	s->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	s->root = ptr_hpa(root).v;
	iommu_sync(root, PAGE_SIZE);
	return 0;
}

u64 virt_iommu_root(const struct virt_space *s)
{
	u64 e = s->root;

	for (u32 l = nested_caps.levels; iommu.kind && l > iommu.levels; l--)
		e = table_of(e)[0];
	return e & ADDR_MASK;
}

static void table_free_all(struct virt_space *s, u64 *t, unsigned level)
{
	for (u64 i = 0; level > 1; i++) {
		i += mem_zeroes(t + i, ENTRIES - i);
		if (i == ENTRIES)
			break;
		if (present(t[i]) && !is_leaf(t[i], level))
			table_free_all(s, table_of(t[i]), level - 1);
	}
	s->block_free(s->owner, t, 0);
}

void nested_free(struct virt_space *s)
{
	if (s->root)
		table_free_all(s, table_of(s->root), nested_caps.levels);
}

/* The entry where it ends, which is also p->e[p->level]. */
static u64 *walk(const struct virt_space *s, u64 at, struct path *p)
{
	unsigned l = nested_caps.levels;
	u64 *e = table_of(s->root) + entry_index(at, l);

	for (p->e[l] = e; present(*e) && !is_leaf(*e, l); p->e[l] = e) {
		l--;
		e = table_of(*e) + entry_index(at, l);
	}
	p->level = l;
	return e;
}

static u64 one(void) { return iommu.next ? 0 : COUNT; }

/* Changes the entry at a level of the path; hardware walks the tables while
 * they change, and may set A in the entry above. */
static void entry_set(const struct path *p, unsigned level, u64 val)
{
	u64 *e = p->e[level];
	bool was = *e;

	store_release(e, val);
	iommu_sync(e, sizeof(*e));
	if (level < nested_caps.levels && was != !!val)
		__atomic_fetch_add(p->e[level + 1], val ? one() : -one(),
				   __ATOMIC_RELAXED);
}

static u32 used_below(const struct path *p, unsigned level)
{
	u64 e = *p->e[level + 1];

	if (one())
		return e / COUNT & COUNT_MAX;
	return mem_zeroes(table_of(e), ENTRIES) < ENTRIES ? ENTRIES : 0;
}

/* Takes the table below an entry away, in which `val` takes its place. */
static void table_drop(struct virt_space *s, const struct path *p,
		       unsigned level, u64 val)
{
	u64 *t = table_of(*p->e[level]);

	entry_set(p, level, val);
	s->block_retire(s->owner, t, 0);
}

/* Of the tables that the path goes through, those that are empty go. */
static void prune(struct virt_space *s, const struct path *p)
{
	for (unsigned l = p->level; l < nested_caps.levels; l++) {
		if (used_below(p, l))
			return;
		table_drop(s, p, l + 1, 0);
	}
}

static bool fill(u64 e, unsigned level, u64 at, struct nested_page *np)
{
	u64 mask = page_size(level) - 1;

	np->size = mask + 1;
	if (!present(e))
		return false;
	np->to.v = (e & ADDR_MASK & ~mask) | (at & mask);
	np->flags = flags_of(e);
	return true;
}

bool nested_lookup(const struct virt_space *s, gpa_t at, hpa_t *to, u32 *flags,
		   u64 *page)
{
	unsigned l = at.v < GPA_LIMIT ? nested_caps.levels : 1;
	u64 e = l > 1 ? table_of(s->root)[entry_index(at.v, l)] : 0, mask;

	for (; present(e) && !is_leaf(e, l);
	     e = table_of(e)[entry_index(at.v, l)])
		l--;
	mask = page_size(l) - 1;
	if (page)
		*page = mask + 1;
	if (!present(e))
		return false;
	to->v = (e & ADDR_MASK & ~mask) | (at.v & mask);
	if (flags)
		*flags = flags_of(e);
	return true;
}

bool nested_next(const struct virt_space *s, u64 *at, u64 end,
		 struct nested_page *np)
{
	struct path p;
	u64 size, most, n, *e;

	while (*at < end) {
		e = walk(s, *at, &p);
		if (fill(*e, p.level, *at, np))
			return true;
		size = page_size(p.level);
		n = ENTRIES - entry_index(*at, p.level);
		most = (end - 1) / size - *at / size + 1;
		*at = (*at / size + mem_zeroes(e, n < most ? n : most)) * size;
	}
	return false;
}

/* Is anything mapped in a range? Takes it away if `clear`. Hardware walks the
 * tables while they change. */
static bool range_used(struct virt_space *s, u64 at, u64 size, bool clear)
{
	u64 end = at + size;
	struct nested_page np;
	struct path p;

	for (; nested_next(s, &at, end, &np); at = (at | (np.size - 1)) + 1) {
		if (!clear)
			return true;
		walk(s, at, &p);
		entry_set(&p, p.level, 0);
		prune(s, &p);
	}
	return false;
}

static bool range_bad(u64 at, u64 size)
{
	return (at | size) & PAGE_MASK || !range_within(at, size, GPA_LIMIT);
}

/* The largest pages that may be: for how many entries one may stand. */
static unsigned level_most(const struct virt_space *s, u32 flags, unsigned max)
{
	if (s->logging || (flags & NP_EXEC && mitigations & MIT_NX_LARGE))
		return 1;
	return max > 2 && !nested_caps.gb_pages ? 2 : max;
}

static unsigned level_for(u64 at, u64 to, u64 size, unsigned l)
{
	while (l > 1 && ((at | to) & (page_size(l) - 1) || size < page_size(l)))
		l--;
	return l;
}

/* An entry of a lower or higher level that says of `to` what e says. */
static u64 entry_like(u64 e, u64 to, unsigned level)
{
	return (e & ~(ADDR_MASK | LARGE)) | to | (level > 1 ? LARGE : 0);
}

/* Puts a table under the path's last entry, which is empty or a large page: it
 * maps the same. false: no memory. */
static bool table_under(struct virt_space *s, const struct path *p)
{
	unsigned level = p->level;
	u64 *t = s->block_alloc(s->owner, 0), step = page_size(level - 1);
	u64 e = *p->e[level], to = e & ADDR_MASK,
	    used = present(e) ? ENTRIES : 0;

	if (!t)
		return false;
	/* the CPU may mark the large page until it is gone: all are written */
	e |= used && s->logging ? virt->format->dirty : 0;
	for (u32 i = 0; i < used; i++)
		t[i] = entry_like(e, to + i * step, level - 1);
	iommu_sync(t, PAGE_SIZE);
	entry_set(p, level,
		  ptr_hpa(t).v | virt->format->table | used * one() |
			  iommu.next * (level - 1));
	return true;
}

/* What the CPU sets of its own accord in a leaf. */
static u64 marks(void) { return virt->format->accessed | virt->format->dirty; }

/* Do a table's entries, all of them used, say what one larger page would? */
static bool is_one_page(const u64 *t, unsigned level)
{
	u64 step = page_size(level), first = t[0] & ~marks();

	if (!is_leaf(first, level) ||
	    first & ADDR_MASK & (page_size(level + 1) - 1))
		return false;
	/* from the end: most tables that are no page say so there */
	for (u32 i = ENTRIES; i--;)
		if ((t[i] & ~marks()) != first + i * step)
			return false;
	return true;
}

/* Makes one page of the tables on the path that say the same. */
static void merge(struct virt_space *s, const struct path *p, unsigned max)
{
	for (unsigned l = p->level; l < max; l++) {
		const u64 *t = table_of(*p->e[l + 1]);

		if (used_below(p, l) != ENTRIES || !is_one_page(t, l))
			return;
		table_drop(s, p, l + 1,
			   entry_like(t[0], t[0] & ADDR_MASK, l + 1));
	}
}

/* One page of at most `level`; its size, or 0: no memory. */
static u64 map_one(struct virt_space *s, u64 at, u64 to, u32 flags,
		   unsigned level)
{
	u64 e = leaf(to, flags, level);
	struct path p;

	for (walk(s, at, &p); p.level > level; walk(s, at, &p))
		if (!table_under(s, &p)) {
			prune(s, &p);
			return 0;
		}
	entry_set(&p, level, s->logging ? e | virt->format->dirty : e);
	return page_size(level);
}

int nested_map(struct virt_space *s, gpa_t at, hpa_t to, u64 size, u32 flags,
	       unsigned max_level)
{
	unsigned max = level_most(s, flags, max_level);
	u64 a = at.v, t = to.v, n;
	struct path p;

	if (range_bad(a, size) || t & PAGE_MASK ||
	    range_used(s, a, size, false))
		return -2;
	for (; size; a += n, t += n, size -= n) {
		n = map_one(s, a, t, flags, level_for(a, t, size, max));
		if (!n)
			return -1;
		/* device memory is taken away as it came, without a split */
		if (max > 1 && !(flags & NP_DEVICE)) {
			walk(s, a, &p);
			merge(s, &p, max);
		}
	}
	return 0;
}

/* Makes `at` the start of an entry: splits the large pages around it. */
static int split_at(struct virt_space *s, u64 at)
{
	struct path p;
	u64 *e;

	for (;;) {
		e = walk(s, at, &p);
		if (!present(*e) || !(at & (page_size(p.level) - 1)))
			return 0;
		if (!table_under(s, &p))
			return -1;
	}
}

int nested_split(struct virt_space *s, gpa_t at, u64 size)
{
	u64 end = at.v + size;

	if (range_bad(at.v, size) || split_at(s, at.v) ||
	    (end < GPA_LIMIT && split_at(s, end)))
		return -1;
	return 0;
}

int nested_unmap(struct virt_space *s, gpa_t at, u64 size)
{
	if (nested_split(s, at, size))
		return -1;
	range_used(s, at.v, size, true);
	__atomic_fetch_add(&s->gen, 1, __ATOMIC_RELEASE);
	return 0;
}

/* ---- the log of what was written to ---- */

int nested_split_all(struct virt_space *s, gpa_t at, u64 size)
{
	struct nested_page np;
	struct path p;

	for (u64 a = at.v; nested_next(s, &a, at.v + size, &np);
	     a = (a | (LARGE_SIZE - 1)) + 1)
		while (walk(s, a, &p), p.level > 1 && !(np.flags & NP_DEVICE))
			if (!table_under(s, &p))
				return -1;
	return 0;
}

bool nested_log_take(struct virt_space *s, gpa_t at)
{
	const struct nested_format *f = virt->format;
	struct path p;
	u64 *e = walk(s, at.v, &p);

	if (nested_caps.dirty)
		return __atomic_fetch_and(e, ~f->dirty, __ATOMIC_SEQ_CST) &
		       f->dirty;
	if (!(*e & f->write))
		return false;
	store_release(e, *e ^ (f->write | WATCHED));
	return true;
}

void nested_log_put(struct virt_space *s, gpa_t at)
{
	const struct nested_format *f = virt->format;
	struct path p;
	u64 *e = walk(s, at.v, &p);

	if (!nested_caps.dirty && *e & WATCHED)
		store_release(e, *e ^ (f->write | WATCHED));
	else if (nested_caps.dirty && present(*e))
		__atomic_fetch_or(e, f->dirty, __ATOMIC_SEQ_CST);
}
