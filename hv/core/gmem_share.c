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

/*
 * One call: what it does to one page after the other, first to check all, then
 * to act, which fails for want of memory alone.
 */
struct share {
	struct partition *p;	/* whose pages are looked at, from `from` on */
	struct partition *peer; /* share: with whom; accept: the caller */
	gpa_t from, at;		/* at: where accept maps them */
	bool write;
	bool act;	     /* second round */
	u64 pages;	     /* how many are to be done, in a round */
	struct id_set stale; /* whose mappings were taken away */
};

/* f is the frame of p's page, `offset` bytes behind the first. */
typedef int (*share_step)(struct share *s, struct frame *f, u64 offset);

/* In the second round, s->pages becomes the number of those that were done. */
static int round_locked(struct share *s, share_step step)
{
	for (u64 n = 0; n < s->pages; n++) {
		u64 offset = n * PAGE_SIZE;
		struct frame *f = gmem_frame(s->p, gpa(s->from.v + offset));
		/* what is mapped twice in the range may be gone already */
		int err = f || s->act ? PV_OK : PV_EFAULT;

		if (f)
			err = step(s, f, offset);
		if (!err)
			continue;
		s->pages = n;
		return err;
	}
	return PV_OK;
}

static int share_run_locked(struct share *s, share_step step)
{
	int err = round_locked(s, step);

	if (err)
		return err;
	s->act = true;
	return round_locked(s, step);
}

static int share_page(struct share *s, struct frame *f, u64 offset)
{
	if (f->owner != s->p->id)
		return PV_EFAULT;
	if (f->state != FRAME_PLAIN)
		return PV_EEXIST;
	if (!s->act)
		return PV_OK;
	f->peer = (u16)s->peer->id;
	f->peer_gpa = s->peer->gen;
	f->write = s->write;
	f->state = FRAME_SHARED;
	s->p->pages_shared++;
	return PV_OK;
}

int gmem_share(struct partition *p, struct partition *peer, gpa_t at, u64 pages,
	       bool write)
{
	struct share s = {
		.p = p, .peer = peer, .from = at, .pages = pages, .write = write
	};

	lock_scope(&share_lock);
	return share_run_locked(&s, share_page);
}

/* Ends the share of one frame of p; says whose translations must go. */
static void unshare_locked(struct partition *p, struct frame *f,
			   struct id_set *stale)
{
	if (f->state == FRAME_ACCEPTED)
		gmem_unmap_page(partition_get(f->peer), gpa(f->peer_gpa));
	/* also a peer that is just returning it may not have flushed yet */
	stale->bits[f->peer / 64] |= 1ull << f->peer % 64;
	f->state = FRAME_PLAIN;
	p->pages_shared--;
}

static int revoke_page(struct share *s, struct frame *f, u64 offset)
{
	if (f->owner != s->p->id || f->state == FRAME_PLAIN)
		return s->act ? PV_OK : PV_EFAULT;
	if (s->act)
		unshare_locked(s->p, f, &s->stale);
	return PV_OK;
}

int gmem_revoke(struct partition *p, gpa_t at, u64 pages)
{
	struct share s = { .p = p, .from = at, .pages = pages };
	int err;

	lock_take(&share_lock);
	err = share_run_locked(&s, revoke_page);
	lock_drop(&share_lock);
	shoot_set(&s.stale);
	return err;
}

static int return_page(struct share *s, struct frame *f, u64 offset)
{
	u64 at = s->from.v + offset;

	if (f->state != FRAME_ACCEPTED || f->peer != s->p->id ||
	    f->peer_gpa != at)
		return PV_EFAULT;
	if (!s->act)
		return PV_OK;
	gmem_unmap_page(s->p, gpa(at));
	f->state = FRAME_SHARED;
	f->peer_gpa = s->p->gen;
	return PV_OK;
}

static int accept_page(struct share *s, struct frame *f, u64 offset)
{
	u32 flags = NP_READ | (f->write ? NP_WRITE : 0);
	u64 at = s->at.v + offset;

	if (f->owner != s->p->id || f->state == FRAME_PLAIN ||
	    f->peer != s->peer->id)
		return PV_EFAULT;
	if (f->state == FRAME_ACCEPTED)
		return PV_EEXIST;
	if (f->peer_gpa != s->peer->gen)
		return PV_EFAULT;
	lock_scope(&s->peer->lock);
	if (!s->act && gmem_taken_locked(s->peer, at, PAGE_SIZE))
		return PV_EEXIST;
	if (!s->act)
		return PV_OK;
	if (nested_map(&s->peer->space, gpa(at), frame_hpa(f), PAGE_SIZE, flags,
		       1))
		return PV_ENOMEM;
	f->peer_gpa = at;
	f->state = FRAME_ACCEPTED;
	return PV_OK;
}

int gmem_accept(struct partition *p, struct partition *owner, gpa_t from,
		u64 pages, gpa_t at)
{
	struct share s = {
		.p = owner, .peer = p, .from = from, .pages = pages, .at = at
	};
	struct share undo = { .p = p, .from = at, .act = true };
	int err;

	lock_take(&share_lock);
	err = share_run_locked(&s, accept_page);
	undo.pages = s.pages;
	if (err && s.act)
		hv_assert(!round_locked(&undo, return_page));
	lock_drop(&share_lock);
	if (err == PV_ENOMEM)
		gmem_shootdown(p);
	return err;
}

int gmem_return(struct partition *p, gpa_t at, u64 pages)
{
	struct share s = { .p = p, .from = at, .pages = pages };
	int err;

	lock_take(&share_lock);
	err = share_run_locked(&s, return_page);
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
		frame_free(hpa_ptr(at), FRAME_MAX_ORDER);
	frame_free(hpa_ptr(at), (unsigned)__builtin_ctzll(page / PAGE_SIZE));
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
