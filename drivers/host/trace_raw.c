/* SPDX-License-Identifier: BSD-2-Clause */
/* Trace records as lines with a checksum, there and back. */
#include "trace_raw.h"

#include <string.h>

#define MARK "pvtrace "
#define MARK_LEN 8u
#define SUM_LEN 10u /* " #" and eight digits */
#define WORDS (sizeof(struct pv_trace_record) / 8)

static uint32_t crc32(const char *s, size_t n)
{
	uint32_t crc = ~0u;

	for (; n--; s++) {
		crc ^= (uint8_t)*s;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* ---- writing ---- */

static void begin(struct text *t, const char *word)
{
	text_add(t, MARK);
	text_add(t, word);
}

static void end(struct text *t)
{
	uint32_t sum = crc32(t->buf + MARK_LEN, t->len - MARK_LEN);

	text_add(t, " #");
	text_add_hex(t, sum, 8);
}

void trace_raw_words(struct text *t, const char *word, const uint64_t *w,
		     unsigned n)
{
	begin(t, word);
	for (unsigned i = 0; i < n; i++) {
		text_add_char(t, ' ');
		text_add_hex(t, w[i], 1);
	}
	end(t);
}

void trace_raw_part(struct text *t, unsigned part, const char *name)
{
	begin(t, "part ");
	text_add_hex(t, part, 1);
	text_add_char(t, ' ');
	text_add(t, name);
	end(t);
}

void trace_raw_record(struct text *t, const struct pv_trace_record *r)
{
	uint64_t w[WORDS];
	unsigned n = WORDS;

	memcpy(w, r, sizeof(w));
	while (n && !w[n - 1])
		n--;
	trace_raw_words(t, "rec", w, n);
}

/* ---- reading ---- */

static enum trace_word bad(struct trace_item *item, const char *why)
{
	item->why = why;
	return TRACE_BAD;
}

/* One hexadecimal number behind a blank; false: there is none, or it is none. */
static bool take(const char **s, const char *end, uint64_t *v)
{
	const char *p = *s;
	unsigned digits = 0;

	*v = 0;
	if (p == end || *p++ != ' ')
		return false;
	for (; p < end && *p != ' '; p++, digits++) {
		const char *d = *p ? strchr("0123456789abcdef", *p) : NULL;

		if (!d || digits == 16)
			return false;
		*v = *v << 4 | (uint64_t)(d - "0123456789abcdef");
	}
	*s = p;
	return digits;
}

static enum trace_word parse_record(const char *s, const char *end,
				    struct trace_item *item)
{
	uint64_t w[WORDS] = { 0 };
	unsigned n = 0;

	for (; s < end; n++)
		if (n == WORDS || !take(&s, end, &w[n]))
			return bad(item, "a bad word in a record");
	memcpy(&item->rec, w, sizeof(w));
	return TRACE_REC;
}

static enum trace_word parse_part(const char *s, const char *end,
				  struct trace_item *item)
{
	size_t n;

	if (!take(&s, end, &item->a) || item->a >= TRACE_PARTS || s == end)
		return bad(item, "a bad partition");
	n = (size_t)(end - ++s);
	if (!n || n >= sizeof(item->name))
		return bad(item, "a bad partition's name");
	memcpy(item->name, s, n);
	return TRACE_PART;
}

static enum trace_word parse_numbers(const char *s, const char *end,
				     struct trace_item *item,
				     enum trace_word word)
{
	bool ok = take(&s, end, &item->a);

	if (word == TRACE_TIME)
		ok = ok && take(&s, end, &item->b) && item->b;
	if (word == TRACE_END)
		ok = ok && item->a < TRACE_PARTS;
	return ok && s == end ? word : bad(item, "a bad number");
}

static enum trace_word parse_checked(const char *s, const char *end,
				     struct trace_item *item)
{
	static const char *const words[] = {
		[TRACE_TIME] = "time", [TRACE_PART] = "part",
		[TRACE_END] = "end",   [TRACE_LOST] = "lost",
		[TRACE_REC] = "rec",
	};
	unsigned w = TRACE_TIME;
	size_t n = 0;

	while (s + n < end && s[n] != ' ')
		n++;
	while (w <= TRACE_REC &&
	       (strlen(words[w]) != n || memcmp(s, words[w], n)))
		w++;
	s += n;
	if (w > TRACE_REC)
		return bad(item, "an unknown word");
	if (w == TRACE_REC)
		return parse_record(s, end, item);
	if (w == TRACE_PART)
		return parse_part(s, end, item);
	return parse_numbers(s, end, item, (enum trace_word)w);
}

enum trace_word trace_raw_parse(const char *line, size_t n,
				struct trace_item *item)
{
	char buf[16];
	struct text sum = text_of(buf, sizeof(buf));
	const char *end;

	memset(item, 0, sizeof(*item));
	while (n && (line[n - 1] == '\r' || line[n - 1] == '\n'))
		n--;
	if (n < MARK_LEN || memcmp(line, MARK, MARK_LEN))
		return TRACE_OTHER;
	if (n < MARK_LEN + SUM_LEN)
		return bad(item, "the line is cut off");
	line += MARK_LEN;
	end = line + n - MARK_LEN - SUM_LEN;
	text_add(&sum, " #");
	text_add_hex(&sum, crc32(line, (size_t)(end - line)), 8);
	if (memcmp(end, buf, SUM_LEN))
		return bad(item, "the checksum is wrong");
	return parse_checked(line, end, item);
}
