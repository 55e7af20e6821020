/* SPDX-License-Identifier: BSD-2-Clause */
/* A ticket spin lock. Interrupts are off in the hypervisor but in windows. */
#pragma once

#include "lib/types.h"

struct lock {
	u32 next, owner;
};

static inline void lock_take(struct lock *l)
{
	u32 t = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != t)
		__builtin_ia32_pause();
}

static inline void lock_drop(struct lock *l)
{
	__atomic_store_n(&l->owner, l->owner + 1, __ATOMIC_RELEASE);
}

static inline bool lock_held(const struct lock *l)
{
	return __atomic_load_n(&l->owner, __ATOMIC_RELAXED) !=
	       __atomic_load_n(&l->next, __ATOMIC_RELAXED);
}

static inline struct lock *lock_taken(struct lock *l)
{
	lock_take(l);
	return l;
}
static inline void lock_scope_end(struct lock **l)
{
	lock_drop(*l);
}
/* Takes the lock until the end of the block that this stands in. */
#define lock_scope(l)                                              \
	struct lock *lock_scope_                                   \
		__attribute__((cleanup(lock_scope_end), unused)) = \
			lock_taken(l)
