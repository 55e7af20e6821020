/* SPDX-License-Identifier: BSD-2-Clause */
/* Text put together in a buffer of fixed size; what does not fit is cut. */
#ifndef HOST_TEXT_H
#define HOST_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
	char *buf;
	size_t size, len; /* len < size; NUL-terminated */
};

static inline struct text text_of(char *buf, size_t size)
{
	buf[0] = 0;
	return (struct text){ buf, size, 0 };
}

static inline void text_add_char(struct text *t, char c)
{
	if (t->len + 1 >= t->size)
		return;
	t->buf[t->len++] = c;
	t->buf[t->len] = 0;
}

static inline void text_add(struct text *t, const char *s)
{
	while (*s)
		text_add_char(t, *s++);
}

static inline void text_add_u64(struct text *t, uint64_t v)
{
	char digits[20];
	int n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	while (n)
		text_add_char(t, digits[--n]);
}

/* Hexadecimal, at least `width` digits. */
static inline void text_add_hex(struct text *t, uint64_t v, int width)
{
	for (int i = 15; i >= 0; i--)
		if (i < width || v >> 4 * i)
			text_add_char(t, "0123456789abcdef"[v >> 4 * i & 15]);
}

#endif
