/* SPDX-License-Identifier: BSD-2-Clause */
/* Shares: who may map whose pages; and taking a dead partition's memory. */
#include "core/gmem.h"

/*
 * Guards the share fields of all allocated frames, and io_mapper and
 * pages_shared of partitions. Taken before any partition's lock, so that a
 * share's two sides never need both of theirs at once.
 */
static struct lock share_lock;

/* One call, which does a step for one page after the other: first to check
 * all of them, then to act. */
struct share {
	struct partition *p;	/* whose pages are looked at, from `from` on */
	struct partition *peer; /* share: with whom; accept: the caller */
	gpa_t from, at;		/* at: where accept maps them */
	u64 pages;
	bool write, dma;
	bool act;		   /* second round */
	bool stale[PARTITION_MAX]; /* their CPUs must drop translations */
};

/* f is the frame of p's page, `offset` bytes behind the first. */
typedef int (*share_step)(struct share *s, struct frame *f, u64 offset);

static struct frame *frame_locked(const struct share *s, u64 offset)
{
	return gmem_frame(s->p, gpa(s->from.v + offset));
}

static int round_locked(struct share *s, share_step step)
{
	int err = PV_OK;

	for (u64 n = 0; !err && n < s->pages; n++) {
		struct frame *f = frame_locked(s, n * PAGE_SIZE);

		if (f)
			err = step(s, f, n * PAGE_SIZE);
		else if (!s->act) /* a second mapping may be gone by then */
			err = PV_EFAULT;
	}
	return err;
}

static void shoot_stale(const struct share *s)
{
	for (u32 id = 0; id < PARTITION_MAX; id++)
		if (s->stale[id] && partition_get(id))
			gmem_shootdown(partition_get(id));
}

