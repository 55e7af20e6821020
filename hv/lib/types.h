/* SPDX-License-Identifier: BSD-2-Clause */
/* Fixed-width integers, the distinct address types, and the status type. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/atomic.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

/* An address in bytes that does not mix with the others, and how to make one. */
#define ADDRESS_TYPE(name) \
	typedef struct {   \
		u64 v;     \
	} name##_t;        \
	static inline name##_t name(u64 v) { return (name##_t){ v }; }
ADDRESS_TYPE(hpa) /* host-physical */
ADDRESS_TYPE(gpa) /* guest-physical */

/* The hypervisor maps all of its memory at virtual == physical. */
static inline void *hpa_ptr(hpa_t a) { return (void *)(uintptr_t)a.v; }
static inline hpa_t ptr_hpa(const void *p) { return hpa((uintptr_t)p); }

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ull
#define PAGE_MASK 4095ull
#define LARGE_SIZE (2ull << 20)
#define HUGE_SIZE (1ull << 30)

#define must_check __attribute__((warn_unused_result))
#define noreturn_fn __attribute__((noreturn))
#define noinline_fn __attribute__((noinline))
#define aligned_to(n) __attribute__((aligned(n)))
#define printf_like(f, a) __attribute__((format(printf, f, a)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define array_size(a) (sizeof(a) / sizeof((a)[0]))
#define static_assert_size(t, n) _Static_assert(sizeof(t) == (n), #t " size")

/*
 * True when [start, start + size) does not wrap and lies in [0, limit).
 * size 0 is allowed when start <= limit.
 */
static inline bool range_within(u64 start, u64 size, u64 limit)
{
	return start <= limit && size <= limit - start;
}

/* i if i < n, else 0; also while the caller's check of it is mispredicted. */
static inline u64 index_clamp(u64 i, u64 n)
{
	u64 mask;

	__asm__ volatile("cmp %2, %1; sbb %0, %0"
			 : "=r"(mask)
			 : "r"(i), "r"(n)
			 : "cc");
	return i & mask;
}
