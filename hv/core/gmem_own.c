/* SPDX-License-Identifier: BSD-2-Clause */
/* A partition's own memory: giving it some, and taking it back. */
#include "core/gmem.h"
#include "lib/panic.h"

#define RAM_FLAGS (NP_READ | NP_WRITE | NP_EXEC)
#define LARGE_PAGES (LARGE_SIZE / PAGE_SIZE)
#define LEVELS 3 /* up to 1 GiB in one entry */

/* One block of new memory. Physical addresses are what makes 1 GiB of them one. */
static int populate_block(struct partition *p, u64 at, unsigned order,
			  hpa_t where)
{
	u64 size = PAGE_SIZE << order;
	void *block;

	lock_scope(&p->lock);
	if (gmem_taken_locked(p, at, size))
		return PV_EEXIST;
	block = partition_frames(p, where, FRAME_PLAIN, order);
	if (!block)
		return PV_ENOMEM;
	if (!nested_map(&p->space, gpa(at), ptr_hpa(block), size, RAM_FLAGS,
			LEVELS))
		return PV_OK;
	/* the table that it lacked was that of its first page */
	partition_pages_free(p, block, order);
	return PV_ENOMEM;
}

/* Where a large page at `at` should be: where there is room for 1 GiB, or
 * behind the one before it. */
static hpa_t place(struct partition *p, u64 at, u64 pages)
{
	hpa_t h;

	if (!(at & (HUGE_SIZE - 1)))
		return pages * PAGE_SIZE >= HUGE_SIZE ? frame_find_huge() :
							FRAME_ANYWHERE;
	lock_scope(&p->lock);
	if (!nested_lookup(&p->space, gpa(at - LARGE_SIZE), &h, NULL, NULL) ||
	    h.v & (LARGE_SIZE - 1))
		return FRAME_ANYWHERE;
	return hpa(h.v + LARGE_SIZE);
}

static int populate_large(struct partition *p, u64 at, u64 pages, bool huge)
{
	hpa_t where = place(p, at, pages);
	int err = PV_ENOMEM;

	if (where.v)
		err = populate_block(p, at, FRAME_MAX_ORDER, where);
	if (err != PV_ENOMEM || huge)
		return err;
	return populate_block(p, at, FRAME_MAX_ORDER, FRAME_ANYWHERE);
}

/* The n pages up to the next multiple of 2 MiB, or what is left of them, by
 * blocks of this order. */
static int populate_round(struct partition *p, u64 at, u64 n, u64 left,
			  unsigned order)
{
	int err = PV_ENOMEM;

	if (order && n == LARGE_PAGES)
		err = populate_large(p, at, left, order == PV_ORDER_1G);
	if (err != PV_ENOMEM || order == PV_ORDER_2M || order == PV_ORDER_1G)
		return err;
	/* no large block is left, or it is beyond the quota */
	for (err = PV_OK; !err && n--; at += PAGE_SIZE)
		err = populate_block(p, at, 0, FRAME_ANYWHERE);
	return err;
}

/* How many of the pages one round of a call is about; *more are left then. */
static u64 round_take(u64 *at, u64 *pages, bool *more)
{
	u64 n = LARGE_PAGES - (*at >> PAGE_SHIFT) % LARGE_PAGES;

	n = *pages < n ? *pages : n;
	*at += n * PAGE_SIZE;
	*pages -= n;
	*more = *pages;
	return n;
}

static int populate(struct partition *p, u64 *at, u64 *pages, unsigned order,
		    bool *more)
{
	u64 from = *at, all = *pages, n = round_take(at, pages, more);
	int err;

	if (p->state > PV_STATE_PAUSED)
		return PV_ESTATE;
	/* what is clear from the start changes nothing; tables come on top */
	if (p->pages > p->max_pages || all > p->max_pages - p->pages ||
	    all > frame_free_count())
		return PV_ENOMEM;
	err = populate_round(p, from, n, all, order);
	if (load_relaxed(&p->retired)) /* tables that have become one page */
		gmem_shootdown(p);
	return err;
}

#define ORDER_BEST 64u

int gmem_populate(struct partition *p, u64 *at, u64 *pages, bool *more)
{
	return populate(p, at, pages, ORDER_BEST, more);
}

int gmem_populate_exact(struct partition *p, u64 *at, u64 *pages, u32 order,
			bool *more)
{
	u64 size = PAGE_SIZE << order, end = *at + *pages * PAGE_SIZE;
	u64 unit = size < LARGE_SIZE ? size : LARGE_SIZE;

	if ((order && order != PV_ORDER_2M && order != PV_ORDER_1G) ||
	    end & (size - 1) || *at & (unit - 1))
		return PV_EINVAL;
	/* a call that goes on has the blocks before it behind it */
	if (*at & (size - 1) && !place(p, *at, *pages).v)
		return PV_EINVAL;
	return populate(p, at, pages, order, more);
}

int gmem_take_locked(struct partition *p, u64 at, u64 size)
{
	struct nested_page np;
	u64 a = at, end = at + size;

	lock_scope(&p->lock);
	if (nested_split(&p->space, gpa(at), size))
		return PV_ENOMEM;
	for (; nested_next(&p->space, &a, end, &np); a += np.size)
		partition_retire(
			p, hpa_ptr(np.to),
			(unsigned)__builtin_ctzll(np.size / PAGE_SIZE));
	if (nested_unmap(&p->space, gpa(at), size))
		panic("a split of partition %u's memory is undone", p->id);
	return PV_OK;
}

int gmem_release(struct partition *p, u64 *at, u64 *pages, bool *more)
{
	gpa_t from = gpa(*at);

	return gmem_take(p, from, round_take(at, pages, more));
}
