/* SPDX-License-Identifier: BSD-2-Clause */
/* A ticket spin lock. Interrupts are off in the hypervisor but in windows. */
#pragma once

#include "lib/x86.h"

struct lock {
	u32 next, owner;
};

/* Returns l. */
static inline struct lock *lock_take(struct lock *l)
{
	u32 t = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	while (unlikely(load_acquire(&l->owner) != t))
		cpu_relax();
	return l;
}

static inline void lock_drop(struct lock *l)
{
	store_release(&l->owner, l->owner + 1);
}

static inline bool lock_held(const struct lock *l)
{
	return load_relaxed(&l->owner) != load_relaxed(&l->next);
}

static inline void lock_scope_end(struct lock **l) { lock_drop(*l); }
/* Takes the lock until the end of the block that this stands in. */
#define lock_scope(l)                                              \
	struct lock *lock_scope_                                   \
		__attribute__((cleanup(lock_scope_end), unused)) = \
			lock_take(l)
