/* SPDX-License-Identifier: BSD-2-Clause */
/* Names: UTF-8, the UTF-16 of long entries, and 8.3 aliases (FAT, 7). */
#include "fat/fat_int.h"

#define LONG_PAD 0xffffu

static bool in(const char *set, uint32_t c)
{
	for (; *set; set++)
		if (c == (uint8_t)*set)
			return true;
	return false;
}

static bool long_char_ok(uint32_t c)
{
	return c >= 0x20 && c != 0x7f && !in("\"*/:<>?\\|", c);
}

static bool short_char_ok(uint32_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && c < 0x7f && in("!#$%&'()-@^_`{}~", c));
}

static uint32_t upper(uint32_t c) { return c >= 'a' && c <= 'z' ? c - 32 : c; }

/* Case folding of ASCII, Latin-1, Greek and Cyrillic letters. */
static uint16_t fold(uint16_t c)
{
	if ((c >= 0xe0 && c <= 0xfe && c != 0xf7) ||
	    (c >= 0x3b1 && c <= 0x3c9 && c != 0x3c2) ||
	    (c >= 0x430 && c <= 0x44f))
		return c - 0x20;
	return c >= 0x450 && c <= 0x45f ? c - 0x50 : (uint16_t)upper(c);
}

bool fat_name_same(const uint16_t *a, unsigned na, const uint16_t *b,
		   unsigned nb)
{
	if (na != nb)
		return false;
	for (unsigned i = 0; i < na; i++)
		if (fold(a[i]) != fold(b[i]))
			return false;
	return true;
}

/* ---- UTF-8 ---- */

/* The next character, 0 at the end or where there is none. */
static uint32_t utf8_next(const char **text)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const uint8_t *p = (const uint8_t *)*text;
	unsigned more = *p < 0xc0 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
	uint32_t c = more ? *p & 0x3fu >> more : *p;

	if ((*p & 0xc0) == 0x80 || *p >= 0xf8)
		return 0;
	for (unsigned i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*text += more + 1;
	return c;
}

static char *utf8_put(char *out, uint32_t c)
{
	static const uint8_t mark[] = { 0, 0xc0, 0xe0, 0xf0 };
	unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

	*out++ = (char)(mark[more] | c >> 6 * more);
	while (more--)
		*out++ = (char)(0x80 | (c >> 6 * more & 0x3f));
	return out;
}

static enum fat_status units_of(const char *text, struct fat_name *out)
{
	out->n = 0;
	while (*text) {
		uint32_t c = utf8_next(&text);

		if (!long_char_ok(c))
			return FAT_EINVAL;
		if (out->n + (c >= 0x10000) >= FAT_UNITS)
			return FAT_ENAMETOOLONG;
		if (c >= 0x10000) {
			c -= 0x10000;
			out->unit[out->n++] = (uint16_t)(0xd800 | c >> 10);
			c = 0xdc00 | (c & 0x3ff);
		}
		out->unit[out->n++] = (uint16_t)c;
	}
	return FAT_OK;
}

bool fat_name_text(const uint16_t *unit, unsigned n, char *out)
{
	if (!n || (unit[0] == '.' && (n == 1 || (n == 2 && unit[1] == '.'))))
		return false;
	for (unsigned i = 0; i < n; i++) {
		uint32_t c = unit[i];

		if (c >= 0xd800 && c < 0xe000) {
			if (c >= 0xdc00 || ++i == n || unit[i] < 0xdc00 ||
			    unit[i] >= 0xe000)
				return false;
			c = 0x10000 + ((c & 0x3ff) << 10) + (unit[i] & 0x3ff);
		}
		if (!long_char_ok(c))
			return false;
		out = utf8_put(out, c);
	}
	*out = 0;
	return true;
}

/* ---- short names ---- */

/* Bytes above ASCII depend on a code page: they are shown as Latin-1. */
unsigned fat_short_units(const uint8_t *e, uint16_t unit[12])
{
	bool dotted = false;
	unsigned n = 0;

	for (unsigned i = 0; i < 11; i++) {
		uint8_t c = i == 0 && e[0] == 5 ? FAT_DELETED : e[i];
		unsigned lower = e[DE_CASE] & (i < 8 ? 8 : 16);

		if (c == ' ')
			continue;
		if (i >= 8 && !dotted)
			unit[n++] = '.';
		dotted = i >= 8;
		if (lower && c >= 'A' && c <= 'Z')
			c += 32;
		unit[n++] = c;
	}
	return n;
}

uint8_t fat_alias_sum(const uint8_t alias[11])
{
	uint8_t sum = 0;

	for (unsigned i = 0; i < 11; i++)
		sum = (uint8_t)((sum << 7 | sum >> 1) + alias[i]);
	return sum;
}

