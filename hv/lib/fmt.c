/* SPDX-License-Identifier: BSD-2-Clause */
/* The formatter: a small subset of printf. */
#include "lib/log.h"

struct out {
	char *buf;
	size_t size;
	size_t len; /* what was needed so far, without the terminator */
};

struct spec {
	bool left, zero, longer;
	int width;
	int precision; /* -1: none; strings only */
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

/* Text of known length, padded to the width; sign goes before zeros. */
static void put_field(struct out *o, const struct spec *sp, const char *s,
		      int len)
{
	int fill = sp->width - len;

	if (!sp->left && sp->zero && len && *s == '-') {
		put(o, *s++);
		len--;
	}
	if (!sp->left)
		pad(o, sp->zero ? '0' : ' ', fill);
	for (int i = 0; i < len; i++)
		put(o, s[i]);
	if (sp->left)
		pad(o, ' ', fill);
}

static void put_number(struct out *o, const struct spec *sp, u64 v, u32 base,
		       bool negative)
{
	char tmp[24], *p = tmp + sizeof(tmp);

	do
		*--p = "0123456789abcdef"[v % base];
	while (v /= base);
	if (negative)
		*--p = '-';
	put_field(o, sp, p, (int)(tmp + sizeof(tmp) - p));
}

static void put_string(struct out *o, struct spec *sp, const char *s)
{
	int len = 0;

	if (!s)
		s = "(null)";
	while ((sp->precision < 0 || len < sp->precision) && s[len])
		len++;
	sp->zero = false;
	put_field(o, sp, s, len);
}

static int parse_number(const char **f)
{
	int n = 0;

	while (**f >= '0' && **f <= '9' && n < 1000)
		n = n * 10 + *(*f)++ - '0';
	return n;
}

static const char *parse_spec(const char *f, struct spec *sp)
{
	*sp = (struct spec){ .precision = -1 };
	for (;; f++) {
		if (*f == '-')
			sp->left = true;
		else if (*f == '0')
			sp->zero = true;
		else
			break;
	}
	sp->width = parse_number(&f);
	if (*f == '.') {
		f++;
		sp->precision = parse_number(&f);
	}
	while (*f == 'l' || *f == 'z') {
		sp->longer = true;
		f++;
	}
	return f;
}

int fmt_vbuf(char *buf, size_t n, const char *f, __builtin_va_list ap)
{
	struct out o = { buf, n, 0 };
	struct spec sp;
	char c;
	s64 d;

	for (; *f; f++) {
		if (*f != '%') {
			put(&o, *f);
			continue;
		}
		f = parse_spec(f + 1, &sp);
		switch (*f) {
		case 's':
			put_string(&o, &sp, __builtin_va_arg(ap, char *));
			break;
		case 'c':
			c = (char)__builtin_va_arg(ap, int);
			sp.zero = false;
			put_field(&o, &sp, &c, 1);
			break;
		case 'd':
			d = sp.longer ? __builtin_va_arg(ap, s64) :
					__builtin_va_arg(ap, int);
			put_number(&o, &sp, d < 0 ? -(u64)d : (u64)d, 10,
				   d < 0);
			break;
		case 'u':
		case 'x':
			put_number(&o, &sp,
				   sp.longer ? __builtin_va_arg(ap, u64) :
					       __builtin_va_arg(ap, u32),
				   *f == 'u' ? 10 : 16, false);
			break;
		case 'p':
			put_number(&o, &sp, __builtin_va_arg(ap, u64), 16,
				   false);
			break;
		case '\0':
			f--; /* a lone % at the end: let the loop stop */
			break;
		default:
			put(&o, *f);
		}
	}
	if (n)
		buf[o.len < n ? o.len : n - 1] = '\0';
	return (int)o.len;
}

int fmt_buf(char *buf, size_t n, const char *f, ...)
{
	__builtin_va_list ap;
	int len;

	__builtin_va_start(ap, f);
	len = fmt_vbuf(buf, n, f, ap);
	__builtin_va_end(ap);
	return len;
}
