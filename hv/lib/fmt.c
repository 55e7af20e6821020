/* SPDX-License-Identifier: BSD-2-Clause */
/* The formatter: a small subset of printf. */
#include "lib/log.h"
#include "lib/string.h"

struct out {
	char *buf;
	size_t size;
	size_t len; /* what was needed so far, without the terminator */
};

struct spec {
	bool zero, longer;
	size_t width;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

/* Text of known length behind as much padding as the width asks for. */
static void put_field(struct out *o, size_t width, const char *s, size_t len)
{
	for (; width > len; width--)
		put(o, ' ');
	while (len--)
		put(o, *s++);
}

static void put_number(struct out *o, struct spec sp, u64 v, u32 base)
{
	char tmp[24], *end = tmp + sizeof(tmp), *p = end;
	size_t digits = sp.zero && sp.width ? sp.width : 1;

	for (; p > tmp && (v || (size_t)(end - p) < digits); v /= base)
		*--p = "0123456789abcdef"[v % base];
	put_field(o, sp.width, p, (size_t)(end - p));
}

static const char *parse_spec(const char *f, struct spec *sp)
{
	*sp = (struct spec){ .zero = *f == '0' };
	for (; *f >= '0' && *f <= '9'; f++)
		sp->width = sp->width * 10 + (size_t)(*f - '0');
	for (; *f == 'l'; f++)
		sp->longer = true;
	return f;
}

int fmt_vbuf(char *buf, size_t n, const char *f, __builtin_va_list ap)
{
	struct out o = { buf, n, 0 };
	struct spec sp;
	const char *s;
	u64 v;

	for (; *f; f++) {
		if (*f != '%') {
			put(&o, *f);
			continue;
		}
		f = parse_spec(f + 1, &sp);
		if (*f == 's') {
			s = __builtin_va_arg(ap, const char *);
			s = s ? s : "(null)";
			put_field(&o, sp.width, s, strlen(s));
		} else if (*f == 'u' || *f == 'x') {
			v = sp.longer ? __builtin_va_arg(ap, u64) :
					__builtin_va_arg(ap, u32);
			put_number(&o, sp, v, *f == 'x' ? 16 : 10);
		} else if (*f) {
			put(&o, *f);
		} else {
			f--; /* a lone % at the end: let the loop stop */
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