/* The last dot that has something before it; n: there is none. */
static unsigned dot_of(const struct fat_name *name)
{
	unsigned i = name->n;

	while (i-- > 1)
		if (name->unit[i] == '.')
			return i;
	return name->n;
}

/* What of unit[from..to) goes into an alias; returns how much was taken. */
static unsigned alias_part(const struct fat_name *name, unsigned from,
			   unsigned to, uint8_t *out, unsigned most,
			   bool *lossy)
{
	unsigned n = 0;

	for (; from < to; from++) {
		uint32_t c = upper(name->unit[from]);

		if (c == ' ' || c == '.' || n == most) {
			*lossy = true;
			continue;
		}
		*lossy |= !short_char_ok(c);
		out[n++] = short_char_ok(c) ? (uint8_t)c : '_';
	}
	return n;
}

static unsigned alias_basis(const struct fat_name *name, uint8_t alias[11],
			    bool *lossy)
{
	unsigned dot = dot_of(name);
	unsigned n;

	fat_fill(alias, ' ', 11);
	*lossy = false;
	n = alias_part(name, 0, dot, alias, 8, lossy);
	if (dot < name->n)
		alias_part(name, dot + 1, name->n, alias + 8, 3, lossy);
	*lossy |= !n;
	return n;
}

static uint32_t name_hash(const struct fat_name *name, uint32_t hash)
{
	for (unsigned i = 0; i < name->n; i++)
		hash = (hash ^ name->unit[i]) * 16777619u;
	return hash ^ hash >> 16;
}

/* As Windows does: a few by number, then with part of a checksum. */
void fat_alias_number(const struct fat_name *name, unsigned try,
		      uint8_t alias[11])
{
	bool lossy;
	unsigned n = alias_basis(name, alias, &lossy);
	uint32_t hash = name_hash(name, 2166136261u + try);

	if (!try)
		return;
	if (try > 4) {
		n = n < 2 ? n : 2;
		for (unsigned i = 0; i < 4; i++, hash >>= 4)
			alias[n++] = (uint8_t) "0123456789ABCDEF"[hash & 15];
	}
	n = n < 6 ? n : 6;
	alias[n] = '~';
	alias[n + 1] = (uint8_t)('0' + (try > 4 ? 1 : try));
	fat_fill(alias + n + 2, ' ', 6 - n);
}

enum fat_status fat_name_parse(const char *utf8, struct fat_name *out)
{
	FAT_TRY(units_of(utf8, out));
	if (!out->n || out->unit[out->n - 1] == '.' ||
	    out->unit[out->n - 1] == ' ')
		return FAT_EINVAL;
	alias_basis(out, out->alias, &out->lossy);
	out->exact = !out->lossy;
	for (unsigned i = 0; i < out->n; i++)
		if (out->unit[i] != upper(out->unit[i]))
			out->exact = false;
	return FAT_OK;
}

/* ---- long entries ---- */

static unsigned long_offset(unsigned i)
{
	return i < 5  ? 1 + 2 * i :
	       i < 11 ? 14 + 2 * (i - 5) :
			28 + 2 * (i - 11);
}

unsigned fat_long_units(const uint8_t *slot, uint16_t unit[FAT_LONG_UNITS])
{
	for (unsigned i = 0; i < FAT_LONG_UNITS; i++) {
		unit[i] = le16(slot + long_offset(i));
		if (!unit[i])
			return i;
	}
	return FAT_LONG_UNITS;
}

static unsigned long_slots(const struct fat_name *name)
{
	return name->exact ? 0 :
			     (name->n + FAT_LONG_UNITS - 1) / FAT_LONG_UNITS;
}

unsigned fat_name_slots(const struct fat_name *name)
{
	return long_slots(name) + 1;
}

static void long_write(const struct fat_name *name, unsigned number,
		       uint8_t *slot)
{
	unsigned from = (number - 1) * FAT_LONG_UNITS;

	fat_fill(slot, 0, FAT_ENTRY_BYTES);
	slot[0] = (uint8_t)number;
	if (number == long_slots(name))
		slot[0] |= FAT_LAST_LONG;
	slot[LE_ATTR] = FAT_ATTR_LONG;
	slot[LE_SUM] = fat_alias_sum(name->alias);
	for (unsigned i = 0; i < FAT_LONG_UNITS; i++) {
		unsigned at = from + i;

		fat_put16(slot + long_offset(i), at < name->n ? name->unit[at] :
						 at == name->n ? 0 :
								 LONG_PAD);
	}
}

void fat_name_write(const struct fat_name *name, uint8_t *slots)
{
	for (unsigned left = long_slots(name); left; left--) {
		long_write(name, left, slots);
		slots += FAT_ENTRY_BYTES;
	}
}
