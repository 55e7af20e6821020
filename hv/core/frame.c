/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame table and its buddy allocator. */
#include "core/frame.h"
#include "lib/lock.h"
#include "lib/panic.h"
#include "lib/string.h"

/* Frame numbers are 32 bits (16 TiB); 0 ends a list, as frame 0 is not used. */
static struct frame *table;
static u64 nr_frames;

/* Guards the lists and what free blocks hold. The innermost lock. */
static struct lock frame_lock;
static u32 heads[FRAME_MAX_ORDER + 1];
static u64 free_frames;

static u64 all_frames; /* written at boot only */

/* A link to frame 0, which is not used, may be written: nobody reads it. */
static void push_locked(u32 i, unsigned order, bool clean)
{
	struct frame *f = &table[i];

	f->owner = FRAME_FREE;
	f->order = (u8)order;
	f->clean = clean;
	f->prev = 0;
	f->next = heads[order];
	table[f->next].prev = i;
	heads[order] = i;
}

static void unlink_locked(struct frame *f)
{
	if (f->prev)
		table[f->prev].next = f->next;
	else
		heads[f->order] = f->next;
	table[f->next].prev = f->prev;
	f->order = FRAME_INNER;
}

/* Gives a block back, merged with its free buddies. */
static void put_locked(u32 i, unsigned order, bool clean)
{
	free_frames += 1u << order;
	for (; order < FRAME_MAX_ORDER; order++) {
		u32 buddy = i ^ 1u << order;
		struct frame *f = &table[buddy];

		if (buddy + (1ull << order) > nr_frames ||
		    f->owner != FRAME_FREE || f->order != order)
			break;
		clean = clean && f->clean;
		unlink_locked(f);
		i &= buddy;
	}
	push_locked(i, order, clean);
}

static void put_range_locked(u64 from, u64 to)
{
	while (from < to) {
		unsigned order =
			(unsigned)__builtin_ctzll(from | 1u << FRAME_MAX_ORDER);

		while (from + (1u << order) > to)
			order--;
		put_locked((u32)from, order, false);
		from += 1u << order;
	}
}

static void own(u32 i, u64 n, u16 owner, enum frame_state st)
{
	table[i] = (struct frame){ .owner = owner,
				   .state = (u8)st,
				   .order = FRAME_INNER };
	mem_repeat(&table[i], sizeof(table[i]), n);
}

static bool block_free(u64 i)
{
	return i + (1u << FRAME_MAX_ORDER) <= nr_frames &&
	       table[i].owner == FRAME_FREE &&
	       table[i].order == FRAME_MAX_ORDER;
}

/* The first frame of a block, now owned: at `at`, or anywhere. 0: there is none. */
static u32 take(hpa_t at, u16 owner, enum frame_state st, unsigned order,
		bool *clean)
{
	unsigned o = order;
	u32 i = (u32)(at.v >> PAGE_SHIFT);

	lock_scope(&frame_lock);
	if (unlikely(at.v && !block_free(at.v >> PAGE_SHIFT)))
		return 0;
	while (likely(!at.v) && !(i = heads[o]) && o < FRAME_MAX_ORDER)
		o++;
	if (unlikely(!i))
		return 0;
	*clean = table[i].clean;
	unlink_locked(&table[i]);
	while (o-- > order)
		push_locked(i + (1u << o), o, *clean);
	free_frames -= 1u << order;
	own(i, 1u << order, owner, st);
	return i;
}

hpa_t frame_find_huge(void)
{
	u64 n = HUGE_SIZE / PAGE_SIZE, i, k;

	lock_scope(&frame_lock);
	for (i = n; i + n <= nr_frames; i += n) {
		for (k = 0; k < n && block_free(i + k);)
			k += 1u << FRAME_MAX_ORDER;
		if (k >= n)
			return hpa(i << PAGE_SHIFT);
	}
	return hpa(0);
}

hpa_t frame_hpa(const struct frame *f)
{
	return hpa((u64)(f - table) << PAGE_SHIFT);
}

static void clear(u32 i, unsigned order)
{
	memset(hpa_ptr(frame_hpa(&table[i])), 0, PAGE_SIZE << order);
}

void *frame_alloc(hpa_t at, u16 owner, enum frame_state st, unsigned order)
{
	bool clean;
	u32 i = take(at, owner, st, order, &clean);

	if (i && !clean)
		clear(i, order);
	return hpa_ptr(frame_hpa(&table[i]));
}

void frame_free(void *at, unsigned order)
{
	u32 i = (u32)(ptr_hpa(at).v >> PAGE_SHIFT);

	hv_assert(range_within(i, 1u << order, nr_frames) &&
		  !(i & ((1u << order) - 1)));
	hv_assert(table[i].owner < FRAME_FREE &&
		  table[i + (1u << order) - 1].owner == table[i].owner);
	clear(i, order);
	lock_scope(&frame_lock);
	put_locked(i, order, true);
}

void frame_init(struct boot_info *bi)
{
	u64 host = bi->host.base >> PAGE_SHIFT, n = bi->host.size >> PAGE_SHIFT;

	table = bi->frames;
	nr_frames = bi->nr_frames;
	hv_assert(range_within(host, n, nr_frames));
	for (u32 k = 0; k < bi->nr_ranges; k++) {
		const struct boot_range *r = &bi->ranges[k];
		u64 from = r->start >> PAGE_SHIFT;

		if (r->type == BOOT_MEM_FREE)
			put_range_locked(from ? from : 1,
					 (r->start + r->size) >> PAGE_SHIFT);
	}
	all_frames = free_frames + n;
	if (n)
		own((u32)host, n, 0, FRAME_PLAIN);
}

struct frame *frame_of(hpa_t at)
{
	u64 i = at.v >> PAGE_SHIFT;

	return i < nr_frames ? &table[i] : NULL;
}

u64 frame_free_count(void) { return load_relaxed(&free_frames); }

u64 frame_all_count(void) { return all_frames; }
