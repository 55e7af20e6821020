/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory and string helpers; memcpy and memset use REP, which the CPU counts
 * once per iteration in both emulators. */
#pragma once

#include "lib/types.h"

void *memcpy(void *d, const void *s, size_t n);
void *memset(void *d, int c, size_t n);
/* memcpy in place: eight bytes an iteration, then the rest. */
static inline void mem_copy(void *to, const void *from, size_t n)
{
	size_t words = n / 8, bytes = n % 8;

	__asm__ volatile("rep movsq; mov %3, %2; rep movsb"
			 : "+D"(to), "+S"(from), "+c"(words)
			 : "r"(bytes)
			 : "memory");
}
/* Puts n - 1 copies of the first element (of a multiple of 8 bytes) behind it. */
static inline void mem_repeat(void *first, size_t size, size_t n)
{
	void *to = (u8 *)first + size;
	size_t words = (n - 1) * size / 8;

	/* the copy overlaps: each word comes from the element before */
	__asm__ volatile("rep movsq"
			 : "+S"(first), "+D"(to), "+c"(words)
			 :
			 : "memory");
}
/* How many of the n words at e are 0 before the first that is not. */
static inline size_t mem_zeroes(const u64 *e, size_t n)
{
	size_t left = n;
	u8 found;

	/* XOR leaves ZF set, for n = 0 */
	__asm__ volatile("xor %%eax, %%eax; repe scasq; setne %2"
			 : "+D"(e), "+c"(left), "=q"(found)
			 :
			 : "rax", "cc", "memory");
	return n - left - found;
}
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
