/* SPDX-License-Identifier: BSD-2-Clause */
/* Handle tables: lookup without a lock, derivation trees under one lock. */
#include "core/handle.h"
#include "core/partition.h"

_Static_assert(HANDLE_DEPTH < 0xffff, "a depth fits");
_Static_assert(PARTITION_MAX < 0xff, "a partition id fits a tree link");
_Static_assert((HANDLE_MAX & (HANDLE_MAX - 1)) == 0 && HANDLE_MAX <= 256,
	       "an index can be clamped by a mask and fits a tree link");

#define SELF_RIGHTS (PV_RIGHT_ALL & ~PV_RIGHT_MACHINE)

struct lock handle_lock;

u16 handle_ref(const struct partition *p, u32 i)
{
	return (u16)(p->id << 8 | i);
}

/* A table outlives the links to it: handle_drop_some cuts them. */
struct handle *handle_at(u16 ref)
{
	return &partition_table[ref >> 8]->handles.slots[ref & 0xff];
}

struct handle handle_to(enum handle_type type, const struct partition *obj,
			u32 arg, u32 rights)
{
	return (struct handle){ .type = (u16)type,
				.rights = rights,
				.obj = obj->id,
				.obj_gen = obj->gen,
				.arg = arg };
}

static noinline_fn int lookup_any(struct partition *p, u64 h,
				  struct handle *out)
{
	const struct handle *s = handle_slot(&p->handles, h);

	if (unlikely(!s)) {
		if (h != PV_SELF)
			return PV_EHANDLE;
		*out = handle_to(HANDLE_PARTITION, p, 0, SELF_RIGHTS);
		return PV_OK;
	}
	*out = *s;
	/* a slot that was emptied during the copy has another generation */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (load_relaxed(&s->gen) != h >> 32)
		return PV_EHANDLE;
	return PV_OK;
}

int handle_name(struct partition *p, u64 h, enum handle_type type, u32 rights,
		struct handle *out)
{
	if (unlikely(lookup_any(p, h, out)) || out->type != type)
		return PV_EHANDLE;
	if (unlikely(rights & ~out->rights))
		return PV_ERIGHT;
	return PV_OK;
}

int handle_partition(struct partition *p, u64 h, u32 rights,
		     struct partition **out)
{
	struct handle e;
	int err = handle_name(p, h, HANDLE_PARTITION, rights, &e);

	if (err == PV_EHANDLE)
		return err;
	*out = partition_live(e.obj, e.obj_gen);
	return *out ? err : (int)PV_EHANDLE;
}

void handle_unlink_locked(struct handle *s)
{
	if (s->next != HANDLE_NONE)
		handle_at(s->next)->prev = s->prev;
	if (s->prev != HANDLE_NONE)
		handle_at(s->prev)->next = s->next;
	else if (s->parent != HANDLE_NONE)
		handle_at(s->parent)->child = s->next;
	store_relaxed(&s->type, HANDLE_FREE);
	store_release(&s->gen, s->gen + 1);
}

bool handle_drop_locked(u16 top, u32 *left)
{
	u16 n = top;

	store_relaxed(&handle_at(top)->type, HANDLE_CLOSING);
	while (*left) {
		struct handle *s = handle_at(n);

		if (s->child != HANDLE_NONE) {
			n = s->child;
			continue;
		}
		--*left;
		handle_unlink_locked(s);
		if (n == top)
			return true;
		n = s->parent;
	}
	return false;
}

/* Is it, or one that it is derived from, being closed? */
static bool doomed_locked(u16 n)
{
	for (; n != HANDLE_NONE; n = handle_at(n)->parent)
		if (handle_at(n)->type == HANDLE_CLOSING)
			return true;
	return false;
}

