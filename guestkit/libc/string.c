/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory and strings. */
#include <string.h>

/* String instructions: short to fetch, and the compiler cannot turn the
 * loop back into a call of the function itself. */
void *memcpy(void *to, const void *from, size_t n)
{
	void *d = to;
	size_t words = n / 8, rest = n % 8;

	__asm__ volatile("rep movsq"
			 : "+D"(d), "+S"(from), "+c"(words)::"memory");
	__asm__ volatile("rep movsb"
			 : "+D"(d), "+S"(from), "+c"(rest)::"memory");
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	unsigned char *d = to;
	const unsigned char *s = from;

	if (d <= s || d >= s + n)
		return memcpy(to, from, n);
	d += n - 1;
	s += n - 1;
	__asm__ volatile("std; rep movsb; cld"
			 : "+D"(d), "+S"(s), "+c"(n)::"memory", "cc");
	return to;
}

void *memset(void *p, int c, size_t n)
{
	void *d = p;
	size_t words = n / 8, rest = n % 8;
	unsigned long long v = 0x0101010101010101ull * (unsigned char)c;

	__asm__ volatile("rep stosq"
			 : "+D"(d), "+c"(words)
			 : "a"(v)
			 : "memory");
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(rest) : "a"(v) : "memory");
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

void *memchr(const void *p, int c, size_t n)
{
	const unsigned char *s = p;

	for (; n; n--, s++)
		if (*s == (unsigned char)c)
			return (void *)s;
	return NULL;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (unsigned char)*a - (unsigned char)*b;
	return 0;
}

int strcmp(const char *a, const char *b) { return strncmp(a, b, (size_t)-1); }

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c | 32 : (unsigned char)c;
}

int strncasecmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (lower(*a) != lower(*b) || !*a)
			return lower(*a) - lower(*b);
	return 0;
}

int strcasecmp(const char *a, const char *b)
{
	return strncasecmp(a, b, (size_t)-1);
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)found;
	}
}

char *strstr(const char *s, const char *what)
{
	size_t n = strlen(what);

	for (;; s++) {
		if (!strncmp(s, what, n))
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strcpy(char *to, const char *from)
{
	return memcpy(to, from, strlen(from) + 1);
}

char *strncpy(char *to, const char *from, size_t n)
{
	size_t len = strnlen(from, n);

	memcpy(to, from, len);
	memset(to + len, 0, n - len);
	return to;
}

char *strcat(char *to, const char *from)
{
	strcpy(to + strlen(to), from);
	return to;
}

char *strncat(char *to, const char *from, size_t n)
{
	size_t at = strlen(to), len = strnlen(from, n);

	memcpy(to + at, from, len);
	to[at + len] = 0;
	return to;
}

size_t strspn(const char *s, const char *set)
{
	size_t n = 0;

	while (s[n] && strchr(set, s[n]))
		n++;
	return n;
}

size_t strcspn(const char *s, const char *set)
{
	size_t n = 0;

	while (s[n] && !strchr(set, s[n]))
		n++;
	return n;
}

char *strpbrk(const char *s, const char *set)
{
	s += strcspn(s, set);
	return *s ? (char *)s : NULL;
}

char *strtok_r(char *s, const char *sep, char **save)
{
	char *word;

	if (!s)
		s = *save;
	word = s + strspn(s, sep);
	s = word + strcspn(word, sep);
	if (*s)
		*s++ = 0;
	*save = s;
	return *word ? word : NULL;
}

char *strtok(char *s, const char *sep)
{
	static char *save;

	return strtok_r(s, sep, &save);
}
