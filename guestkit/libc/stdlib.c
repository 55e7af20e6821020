/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory, numbers, sorting, the end of the program. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "kit/kit.h"
#include "kit/mm.h"

int errno;

void *malloc(size_t n)
{
	void *p = kit_malloc(n);

	if (!p)
		errno = ENOMEM;
	return p;
}

void *calloc(size_t n, size_t size)
{
	void *p = kit_calloc(n, size);

	if (!p)
		errno = ENOMEM;
	return p;
}

void *realloc(void *p, size_t n)
{
	void *q = kit_realloc(p, n);

	if (!q)
		errno = ENOMEM;
	return q;
}

void free(void *p) { kit_free(p); }

char *strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = malloc(n);

	return p ? memcpy(p, s, n) : NULL;
}

char *strerror(int error)
{
	return error ? (char *)"error" : (char *)"success";
}

_Noreturn void exit(int code) { kit_exit(code); }

_Noreturn void abort(void) { kit_panic("abort"); }

_Noreturn void libc_assert_fail(const char *cond, const char *file, int line)
{
	kit_panic("%s:%d: assertion failed: %s", file, line, cond);
}

int abs(int v) { return v < 0 ? -v : v; }

long labs(long v) { return v < 0 ? -v : v; }

long long llabs(long long v) { return v < 0 ? -v : v; }

/* ---- numbers ---- */

static int digit_of(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isalpha((unsigned char)c) ?
		       tolower((unsigned char)c) - 'a' + 10 :
		       99;
}

/* The common part: blanks, sign, prefix, digits; *over when it does not fit. */
static unsigned long long number_parse(const char *s, char **end, int base,
				       bool *minus, bool *over)
{
	const char *p = s, *from;
	unsigned long long v = 0;

	*over = false;
	while (isspace((unsigned char)*p))
		p++;
	*minus = *p == '-';
	if (*p == '-' || *p == '+')
		p++;
	if ((base == 0 || base == 16) && p[0] == '0' && (p[1] | 32) == 'x' &&
	    digit_of(p[2]) < 16) {
		p += 2;
		base = 16;
	}
	if (base == 0)
		base = *p == '0' ? 8 : 10;
	for (from = p; digit_of(*p) < base; p++) {
		*over |= __builtin_mul_overflow(v, (unsigned)base, &v);
		*over |= __builtin_add_overflow(v, (unsigned)digit_of(*p), &v);
	}
	if (end)
		*end = (char *)(p == from ? s : p);
	return v;
}

unsigned long long strtoull(const char *s, char **end, int base)
{
	bool minus, over;
	unsigned long long v = number_parse(s, end, base, &minus, &over);

	if (over) {
		errno = ERANGE;
		return ULLONG_MAX;
	}
	return minus ? 0 - v : v;
}

long long strtoll(const char *s, char **end, int base)
{
	bool minus, over;
	unsigned long long v = number_parse(s, end, base, &minus, &over);

	if (over || v > (unsigned long long)LLONG_MAX + minus) {
		errno = ERANGE;
		return minus ? LLONG_MIN : LLONG_MAX;
	}
	return (long long)(minus ? 0 - v : v);
}

unsigned long strtoul(const char *s, char **end, int base)
{
	return strtoull(s, end, base);
}

long strtol(const char *s, char **end, int base)
{
	return strtoll(s, end, base);
}

int atoi(const char *s) { return (int)strtoll(s, NULL, 10); }

long atol(const char *s) { return strtoll(s, NULL, 10); }

/* ---- sorting ---- */

static void swap(char *a, char *b, size_t n)
{
	for (; n; n--, a++, b++) {
		char t = *a;

		*a = *b;
		*b = t;
	}
}

/* Heap sort: no worst case, no recursion, no memory. */
static void sift(char *a, size_t root, size_t n, size_t size,
		 int (*compare)(const void *, const void *))
{
	size_t child;

	while ((child = 2 * root + 1) < n) {
		if (child + 1 < n &&
		    compare(a + child * size, a + (child + 1) * size) < 0)
			child++;
		if (compare(a + root * size, a + child * size) >= 0)
			return;
		swap(a + root * size, a + child * size, size);
		root = child;
	}
}

void qsort(void *base, size_t n, size_t size,
	   int (*compare)(const void *, const void *))
{
	size_t i;

	for (i = n / 2; i-- > 0;)
		sift(base, i, n, size, compare);
	for (i = n; i-- > 1;) {
		swap(base, (char *)base + i * size, size);
		sift(base, 0, i, size, compare);
	}
}

void *bsearch(const void *key, const void *base, size_t n, size_t size,
	      int (*compare)(const void *, const void *))
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const char *at = (const char *)base + mid * size;
		int c = compare(key, at);

		if (!c)
			return (void *)at;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* ---- pseudo-random numbers ---- */

static unsigned long long rand_state = 1;

int rand(void)
{
	rand_state =
		rand_state * 6364136223846793005ull + 1442695040888963407ull;
	return (int)(rand_state >> 33);
}

void srand(unsigned seed) { rand_state = seed; }
