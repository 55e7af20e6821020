/* SPDX-License-Identifier: BSD-2-Clause */
/* Atomic loads and stores, named by the order that they keep. */
#pragma once

#define load_relaxed(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define load_seq(p) __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define store_relaxed(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define store_seq(p, v) __atomic_store_n(p, v, __ATOMIC_SEQ_CST)
/* Bits set, or taken away, in what others change, too; what was there before. */
#define or_seq(p, v) __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST)
#define and_seq(p, v) __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST)