/* A free slot, in a second round also one whose object is gone; 0: none. */
static u32 slot_take_locked(struct partition *p)
{
	u32 left = HANDLE_STEP;

	for (u32 n = 0; n < 2 * HANDLE_MAX; n++) {
		u32 i = (p->handles.free_hint + n) & (HANDLE_MAX - 1);
		const struct handle *s = &p->handles.slots[i];

		if (n >= HANDLE_MAX && left && s->type != HANDLE_FREE &&
		    (s->type == HANDLE_CLOSING ||
		     !partition_live(s->obj, s->obj_gen)) &&
		    !handle_drop_locked(handle_ref(p, i), &left))
			continue; /* the next call goes on with it */
		/* a slot whose generations are used up is never filled again */
		if (i && s->type == HANDLE_FREE && s->gen != ~0u)
			return p->handles.free_hint = i;
	}
	return 0;
}

static int fill_locked(struct partition *p, const struct handle *h, u64 *value)
{
	u32 i = p->dying ? 0 : slot_take_locked(p);
	struct handle *s = &p->handles.slots[i];

	if (!i)
		return PV_ENOMEM;
	s->rights = h->rights;
	s->gen = s->gen ? s->gen : 1;
	s->obj = h->obj;
	s->obj_gen = h->obj_gen;
	s->arg = h->arg;
	s->depth = h->depth;
	s->parent = s->child = s->next = s->prev = HANDLE_NONE;
	store_release(&s->type, h->type);
	*value = (u64)s->gen << 32 | i;
	return PV_OK;
}

int handle_install(struct partition *p, const struct handle *h, u64 *value)
{
	lock_scope(&handle_lock);
	return fill_locked(p, h, value);
}

int handle_grant(struct partition *p, const struct partition *obj, u32 rights,
		 u64 *value)
{
	struct handle h = handle_to(HANDLE_PARTITION, obj, 0, rights);

	return handle_install(p, &h, value);
}

/* The new handle goes first among the children of its parent. */
static void link_locked(u16 parent, u16 child)
{
	struct handle *p = handle_at(parent), *c = handle_at(child);

	c->parent = parent;
	c->next = p->child;
	p->child = child;
	if (c->next != HANDLE_NONE)
		handle_at(c->next)->prev = child;
}

int handle_derive(struct partition *p, u64 from, struct partition *to,
		  u32 rights, u64 *value)
{
	u16 parent = from == PV_SELF ? HANDLE_NONE : handle_ref(p, (u32)from);
	struct handle h;

	lock_scope(&handle_lock);
	if (lookup_any(p, from, &h) || !partition_live(h.obj, h.obj_gen) ||
	    doomed_locked(parent))
		return PV_EHANDLE;
	if (!(h.rights & PV_RIGHT_GRANT) || rights & ~h.rights)
		return PV_ERIGHT;
	h.rights = rights;
	h.depth = parent == HANDLE_NONE ? 0 : h.depth + 1;
	if (h.depth > HANDLE_DEPTH || fill_locked(to, &h, value))
		return PV_ENOMEM;
	if (parent != HANDLE_NONE)
		link_locked(parent, handle_ref(to, (u32)*value));
	return PV_OK;
}

int handle_revoke(struct partition *p, u64 h, bool *more)
{
	u32 left = HANDLE_STEP;

	*more = false;
	lock_scope(&handle_lock);
	if (h == PV_SELF)
		return PV_EINVAL;
	if (!handle_slot(&p->handles, h))
		return PV_EHANDLE;
	*more = !handle_drop_locked(handle_ref(p, (u32)h), &left);
	return PV_OK;
}

bool handle_drop_some(struct partition *p)
{
	u32 left = HANDLE_STEP;

	lock_scope(&handle_lock);
	/* first of all nothing may be derived below any of them any more */
	for (u32 i = 1; i < HANDLE_MAX; i++)
		if (p->handles.slots[i].type != HANDLE_FREE)
			p->handles.slots[i].type = HANDLE_CLOSING;
	for (u32 i = 1; i < HANDLE_MAX; i++)
		if (p->handles.slots[i].type != HANDLE_FREE &&
		    !handle_drop_locked(handle_ref(p, i), &left))
			return false;
	return true;
}
