/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory and string helpers. */
#include "lib/string.h"

void *memcpy(void *d, const void *s, size_t n)
{
	mem_copy(d, s, n);
	return d;
}

void *memset(void *d, int c, size_t n)
{
	void *to = d;
	size_t words = n / 8, bytes = n % 8;

	__asm__ volatile("rep stosq; mov %2, %1; rep stosb"
			 : "+D"(to), "+c"(words)
			 : "r"(bytes), "a"((u8)c * 0x0101010101010101ull)
			 : "memory");
	return d;
}

/* The compiler must not turn these loops into calls of themselves. */
size_t __attribute__((optimize("no-tree-loop-distribute-patterns")))
strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++)
		b++;
	return (u8)*a - (u8)*b;
}