static int share_run(struct share *s, share_step step)
{
	int err;

	lock_take(&share_lock);
	err = round_locked(s, step);
	s->act = true;
	if (!err)
		err = round_locked(s, step);
	lock_drop(&share_lock);
	shoot_stale(s);
	return err;
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

/* A partition's own pins hold nothing up: it may end, and then they do. */
static void pin_locked(struct partition *owner, struct frame *f, bool on)
{
	if (f->pinned != on && f->peer != owner->id)
		__atomic_fetch_add(&owner->pages_pinned, on ? 1 : -1ull,
				   __ATOMIC_RELEASE);
	f->pinned = on;
}

static int revoke_page(struct share *s, struct frame *f, u64 offset)
{
	if (f->owner != s->p->id || f->state == FRAME_PLAIN)
		return s->act ? PV_OK : PV_EFAULT;
	if (!s->act)
		return f->state == FRAME_ACCEPTED && f->pinned ? PV_EAGAIN :
								 PV_OK;
	pin_locked(s->p, f, false);
	if (f->state == FRAME_ACCEPTED)
		gmem_unmap_page(partition_get(f->peer), gpa(f->peer_gpa));
	/* also a peer that is just returning it may not have flushed yet */
	s->stale[f->peer] = true;
	f->state = FRAME_PLAIN;
	s->p->pages_shared--;
	return PV_OK;
}

/* The peer p does not map the frame any more, but may again. */
static void give_back_locked(struct share *s, struct partition *p,
			     struct frame *f)
{
	gmem_unmap_page(p, gpa(f->peer_gpa));
	pin_locked(partition_get(f->owner), f, false);
	s->stale[p->id] = true;
	f->state = FRAME_SHARED;
	f->peer_gpa = p->gen;
}

static int return_page(struct share *s, struct frame *f, u64 offset)
{
	if (f->state != FRAME_ACCEPTED || f->peer != s->p->id ||
	    f->peer_gpa != s->from.v + offset)
		return PV_EFAULT;
	if (s->act)
		give_back_locked(s, s->p, f);
	return PV_OK;
}

/* May the peer have what p has not shared? Then it is shared now. */
static bool lent_locked(struct share *s, struct frame *f)
{
	if (!(s->p->flags & PV_PARTITION_SHARE_ALL) ||
	    s->p->creator != s->peer->id || s->p->creator_gen != s->peer->gen)
		return false;
	s->write = true;
	return share_page(s, f, 0) == PV_OK;
}

static int accept_page(struct share *s, struct frame *f, u64 offset)
{
	u64 at = s->at.v + offset;
	u32 flags;
	int err;

	if (f->state == FRAME_PLAIN && lent_locked(s, f) && !s->act)
		return PV_OK;
	flags = NP_READ | (f->write ? NP_WRITE : 0);
	if (f->owner != s->p->id || f->state == FRAME_PLAIN ||
	    f->peer != s->peer->id)
		return PV_EFAULT;
	if (f->state == FRAME_ACCEPTED)
		return PV_EEXIST;
	if (f->peer_gpa != s->peer->gen)
		return PV_EFAULT;
	if (!s->act)
		return PV_OK;
	err = gmem_map(s->peer, gpa(at), frame_hpa(f), PAGE_SIZE, flags);
	if (!err) {
		f->peer_gpa = at;
		f->state = FRAME_ACCEPTED;
		pin_locked(s->p, f, s->dma);
	}
	/* something is there, or no table can be: undo what came before */
	for (u64 n = err ? offset : 0; n; n -= PAGE_SIZE)
		give_back_locked(s, s->peer, frame_locked(s, n - PAGE_SIZE));
	return err;
}

int gmem_share(struct partition *p, struct partition *peer, gpa_t at, u64 pages,
	       bool write)
{
	struct share s = {
		.p = p, .peer = peer, .from = at, .pages = pages, .write = write
	};

	return share_run(&s, share_page);
}

int gmem_revoke(struct partition *p, gpa_t at, u64 pages)
{
	struct share s = { .p = p, .from = at, .pages = pages };
	int err = share_run(&s, revoke_page);

	/* the owner's log does not know yet what the peer has written */
	if (!err && p->space.logging)
		gmem_ok(p, at, pages * PAGE_SIZE, true);
	return err;
}

int gmem_accept(struct partition *owner, gpa_t from, u64 pages, gpa_t at,
		u32 flags)
{
	struct share s = { .p = owner,
			   .peer = vcpu_current()->part,
			   .from = from,
			   .pages = pages,
			   .at = at,
			   .dma = flags & PV_ACCEPT_DMA };

	return share_run(&s, accept_page);
}

int gmem_return(struct partition *p, gpa_t at, u64 pages)
{
	struct share s = { .p = p, .from = at, .pages = pages };

	return share_run(&s, return_page);
}

static int plain_page(struct share *s, struct frame *f, u64 offset)
{
	if (f->owner != s->p->id)
		return PV_EFAULT;
	return f->state == FRAME_PLAIN ? PV_OK : PV_EEXIST;
}

int gmem_take(struct partition *p, gpa_t at, u64 pages)
{
	struct share s = { .p = p, .from = at, .pages = pages };
	int err;

	lock_take(&share_lock);
	err = round_locked(&s, plain_page);
	if (!err)
		err = gmem_take_locked(p, at.v, pages * PAGE_SIZE);
	lock_drop(&share_lock);
	if (!err)
		gmem_shootdown(p);
	return err;
}

bool gmem_reap_shares(struct partition *p, struct frame *f, u64 frames)
{
	struct share s = { .p = p, .from = gpa(p->reap_at), .act = true };
	bool mine;

	lock_take(&share_lock);
	mine = return_page(&s, f, 0) && f->owner == p->id;
	for (; mine && p->pages_shared && frames--; f++)
		revoke_page(&s, f, 0);
	lock_drop(&share_lock);
	shoot_stale(&s);
	return mine;
}

/* Part of the dying partition's memory: page bytes from p->reap_at on. */
static void reap_leaf(struct partition *p, hpa_t at, u64 page)
{
	struct frame *f = frame_of(at);

	if (!f || f->state == FRAME_TABLE ||
	    !gmem_reap_shares(p, f, page / PAGE_SIZE))
		return;
	lock_scope(&p->lock);
	partition_pages_free(p, hpa_ptr(at),
			     (unsigned)__builtin_ctzll(page / PAGE_SIZE));
}

bool gmem_reap(struct partition *p, u64 bound)
{
	u64 limit = gmem_limit();
	struct nested_page np;

	/* nobody else uses the tables any more: nothing needs unmapping, and
	 * p->reap_at says what is gone already */
	for (u64 done = 0; done < bound; done += np.size / PAGE_SIZE) {
		if (!nested_next(&p->space, &p->reap_at, limit, &np))
			return true;
		if (np.size > LARGE_SIZE)
			np.size = LARGE_SIZE;
		if (!(np.flags & NP_DEVICE))
			reap_leaf(p, np.to, np.size);
		p->reap_at = (p->reap_at | (np.size - 1)) + 1;
	}
	return false;
}
