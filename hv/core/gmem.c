/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory: copies in and out, mappings of other frames. */
#include "core/gmem.h"
#include "arch/iommu.h"
#include "core/ioreq.h"
#include "lib/panic.h"
#include "lib/string.h"

#define GPA_BITS_MAX 46

u64 gmem_limit(void)
{
	return 1ull << (cpu_feat.phys_bits < GPA_BITS_MAX ? cpu_feat.phys_bits :
							    GPA_BITS_MAX);
}

u64 gmem_span_locked(struct partition *p, u64 at, u32 need, u8 **ptr)
{
	u64 page;
	u32 flags;
	hpa_t h;

	if (!nested_lookup(&p->space, gpa(at), &h, &flags, &page) ||
	    flags & NP_DEVICE || need & ~flags)
		return 0;
	if (need & NP_WRITE && unlikely(p->space.logging))
		nested_log_put(&p->space, gpa(at));
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
		c = gmem_span_locked(p, at, write ? NP_WRITE : NP_READ, &ptr);
		if (!c)
			return PV_EFAULT;
		c = c < n ? c : n;
		if (!buf)
			continue;
		mem_copy(write ? ptr : buf, write ? buf : ptr, c);
		buf += c;
	}
	return PV_OK;
}

static int access(struct partition *p, gpa_t at, void *buf, u64 n, bool write)
{
	lock_scope(&p->lock);
	return access_locked(p, at.v, buf, n, write);
}

void *gmem_ptr(struct partition *p, gpa_t at)
{
	u8 *ptr;

	lock_scope(&p->lock);
	return gmem_span_locked(p, at.v, NP_WRITE, &ptr) ? ptr : NULL;
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

int gmem_copy(struct partition *tp, gpa_t to, struct partition *fp, gpa_t from,
	      u64 n)
{
	lock_scope(&tp->lock);
	if (access_locked(tp, to.v, NULL, n, true) ||
	    !gmem_ok(fp, from, n, false))
		return PV_EFAULT;
	for (u64 c; n; n -= c, from.v += c, to.v += c) {
		u8 *ptr;

		c = gmem_span_locked(tp, to.v, NP_WRITE, &ptr);
		c = c < n ? c : n;
		if (gmem_read(fp, from, ptr, c))
			return PV_EFAULT;
	}
	return PV_OK;
}

bool gmem_taken_locked(struct partition *p, u64 at, u64 size)
{
	struct nested_page np;

	return ioreq_overlaps(p, PV_SPACE_MMIO, at, size) ||
	       nested_next(&p->space, &at, at + size, &np);
}

struct frame *gmem_frame(struct partition *p, gpa_t at)
{
	struct frame *f;
	u32 flags;
	hpa_t h;

	lock_scope(&p->lock);
	if (!nested_lookup(&p->space, at, &h, &flags, NULL) ||
	    flags & NP_DEVICE)
		return NULL;
	f = frame_of(h);
	if (!f || f->state == FRAME_TABLE)
		return NULL;
	if (f->owner != p->id &&
	    (f->state != FRAME_ACCEPTED || f->peer != p->id))
		return NULL;
	return f;
}

/* The first of PV_PAGE_* are enum frame_state. */
_Static_assert(FRAME_TABLE == PV_PAGE_HYPERVISOR, "kinds of a page");

static u32 page_kind(const struct partition *p, const struct frame *f,
		     u32 flags)
{
	bool other = f && f->owner != p->id && f->state != FRAME_TABLE;

	return flags & NP_DEVICE	      ? PV_PAGE_DEVICE :
	       !f || f->owner == FRAME_NOBODY ? PV_PAGE_FIRMWARE :
	       other			      ? PV_PAGE_BORROWED :
						f->state;
}

int gmem_translate(struct partition *p, gpa_t at, struct pv_translation *t)
{
	const struct frame *f;
	u32 flags;
	hpa_t h;

	*t = (struct pv_translation){ 0 };
	lock_scope(&p->lock);
	if (!nested_lookup(&p->space, at, &h, &flags, &t->size))
		return PV_EFAULT;
	f = frame_of(h);
	t->addr = h.v;
	t->kind = page_kind(p, f, flags);
	t->flags = flags & (NP_READ | NP_WRITE | NP_EXEC);
	if (t->kind >= PV_PAGE_DEVICE)
		return PV_OK;
	t->peer = t->kind == PV_PAGE_SHARED || t->kind == PV_PAGE_LENT ?
			  f->peer :
			  f->owner;
	if (f->state == FRAME_ACCEPTED && f->pinned)
		t->flags |= PV_MAP_DMA;
	return PV_OK;
}

int gmem_device_addr(struct partition *p, gpa_t at, u64 *addr)
{
	const struct frame *f = gmem_frame(p, at);

	if (!f || (f->owner != p->id && !f->pinned))
		return PV_EFAULT;
	*addr = frame_hpa(f).v;
	if (!iommu.kind)
		return PV_OK;
	/* devices walk p's tables, as far as they can */
	*addr = at.v;
	if (iommu.np_cached)
		iommu_flush(p->id + 1);
	return at.v < iommu.limit ? PV_OK : PV_EFAULT;
}

int gmem_map(struct partition *p, gpa_t at, hpa_t to, u64 size, u32 flags)
{
	lock_scope(&p->lock);
	if (gmem_taken_locked(p, at.v, size))
		return PV_EEXIST;
	/* single pages stay so: they can be unmapped without a split */
	if (!nested_map(&p->space, at, to, size, flags,
			size < LARGE_SIZE ? 1 : 2))
		return PV_OK;
	/* nothing of it was mapped before: no split */
	if (nested_unmap(&p->space, at, size))
		panic("unmap of what was just mapped");
	return PV_ENOMEM;
}

void gmem_unmap_page(struct partition *p, gpa_t at)
{
	lock_scope(&p->lock);
	if (nested_unmap(&p->space, at, PAGE_SIZE))
		panic("a single page of partition %u is mapped large", p->id);
}
