/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads JSON; what is nested is on a stack of fixed depth. */
#include "json.h"

#include <string.h>

struct reader {
	struct json *j;
	size_t at;
	unsigned open[JSON_DEPTH]; /* arrays and objects around this place */
	unsigned depth;
	const char *wrong;
};

static bool fail(struct reader *r, const char *wrong)
{
	r->wrong = wrong;
	return false;
}

/* The next character; 0 at the end, and for a NUL, which is no JSON. */
static char peek(const struct reader *r)
{
	return r->at < r->j->size ? r->j->text[r->at] : 0;
}

static char peek_token(struct reader *r)
{
	while (peek(r) && strchr(" \t\r\n", peek(r)))
		r->at++;
	return peek(r);
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct json_node *node_add(struct reader *r, enum json_kind kind)
{
	struct json *j = r->j;
	struct json_node *n = &j->node[j->nr];

	if (j->nr == JSON_NODES) {
		fail(r, "too many values");
		return NULL;
	}
	*n = (struct json_node){ .kind = kind, .start = (unsigned)r->at };
	n->end = ++j->nr;
	return n;
}

static bool escape(struct reader *r)
{
	char c = peek(r);

	r->at++;
	if (c == 'u') {
		for (int i = 0; i < 4; i++, r->at++)
			if (hex_digit(peek(r)) < 0)
				return fail(r, "a bad \\u in a string");
		return true;
	}
	return (c && strchr("\"\\/bfnrt", c)) ||
	       fail(r, "a bad escape in a string");
}

static bool string(struct reader *r)
{
	struct json_node *n;

	r->at++;
	n = node_add(r, JSON_STRING);
	if (!n)
		return false;
	for (;;) {
		char c = peek(r);

		if (c == '"')
			break;
		if (r->at >= r->j->size)
			return fail(r, "a string without its end");
		if ((unsigned char)c < 0x20)
			return fail(r, "a control character in a string");
		r->at++;
		if (c == '\\' && !escape(r))
			return false;
	}
	n->len = (unsigned)r->at++ - n->start;
	return true;
}

static bool digits(struct reader *r)
{
	if (!is_digit(peek(r)))
		return fail(r, "a bad number");
	while (is_digit(peek(r)))
		r->at++;
	return true;
}

static bool number(struct reader *r)
{
	struct json_node *n = node_add(r, JSON_NUMBER);

	if (!n)
		return false;
	if (peek(r) == '-')
		r->at++;
	if (peek(r) == '0')
		r->at++;
	else if (!digits(r))
		return false;
	if (peek(r) == '.') {
		r->at++;
		if (!digits(r))
			return false;
	}
	if ((peek(r) | 0x20) == 'e') {
		r->at++;
		if (peek(r) == '+' || peek(r) == '-')
			r->at++;
		if (!digits(r))
			return false;
	}
	n->len = (unsigned)r->at - n->start;
	return true;
}

static bool word(struct reader *r)
{
	static const char *const words[] = { "null", "false", "true" };

	for (unsigned i = 0; i < 3; i++) {
		size_t n = strlen(words[i]);
		struct json_node *node;

		if (r->j->size - r->at < n ||
		    memcmp(r->j->text + r->at, words[i], n))
			continue;
		node = node_add(r, (enum json_kind)i);
		if (!node)
			return false;
		node->len = (unsigned)n;
		r->at += n;
		return true;
	}
	return fail(r, "no JSON value");
}

static bool begin(struct reader *r, char c)
{
	unsigned at = r->j->nr;

	if (r->depth == JSON_DEPTH)
		return fail(r, "nested too deeply");
	if (!node_add(r, c == '{' ? JSON_OBJECT : JSON_ARRAY))
		return false;
	r->open[r->depth++] = at;
	r->at++;
	return true;
}

static void end(struct reader *r)
{
	struct json_node *n = &r->j->node[r->open[--r->depth]];

	r->at++;
	n->len = (unsigned)r->at - n->start;
	n->end = r->j->nr;
}

static bool in_object(const struct reader *r)
{
	return r->depth &&
	       r->j->node[r->open[r->depth - 1]].kind == JSON_OBJECT;
}

static char closing(const struct reader *r) { return in_object(r) ? '}' : ']'; }

/* In an object: the name and its colon. */
static bool name(struct reader *r)
{
	if (!in_object(r))
		return true;
	if (peek_token(r) != '"')
		return fail(r, "a member without a name");
	if (!string(r))
		return false;
	if (peek_token(r) != ':')
		return fail(r, "a name without a colon");
	r->at++;
	return true;
}

/* Behind a value: closes what ends here. false at an error; *more: another
 * value comes. */
static bool behind(struct reader *r, bool *more)
{
	while (r->depth) {
		char c = peek_token(r);

		if (c == ',') {
			r->at++;
			*more = true;
			return name(r);
		}
		if (c != closing(r))
			return fail(r, "neither a comma nor an end");
		end(r);
	}
	*more = false;
	return true;
}

/* A value, or the begin of one; *inside: its first member comes. */
static bool value(struct reader *r, bool *inside)
{
	char c = peek_token(r);

	*inside = false;
	if (c == '"')
		return string(r);
	if (c == '-' || is_digit(c))
		return number(r);
	if (c != '{' && c != '[')
		return word(r);
	if (!begin(r, c))
		return false;
	if (peek_token(r) == closing(r)) {
		end(r);
		return true;
	}
	*inside = true;
	return name(r);
}

const char *json_parse(struct json *j, const char *text, size_t size)
{
	struct reader r = { .j = j };
	bool more = true, inside;

	j->text = text;
	j->size = size;
	j->nr = 0;
	while (more) {
		if (!value(&r, &inside))
			return r.wrong;
		if (!inside && !behind(&r, &more))
			return r.wrong;
	}
	if (peek_token(&r) || r.at < size)
		return "something behind the value";
	return NULL;
}

/* ---- what was read ---- */

int json_member(const struct json *j, unsigned of, const char *name)
{
	unsigned at = of + 1;

	if (of >= j->nr || j->node[of].kind != JSON_OBJECT)
		return -1;
	while (at < j->node[of].end) {
		char buf[32];

		if (json_string(j, at, buf, sizeof(buf)) && !strcmp(buf, name))
			return (int)at + 1;
		at = j->node[at + 1].end;
	}
	return -1;
}

struct buffer {
	char *buf;
	size_t size, n;
};

static bool put(struct buffer *o, unsigned c)
{
	if (!c || o->n + 1 >= o->size)
		return false;
	o->buf[o->n++] = (char)c;
	return true;
}

/* UTF-8 (RFC 3629, 3). */
static bool put_code(struct buffer *o, unsigned c)
{
	if (c < 0x80)
		return put(o, c);
	if (c < 0x800)
		return put(o, 0xc0 | c >> 6) && put(o, 0x80 | (c & 0x3f));
	if (c < 0x10000)
		return put(o, 0xe0 | c >> 12) &&
		       put(o, 0x80 | (c >> 6 & 0x3f)) &&
		       put(o, 0x80 | (c & 0x3f));
	return put(o, 0xf0 | c >> 18) && put(o, 0x80 | (c >> 12 & 0x3f)) &&
	       put(o, 0x80 | (c >> 6 & 0x3f)) && put(o, 0x80 | (c & 0x3f));
}

static unsigned hex4(const char *s)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 4 | (unsigned)hex_digit(s[i]);
	return v;
}

