/* SPDX-License-Identifier: BSD-2-Clause */
/* snprintf for integers, characters and strings, as ISO C has it. */
#include "kit/kit.h"

struct out {
	char *buf;
	size_t size, len; /* len: what would have been written */
};

struct spec {
	bool left, zero, plus, space, alt;
	int width, precision; /* precision -1: none given */
	int size;	      /* bytes of the argument */
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void pad(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_text(struct out *o, const struct spec *s, const char *p, int n)
{
	if (!s->left)
		pad(o, ' ', s->width - n);
	for (int i = 0; i < n; i++)
		put(o, p[i]);
	if (s->left)
		pad(o, ' ', s->width - n);
}

static void put_string(struct out *o, const struct spec *s, const char *p)
{
	int n = 0;

	if (!p)
		p = "(null)";
	while ((s->precision < 0 || n < s->precision) && p[n])
		n++;
	put_text(o, s, p, n);
}

/* Digits of v, last first; returns how many. v == 0 gives none. */
static int digits(char *buf, uint64_t v, unsigned base, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	int n = 0;

	for (; v; v /= base)
		buf[n++] = set[v % base];
	return n;
}

static void put_number(struct out *o, const struct spec *s, uint64_t v,
		       const char *prefix, unsigned base, bool upper)
{
	char buf[24];
	int n = digits(buf, v, base, upper), zeros, head = 0;

	while (prefix[head])
		head++;
	zeros = (s->precision < 0 ? 1 : s->precision) - n;
	if (s->alt && base == 8 && zeros < 1)
		zeros = 1;
	if (zeros < 0)
		zeros = 0;
	if (s->zero && !s->left && s->precision < 0 &&
	    s->width > n + zeros + head)
		zeros = s->width - n - head;
	if (!s->left)
		pad(o, ' ', s->width - n - zeros - head);
	for (int i = 0; i < head; i++)
		put(o, prefix[i]);
	pad(o, '0', zeros);
	for (int i = n; i-- > 0;)
		put(o, buf[i]);
	if (s->left)
		pad(o, ' ', s->width - n - zeros - head);
}

static const char *spec_flags(struct spec *s, const char *p)
{
	for (;; p++) {
		if (*p == '-')
			s->left = true;
		else if (*p == '0')
			s->zero = true;
		else if (*p == '+')
			s->plus = true;
		else if (*p == ' ')
			s->space = true;
		else if (*p == '#')
			s->alt = true;
		else
			return p;
	}
}

static const char *spec_number(const char *p, int *n)
{
	*n = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		if (*n < 100000)
			*n = *n * 10 + (*p - '0');
	return p;
}

static const char *spec_size(struct spec *s, const char *p)
{
	s->size = 4;
	for (;; p++) {
		if (*p == 'h')
			s->size /= 2;
		else if (*p == 'l' || *p == 'z' || *p == 'j' || *p == 't')
			s->size = 8;
		else
			return p;
	}
}

/* A va_list in a struct can be handed on by address. */
struct args {
	__builtin_va_list ap;
};

static const char *spec_parse(struct spec *s, const char *p, struct args *a)
{
	*s = (struct spec){ .precision = -1 };
	p = spec_flags(s, p);
	if (*p == '*') {
		s->width = __builtin_va_arg(a->ap, int);
		if (s->width < 0) {
			s->left = true;
			s->width = -s->width;
		}
		p++;
	} else {
		p = spec_number(p, &s->width);
	}
	if (*p == '.') {
		if (p[1] == '*') {
			s->precision = __builtin_va_arg(a->ap, int);
			p += 2;
		} else {
			p = spec_number(p + 1, &s->precision);
		}
	}
	return spec_size(s, p);
}

static uint64_t arg_unsigned(const struct spec *s, struct args *a)
{
	uint64_t v = s->size == 8 ? __builtin_va_arg(a->ap, uint64_t) :
				    __builtin_va_arg(a->ap, unsigned);

	if (s->size == 2)
		return (uint16_t)v;
	return s->size < 2 ? (uint8_t)v : v;
}

static int64_t arg_signed(const struct spec *s, struct args *a)
{
	int64_t v = s->size == 8 ? __builtin_va_arg(a->ap, int64_t) :
				   __builtin_va_arg(a->ap, int);

	if (s->size == 2)
		return (int16_t)v;
	return s->size < 2 ? (int8_t)v : v;
}

static void put_signed(struct out *o, const struct spec *s, int64_t v)
{
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	put_number(o, s, u,
		   v < 0    ? "-" :
		   s->plus  ? "+" :
		   s->space ? " " :
			      "",
		   10, false);
}

static void put_hex(struct out *o, const struct spec *s, uint64_t v, bool upper)
{
	put_number(o, s, v, s->alt && v ? (upper ? "0X" : "0x") : "", 16,
		   upper);
}

static void convert(struct out *o, struct spec *s, char c, struct args *a)
{
	char ch;

	switch (c) {
	case 'd':
	case 'i':
		put_signed(o, s, arg_signed(s, a));
		break;
	case 'u':
		put_number(o, s, arg_unsigned(s, a), "", 10, false);
		break;
	case 'o':
		put_number(o, s, arg_unsigned(s, a), "", 8, false);
		break;
	case 'x':
	case 'X':
		put_hex(o, s, arg_unsigned(s, a), c == 'X');
		break;
	case 'p':
		s->alt = true;
		put_hex(o, s, (uintptr_t) __builtin_va_arg(a->ap, void *),
			false);
		break;
	case 'c':
		ch = (char)__builtin_va_arg(a->ap, int);
		put_text(o, s, &ch, 1);
		break;
	case 's':
		put_string(o, s, __builtin_va_arg(a->ap, const char *));
		break;
	default: /* %% and what is unknown */
		put(o, c);
	}
}

int kit_vformat(char *buf, size_t size, const char *fmt, __builtin_va_list ap)
{
	struct out o = { buf, size, 0 };
	struct args a;
	struct spec s;

	__builtin_va_copy(a.ap, ap);
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = spec_parse(&s, fmt + 1, &a);
		if (!*fmt)
			break;
		convert(&o, &s, *fmt, &a);
	}
	__builtin_va_end(a.ap);
	if (size)
		buf[o.len < size ? o.len : size - 1] = 0;
	return (int)o.len;
}

int kit_format(char *buf, size_t size, const char *fmt, ...)
{
	__builtin_va_list ap;
	int n;

	__builtin_va_start(ap, fmt);
	n = kit_vformat(buf, size, fmt, ap);
	__builtin_va_end(ap);
	return n;
}
