/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers, sizes and words of the configuration file; pure. */
#include "config_values.h"

#include <string.h>

bool config_fail(struct parse *p, unsigned line, const char *what,
		 const char *detail)
{
	text_add(&p->err, p->file);
	text_add(&p->err, ":");
	text_add_u64(&p->err, line);
	text_add(&p->err, ": ");
	text_add(&p->err, what);
	if (detail) {
		text_add(&p->err, ": ");
		text_add(&p->err, detail);
	}
	return false;
}

bool config_bad(struct parse *p, const char *what, const char *detail)
{
	return config_fail(p, p->line, what, detail);
}

/* ---- values ---- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

static bool number(const char *s, uint64_t *out)
{
	uint64_t base = 10;
	uint64_t v = 0;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	}
	if (!*s)
		return false;
	for (; *s; s++) {
		uint64_t d = (uint64_t)digit(*s);

		if (d >= base || v > (UINT64_MAX - d) / base)
			return false;
		v = v * base + d;
	}
	*out = v;
	return true;
}

/* A number with K, M or G behind it. */
bool config_size(const char *s, uint64_t *out)
{
	static const char unit[] = "KMG";
	size_t n = strlen(s);
	const char *u = n ? strchr(unit, s[n - 1] & ~0x20) : NULL;
	unsigned shift = 0;
	char digits[24];

	if (u && *u) {
		shift = 10 * (unsigned)(u - unit + 1);
		n--;
	}
	if (n >= sizeof(digits))
		return false;
	memcpy(digits, s, n);
	digits[n] = 0;
	if (!number(digits, out) || *out > UINT64_MAX >> shift)
		return false;
	*out <<= shift;
	return true;
}

bool config_set_number(struct parse *p, const char *s, uint64_t lo, uint64_t hi,
		       unsigned *out)
{
	char range[64];
	struct text t = text_of(range, sizeof(range));
	uint64_t v;

	if (number(s, &v) && v >= lo && v <= hi) {
		*out = (unsigned)v;
		return true;
	}
	text_add(&t, "expected a number from ");
	text_add_u64(&t, lo);
	text_add(&t, " to ");
	text_add_u64(&t, hi);
	return config_bad(p, range, s);
}

bool config_set_text(struct parse *p, const char *s, char *out, size_t room,
		     const char *what)
{
	if (!*s)
		return config_bad(p, what, "empty");
	if (strlen(s) >= room)
		return config_bad(p, what, "too long");
	strcpy(out, s);
	return true;
}

bool config_set_yes(struct parse *p, const char *s, bool *out)
{
	if (strcmp(s, "yes") && strcmp(s, "no"))
		return config_bad(p, "expected yes or no", s);
	*out = !strcmp(s, "yes");
	return true;
}

bool config_set_word(struct parse *p, const char *s, const char *const *words,
		     unsigned *out)
{
	char list[80];
	struct text t = text_of(list, sizeof(list));

	text_add(&t, "expected");
	for (unsigned i = 0; words[i]; i++) {
		if (!strcmp(words[i], s)) {
			*out = i;
			return true;
		}
		text_add(&t, !i ? " " : words[i + 1] ? ", " : " or ");
		text_add(&t, words[i]);
	}
	return config_bad(p, list, s);
}

bool config_set_trace(struct parse *p, char *v, unsigned *out)
{
	static const char *const words[] = { "calls", "exits", "switches",
					     NULL };
	unsigned bit;
	char *next;

	for (; v; v = next) {
		next = strchr(v, ',');
		if (next)
			*next++ = 0;
		while (next && *next == ' ')
			next++;
		if (!config_set_word(p, v, words, &bit))
			return false;
		*out |= 1u << bit;
	}
	return true;
}

bool config_set_memory(struct parse *p, char *s, uint64_t *out)
{
	if (!config_size(s, out) || *out % 4096)
		return config_bad(p, "expected a size such as 16M", s);
	if (*out < CFG_MEMORY_MIN || *out > CFG_MEMORY_MAX)
		return config_bad(p, "memory must be from 1M to 3840M", NULL);
	return true;
}

/* Some hexadecimal digits before `end`, which is skipped. */
static bool hex_field(const char **s, char end, unsigned max, unsigned *out)
{
	const char *from = *s;

	for (*out = 0; digit(**s) < 16 && *s - from < 2; (*s)++)
		*out = *out * 16 + (unsigned)digit(**s);
	return *s != from && *(*s)++ == end && *out <= max;
}

bool config_bdf(const char *s, uint16_t *out)
{
	unsigned bus, dev, fn;

	if (!hex_field(&s, ':', 255, &bus) || !hex_field(&s, '.', 31, &dev) ||
	    !hex_field(&s, 0, 7, &fn))
		return false;
	*out = (uint16_t)(bus << 8 | dev << 3 | fn);
	return true;
}

bool config_mac(const char *s, uint8_t out[6])
{
	for (unsigned i = 0; i < 6; i++) {
		unsigned byte;

		if (!hex_field(&s, i < 5 ? ':' : 0, 255, &byte))
			return false;
		out[i] = (uint8_t)byte;
	}
	return true;
}

/* A decimal number before `end`, which is skipped. */
static bool octet(const char **s, char end, uint32_t *out)
{
	const char *from = *s;

	for (*out = 0; digit(**s) < 10 && *s - from < 3; (*s)++)
		*out = *out * 10 + (uint32_t)digit(**s);
	return *s != from && *(*s)++ == end && *out < 256;
}

bool config_set_ip4(struct parse *p, const char *s, uint32_t *out)
{
	static const char end[] = "...";
	const char *at = s;

	*out = 0;
	for (unsigned i = 0; i < 4; i++) {
		uint32_t byte;

		if (!octet(&at, end[i], &byte))
			return config_bad(p,
					  "expected an address such as "
					  "10.0.2.2, not",
					  s);
		*out = *out << 8 | byte;
	}
	return true;
}

/* Names become parts of lines and command words: no blanks, no brackets. */
bool config_name_ok(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s >= 0x7f || *s == '[' || *s == ']' ||
		    *s == ':')
			return false;
	return true;
}
