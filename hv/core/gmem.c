/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory: copies in and out, population, mappings of other frames. */
#include "core/gmem.h"
#include "core/ioreq.h"
#include "lib/panic.h"
#include "pvabi/calls.h"

#define RAM_FLAGS (NP_READ | NP_WRITE | NP_EXEC)
#define LARGE_PAGES (LARGE_SIZE / PAGE_SIZE)
#define GPA_BITS_MAX 46

u64 gmem_limit(void)
{
	u32 bits = cpu_feat.phys_bits;

	return 1ull << (bits < GPA_BITS_MAX ? bits : GPA_BITS_MAX);
}

/* REP counts each iteration, in the emulators as in time: eight at a time. */
static void copy(void *to, const void *from, u64 n)
{
	u64 words = n / 8;

	n %= 8;
	__asm__ volatile("rep movsq\n\tmov %3, %2\n\trep movsb"
			 : "+D"(to), "+S"(from), "+c"(words)
			 : "r"(n)
			 : "memory");
}

/* Where the bytes at `at` are, and how many of them lie in a row. */
static u64 span_locked(struct partition *p, u64 at, u32 need, u8 **ptr)
{
	u64 page;
	u32 flags;
	hpa_t h;

	if (!nested_lookup(&p->space, gpa(at), &h, &flags, &page) ||
	    flags & NP_DEVICE || need & ~flags)
		return 0;
	*ptr = hpa_ptr(h);
	return page - (at & (page - 1));
}

/* Checks n bytes, and copies them from or (write) to buf where there is one. */
static int access_locked(struct partition *p, u64 at, u8 *buf, u64 n,
			 bool write)
{
	u8 *ptr;

	if (!range_within(at, n, gmem_limit()))
		return PV_EFAULT;
	for (u64 c; n; n -= c, at += c) {
		c = span_locked(p, at, write ? NP_WRITE : NP_READ, &ptr);
		if (!c)
			return PV_EFAULT;
		c = c < n ? c : n;
		if (!buf)
			continue;
		copy(write ? ptr : buf, write ? buf : ptr, c);
		buf += c;
	}
	return PV_OK;
}

static int access(struct partition *p, gpa_t at, void *buf, u64 n, bool write)
{
	int err;

	lock_take(&p->lock);
	err = access_locked(p, at.v, buf, n, write);
	lock_drop(&p->lock);
	return err;
}

bool gmem_ok(struct partition *p, gpa_t at, u64 n, bool write)
{
	return !access(p, at, NULL, n, write);
}

int gmem_read(struct partition *p, gpa_t at, void *to, u64 n)
{
	return access(p, at, to, n, false);
}

int gmem_write(struct partition *p, gpa_t at, const void *from, u64 n)
{
	return access(p, at, (void *)(uintptr_t)from, n, true);
}

/* Two partitions' locks: the lower id first. */
static void lock_both(struct partition *a, struct partition *b)
{
	lock_take(a->id < b->id ? &a->lock : &b->lock);
	if (a != b)
		lock_take(a->id < b->id ? &b->lock : &a->lock);
}

int gmem_copy(struct partition *tp, gpa_t to, struct partition *fp, gpa_t from,
	      u64 n)
{
	int err;

	lock_both(tp, fp);
	err = access_locked(fp, from.v, NULL, n, false);
	if (!err)
		err = access_locked(tp, to.v, NULL, n, true);
	for (u64 c; n && !err; n -= c, from.v += c, to.v += c) {
		u8 *ptr;

		c = span_locked(fp, from.v, NP_READ, &ptr);
		c = c < n ? c : n;
		err = access_locked(tp, to.v, ptr, c, true);
	}
	lock_drop(&tp->lock);
	if (tp != fp)
		lock_drop(&fp->lock);
	return err;
}

bool gmem_taken_locked(struct partition *p, u64 at, u64 size)
{
	u64 end = at + size, page;
	hpa_t h;

	if (ioreq_overlaps(p, PV_SPACE_MMIO, at, size))
		return true;
	for (; at < end; at = (at & ~(page - 1)) + page)
		if (nested_lookup(&p->space, gpa(at), &h, NULL, &page))
			return true;
	return false;
}

struct frame *gmem_frame(struct partition *p, gpa_t at, hpa_t *where)
{
	struct frame *f = NULL;
	u32 flags;

	lock_take(&p->lock);
	if (nested_lookup(&p->space, at, where, &flags, NULL) &&
	    !(flags & NP_DEVICE))
		f = frame_of(*where);
	lock_drop(&p->lock);
	if (!f || f->state == FRAME_TABLE ||
	    (f->owner != p->id &&
	     (f->state != FRAME_ACCEPTED || f->peer != p->id)))
		return NULL;
	return f;
}

/* One page or one large page of new memory. */
static int populate_one(struct partition *p, u64 at, unsigned order)
{
	u64 n = 1ull << order;
	int err = PV_ENOMEM;
	hpa_t to;

	if (!frame_alloc((u16)p->id, FRAME_PLAIN, order, true, &to))
		return PV_ENOMEM;
	lock_take(&p->lock);
	if (gmem_taken_locked(p, at, n * PAGE_SIZE))
		err = PV_EEXIST;
	else if (n <= p->max_pages && p->pages <= p->max_pages - n &&
		 !nested_map(&p->space, gpa(at), to, n * PAGE_SIZE, RAM_FLAGS,
			     order ? 2 : 1))
		err = PV_OK;
	if (!err)
		p->pages += n;
	lock_drop(&p->lock);
	if (err)
		frame_free(to, order);
	return err;
}

int gmem_populate(struct partition *p, gpa_t at, u64 pages, u64 *done)
{
	*done = 0;
	/* what is clear from the start changes nothing; tables come on top */
	if (p->pages > p->max_pages || pages > p->max_pages - p->pages ||
	    pages > frame_free_count())
		return PV_ENOMEM;
	while (*done < pages && *done < LARGE_PAGES) {
		u64 a = at.v + *done * PAGE_SIZE;
		bool large = !(a & (LARGE_SIZE - 1)) &&
			     pages - *done >= LARGE_PAGES;
		int err = PV_ENOMEM;

		/* a large page is a round of its own */
		if (large && *done)
			break;
		if (large)
			err = populate_one(p, a, FRAME_MAX_ORDER);
		/* no large block is left, or it is beyond the quota */
		if (err == PV_ENOMEM) {
			large = false;
			err = populate_one(p, a, 0);
		}
		if (err)
			return err;
		*done += large ? LARGE_PAGES : 1;
	}
	return PV_OK;
}

int gmem_map_hv(struct partition *p, gpa_t at, hpa_t to, u64 size, u32 flags)
{
	int err = PV_EEXIST;

	lock_take(&p->lock);
	if (!gmem_taken_locked(p, at.v, size)) {
		err = PV_OK;
		if (nested_map(&p->space, at, to, size, flags, 2)) {
			err = PV_ENOMEM;
			/* nothing of it was mapped before: no split */
			if (nested_unmap(&p->space, at, size))
				hv_assert(!"unmap of what was just mapped");
		}
	}
	lock_drop(&p->lock);
	return err;
}

void gmem_unmap_hv(struct partition *p, gpa_t at)
{
	lock_take(&p->lock);
	if (nested_unmap(&p->space, at, PAGE_SIZE))
		hv_assert(!"unmap of a single page");
	lock_drop(&p->lock);
	gmem_shootdown(p);
}
