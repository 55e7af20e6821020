/* SPDX-License-Identifier: BSD-2-Clause */
/* Handle tables: per-partition names of objects with rights and a generation. */
#pragma once

#include "lib/types.h"

#define HANDLE_MAX 256u
#define HANDLE_NONE 0xffffu

#define HANDLE_DEPTH 32u /* derivations from one that is derived from nothing */
/* Slots that one call empties. (The fuzzer has its own, so that it resumes.) */
#ifndef HANDLE_STEP
#define HANDLE_STEP 64u
#endif

/* CLOSING: it names nothing, and nothing is derived from what is below it; its
 * tree is being taken down, leaves first. */
enum handle_type {
	HANDLE_FREE,
	HANDLE_PARTITION,
	HANDLE_EVENT,
	HANDLE_DEVICE, /* obj: its owner */
	HANDLE_CLOSING
};

/*
 * 32 bytes. The value a guest sees is gen << 32 | index; index 0 is PV_SELF.
 * The links of the derivation tree are partition << 8 | index or HANDLE_NONE,
 * guarded by handle_lock, as is every change; lookups take no lock: type is
 * written last when a slot is filled, gen changes when it is emptied.
 */
struct handle {
	u16 type;   /* enum handle_type */
	u16 depth;  /* how many are above it */
	u32 rights; /* PV_RIGHT_* */
	u32 gen;
	u32 obj;     /* partition id */
	u32 obj_gen; /* generation of that partition slot */
	u32 arg;     /* event: port; device: see device.c */
	u16 parent, child, next, prev;
};
static_assert_size(struct handle, 32);

struct handle_table {
	struct handle slots[HANDLE_MAX];
	u32 free_hint;
};

struct partition;

/* What an event handle names: a port of a partition. */
struct event {
	struct partition *part;
	u32 port;
};

/*
 * Looks a handle up. Returns PV_OK and a copy, PV_EHANDLE (no such, stale,
 * wrong type) or PV_ERIGHT. What it names may be going, or gone. PV_SELF names
 * the caller's partition with every partition right but PV_RIGHT_MACHINE. The
 * index is clamped against speculation. Caller holds no lock.
 */
int handle_name(struct partition *p, u64 h, enum handle_type type, u32 rights,
		struct handle *out) must_check;
/* The same, to the partition that it names: PV_EHANDLE if that is gone or
 * going. *out is also set with PV_ERIGHT. */
int handle_partition(struct partition *p, u64 h, u32 rights,
		     struct partition **out) must_check;

/* The slot that h names, whatever is in it: whoever reads it looks at its
 * generation again after that. NULL: h names nothing. */
static inline struct handle *handle_slot(struct handle_table *t, u64 h)
{
	u32 i = (u32)h;
	struct handle *s;

	if (unlikely(i - 1 >= HANDLE_MAX - 1))
		return NULL;
	/* the mask also holds while the branch above is mispredicted */
	s = &t->slots[i & (HANDLE_MAX - 1)];
	if (unlikely(load_acquire(&s->type) == HANDLE_FREE ||
		     s->gen != h >> 32))
		return NULL;
	return s;
}

/* A handle, not yet in any table. */
struct handle handle_to(enum handle_type type, const struct partition *obj,
			u32 arg, u32 rights);
/* Installs type, rights, obj, obj_gen, arg of h, derived from nothing;
 * PV_ENOMEM when full. */
int handle_install(struct partition *p, const struct handle *h,
		   u64 *value) must_check;
/* The same for a partition object. */
int handle_grant(struct partition *p, const struct partition *obj, u32 rights,
		 u64 *value) must_check;
/*
 * Makes a child of p's handle `from`, with `rights` of it, in the table of
 * `to`: PV_EHANDLE, PV_ERIGHT (no PV_RIGHT_GRANT, or more than it has),
 * PV_ENOMEM (also: it would be deeper than HANDLE_DEPTH).
 */
int handle_derive(struct partition *p, u64 from, struct partition *to,
		  u32 rights, u64 *value) must_check;

/*
 * Closes h, which names nothing from now on, and everything derived from it, in
 * all partitions: HANDLE_STEP slots, *more if some are left. To be called again
 * then; another closer may have done it meanwhile: PV_EHANDLE. PV_EINVAL for
 * PV_SELF.
 */
int handle_revoke(struct partition *p, u64 h, bool *more) must_check;
/* The same for all handles of a dying partition; true when none is left. */
bool handle_drop_some(struct partition *p) must_check;

/* ---- for renew.c: the trees ---- */

/* All slots of all tables, but for the lookups. No other is taken within. */
extern struct lock handle_lock;

u16 handle_ref(const struct partition *p, u32 i);
struct handle *handle_at(u16 ref);
void handle_unlink_locked(struct handle *s);
/*
 * Leaves first, as many as *left says; true when top is gone, too. Each step
 * empties a slot or goes one deeper, and no tree is deeper than HANDLE_DEPTH.
 * What is closing gets no new leaves, so that it ends.
 */
bool handle_drop_locked(u16 top, u32 *left);
