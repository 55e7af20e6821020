/* SPDX-License-Identifier: BSD-2-Clause */
/* Its own memcpy and printf, and names that a kit without a prefix would take:
 * were they defined twice, the link would fail. */
#include "own.h"

#include <kit/console.h>

void *memcpy(void *to, const void *from, size_t n)
{
	void *d = to;

	__asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n)::"memory");
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	char *d = to;
	const char *s = from;

	if (d <= s)
		return memcpy(to, from, n);
	while (n--)
		*(volatile char *)(d + n) = s[n];
	return to;
}

void *memset(void *p, int c, size_t n)
{
	void *d = p;

	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return p;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;

	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

int printf(const char *fmt, ...)
{
	char line[128];
	__builtin_va_list ap;
	int n;

	__builtin_va_start(ap, fmt);
	n = kit_vformat(line, sizeof(line), fmt, ap);
	__builtin_va_end(ap);
	kit_write(line, n);
	return n;
}

int malloc, free, start, trap, panic, console, block, idt, lock, root;
