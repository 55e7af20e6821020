/* SPDX-License-Identifier: BSD-2-Clause */
/* Shares: who may map whose pages; and taking a dead partition's memory. */
#include "core/gmem.h"
#include "lib/panic.h"
#include "pvabi/calls.h"

/*
 * Guards the share fields of all allocated frames, and io_mapper and
 * pages_shared of partitions. Taken before any partition's lock, so that a
 * share's two sides never need both of theirs at once.
 */
static struct lock share_lock;

/* Partitions whose CPUs must drop translations, by id. */
struct id_set {
	u64 bits[(PARTITION_MAX + 63) / 64];
};

static gpa_t page_at(gpa_t start, u64 n)
{
	return gpa(start.v + n * PAGE_SIZE);
}

static void shoot_set(const struct id_set *s)
{
	for (u32 id = 0; id < PARTITION_MAX; id++) {
		struct partition *p = NULL;

		if (s->bits[id / 64] >> id % 64 & 1)
			p = partition_get(id);
		if (p)
			gmem_shootdown(p);
	}
}

/* A single 4 KiB mapping of a share: no split, so that it cannot fail. */
static void unmap_page(struct partition *p, u64 at)
{
	lock_take(&p->lock);
	if (nested_unmap(&p->space, gpa(at), PAGE_SIZE))
		panic("a shared page of partition %u is mapped large", p->id);
	lock_drop(&p->lock);
}

static struct frame *owned_frame(struct partition *p, gpa_t at)
{
	hpa_t where;
	struct frame *f = gmem_frame(p, at, &where);

	return f && f->owner == p->id ? f : NULL;
}

static int share_check_locked(struct partition *p, gpa_t at, u64 pages)
{
	for (u64 n = 0; n < pages; n++) {
		const struct frame *f = owned_frame(p, page_at(at, n));

		if (!f)
			return PV_EFAULT;
		if (f->state != FRAME_PLAIN)
			return PV_EEXIST;
	}
	return PV_OK;
}

int gmem_share(struct partition *p, struct partition *peer, gpa_t at, u64 pages,
	       bool write)
{
	int err;

	lock_take(&share_lock);
	err = share_check_locked(p, at, pages);
	for (u64 n = 0; !err && n < pages; n++) {
		struct frame *f = owned_frame(p, page_at(at, n));

		f->peer = (u16)peer->id;
		f->peer_gpa = peer->gen;
		f->write = write;
		f->state = FRAME_SHARED;
		p->pages_shared++;
	}
	lock_drop(&share_lock);
	return err;
}

/* Ends the share of one frame of p; says whose translations must go. */
static void unshare_locked(struct partition *p, struct frame *f,
			   struct id_set *stale)
{
	if (f->state == FRAME_ACCEPTED) {
		unmap_page(partition_get(f->peer), f->peer_gpa);
		stale->bits[f->peer / 64] |= 1ull << f->peer % 64;
	}
	f->state = FRAME_PLAIN;
	p->pages_shared--;
}

int gmem_revoke(struct partition *p, gpa_t at, u64 pages)
{
	struct id_set stale = { { 0 } };
	int err = PV_OK;

	lock_take(&share_lock);
	for (u64 n = 0; !err && n < pages; n++) {
		const struct frame *f = owned_frame(p, page_at(at, n));

		if (!f || f->state == FRAME_PLAIN)
			err = PV_EFAULT;
	}
	for (u64 n = 0; !err && n < pages; n++) {
		struct frame *f = owned_frame(p, page_at(at, n));

		/* one frame may be mapped twice in the range */
		if (f->state != FRAME_PLAIN)
			unshare_locked(p, f, &stale);
	}
	lock_drop(&share_lock);
	shoot_set(&stale);
	return err;
}

static int accept_check_locked(struct partition *p, struct partition *owner,
			       gpa_t from, u64 pages)
{
	for (u64 n = 0; n < pages; n++) {
		const struct frame *f = owned_frame(owner, page_at(from, n));

		if (!f || f->state == FRAME_PLAIN || f->peer != p->id)
			return PV_EFAULT;
		if (f->state == FRAME_ACCEPTED)
			return PV_EEXIST;
		if (f->peer_gpa != p->gen)
			return PV_EFAULT;
	}
	return PV_OK;
}

