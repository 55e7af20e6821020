/* SPDX-License-Identifier: BSD-2-Clause */
/* What the harnesses put beneath the real sources: locks are for nothing with
 * one CPU, addresses become objects that the prover knows, a panic is wrong. */
#pragma once

#include "lib/types.h"
#include "lib/lock.h"
#include "lib/panic.h"
#include "lib/string.h"

u32 nondet_u32(void);
u64 nondet_u64(void);

#define ASSUME(c) __CPROVER_assume(c)
#define ASSERT(c) __CPROVER_assert(c, #c)

#define lock_take(l) ((void)(l))
#define lock_drop(l) ((void)(l))
#define lock_held(l) ((void)(l), true)
#undef lock_scope
#define lock_scope(l) ((void)(l))
#undef hv_assert
#define hv_assert(c) ASSERT(c)
#define panic(...) ASSERT(!"panic")

/* The prover knows no REP. */
#define mem_repeat(first, size, n)       \
	for (u32 k_ = 1; k_ < (n); k_++) \
	(first)[k_] = *(first)

static inline u64 prove_zeroes(const u64 *e, u64 n)
{
	u64 i = 0;

	while (i < n && !e[i])
		i++;
	return i;
}
#define mem_zeroes(e, n) prove_zeroes(e, n)

void *prove_ptr(u64 at);
u64 prove_address(const void *p);
#define hpa_ptr(a) prove_ptr((a).v)
#define ptr_hpa(p) hpa(prove_address(p))