/* Behind "\u", with n bytes left; how many of them were taken, 0: it fails. */
static size_t unicode(struct buffer *o, const char *s, size_t n)
{
	unsigned c = hex4(s), low;

	if (c < 0xd800 || c > 0xdfff)
		return put_code(o, c) ? 4 : 0;
	if (c > 0xdbff || n < 10 || s[4] != '\\' || s[5] != 'u')
		return 0; /* half of a pair */
	low = hex4(s + 6);
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
	return put_code(o, c) ? 10 : 0;
}

static bool put_escape(struct buffer *o, const char *s, size_t n, size_t *used)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *at = strchr(from, *s);

	*used = 1;
	if (*s == 'u') {
		*used = unicode(o, s + 1, n - 1);
		return (*used)++;
	}
	return put(o, at ? (unsigned)to[at - from] : (unsigned)*s);
}

bool json_string(const struct json *j, unsigned of, char *out, size_t size)
{
	const struct json_node *n = &j->node[of];
	struct buffer o = { out, size, 0 };
	const char *s;
	size_t used;

	if (of >= j->nr || n->kind != JSON_STRING || !size)
		return false;
	s = j->text + n->start;
	for (size_t i = 0; i < n->len; i += used) {
		used = 1;
		if (s[i] != '\\') {
			if (!put(&o, (unsigned char)s[i]))
				return false;
			continue;
		}
		i++;
		if (!put_escape(&o, s + i, n->len - i, &used))
			return false;
	}
	out[o.n] = 0;
	return true;
}