static int accept_one_locked(struct partition *p, struct partition *owner,
			     gpa_t from, gpa_t at)
{
	hpa_t where;
	struct frame *f = gmem_frame(owner, from, &where);
	u32 flags = NP_READ | (f->write ? NP_WRITE : 0);
	int err;

	lock_take(&p->lock);
	err = nested_map(&p->space, at, where, PAGE_SIZE, flags, 1);
	lock_drop(&p->lock);
	if (err)
		return PV_ENOMEM;
	f->peer_gpa = at.v;
	f->state = FRAME_ACCEPTED;
	return PV_OK;
}

static void return_one_locked(struct partition *p, gpa_t at)
{
	hpa_t where;
	struct frame *f = gmem_frame(p, at, &where);

	unmap_page(p, at.v);
	f->state = FRAME_SHARED;
	f->peer_gpa = p->gen;
}

int gmem_accept(struct partition *p, struct partition *owner, gpa_t from,
		u64 pages, gpa_t at)
{
	u64 n = 0;
	int err;

	lock_take(&share_lock);
	err = accept_check_locked(p, owner, from, pages);
	lock_take(&p->lock);
	if (!err && gmem_taken_locked(p, at.v, pages * PAGE_SIZE))
		err = PV_EEXIST;
	lock_drop(&p->lock);
	for (; !err && n < pages; n++)
		err = accept_one_locked(p, owner, page_at(from, n),
					page_at(at, n));
	/* undo: the last one was not made */
	for (n = err && n ? n - 1 : 0; n--;)
		return_one_locked(p, page_at(at, n));
	lock_drop(&share_lock);
	if (err == PV_ENOMEM)
		gmem_shootdown(p);
	return err;
}

int gmem_return(struct partition *p, gpa_t at, u64 pages)
{
	int err = PV_OK;

	lock_take(&share_lock);
	for (u64 n = 0; !err && n < pages; n++) {
		hpa_t where;
		const struct frame *f = gmem_frame(p, page_at(at, n), &where);

		if (!f || f->state != FRAME_ACCEPTED || f->peer != p->id ||
		    f->peer_gpa != page_at(at, n).v)
			err = PV_EFAULT;
	}
	for (u64 n = 0; !err && n < pages; n++)
		return_one_locked(p, page_at(at, n));
	lock_drop(&share_lock);
	if (!err)
		gmem_shootdown(p);
	return err;
}

/* What a dying partition has mapped at p->reap_at: borrowed pages go back as
 * shares that nobody can accept any more (also its own, where it has accepted
 * them itself); true: the frames are its own, and are shared no more. */
static bool reap_shares(struct partition *p, struct frame *f, u64 frames)
{
	struct id_set stale = { { 0 } };
	bool mine;

	lock_take(&share_lock);
	mine = f->owner == p->id;
	if (f->state == FRAME_ACCEPTED && f->peer == p->id &&
	    f->peer_gpa == p->reap_at) {
		f->state = FRAME_SHARED;
		f->peer_gpa = p->gen;
		mine = false;
	}
	for (; mine && frames--; f++)
		if (f->state != FRAME_PLAIN)
			unshare_locked(p, f, &stale);
	lock_drop(&share_lock);
	shoot_set(&stale);
	return mine;
}

/* One leaf of the dying partition's tables: page bytes from p->reap_at on. */
static void reap_leaf(struct partition *p, hpa_t at, u64 page)
{
	struct frame *f = frame_of(at);

	if (!f || f->state == FRAME_TABLE ||
	    !reap_shares(p, f, page / PAGE_SIZE))
		return;
	lock_take(&p->lock);
	p->pages -= page / PAGE_SIZE;
	lock_drop(&p->lock);
	for (; page > LARGE_SIZE; page -= LARGE_SIZE, at.v += LARGE_SIZE)
		frame_free(at, FRAME_MAX_ORDER);
	frame_free(at, (unsigned)__builtin_ctzll(page / PAGE_SIZE));
}

bool gmem_reap(struct partition *p, u64 bound)
{
	u64 limit = gmem_limit(), done = 0;

	/* nobody else uses the tables any more: nothing needs unmapping, and
	 * p->reap_at says what is gone already */
	while (p->reap_at < limit && done < bound) {
		u32 flags;
		u64 page;
		hpa_t at;

		if (nested_lookup(&p->space, gpa(p->reap_at), &at, &flags,
				  &page)) {
			if (!(flags & NP_DEVICE))
				reap_leaf(p, at, page);
			done += page / PAGE_SIZE;
		} else {
			done++;
		}
		p->reap_at = (p->reap_at & ~(page - 1)) + page;
	}
	return p->reap_at >= limit;
}
