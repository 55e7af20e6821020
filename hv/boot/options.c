/* SPDX-License-Identifier: BSD-2-Clause */
/* Parses [hypervisor] and [host] of parley.cfg. */
#include "boot/options.h"
#include "lib/log.h"
#include "boot/string.h"

#define MIN_HOST_MEMORY (4ull << 20)
#define MAX_HOST_MEMORY (16ull << 30)

/* Part of a line. */
struct text {
	const char *p;
	size_t n;
};

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static struct text trim(struct text t)
{
	while (t.n && blank(t.p[0]))
		t.p++, t.n--;
	while (t.n && blank(t.p[t.n - 1]))
		t.n--;
	return t;
}

static bool is(struct text t, const char *s)
{
	return t.n == strlen(s) && !memcmp(t.p, s, t.n);
}

/* Cuts a comment off: a # that is not inside double quotes. */
static struct text uncomment(struct text t)
{
	bool quoted = false;

	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] == '"')
			quoted = !quoted;
		if (t.p[i] == '#' && !quoted)
			t.n = i;
	}
	return trim(t);
}

static struct text unquote(struct text t)
{
	if (t.n >= 2 && t.p[0] == '"' && t.p[t.n - 1] == '"')
		return (struct text){ t.p + 1, t.n - 2 };
	return t;
}

/* A value that is one of two words; true for the second. */
static const char *get_choice(struct text v, const char *no, const char *yes,
			      bool *out)
{
	if (!is(v, no) && !is(v, yes))
		return "is not one of its words";
	*out = is(v, yes);
	return NULL;
}

static const char *get_name(struct text v, char *out, size_t size)
{
	if (v.n >= size)
		return "is too long";
	memcpy(out, v.p, v.n);
	out[v.n] = 0;
	return NULL;
}

static const char *get_size(struct text v, u64 *out)
{
	u64 n = 0;
	size_t i = 0;

	for (; i < v.n && v.p[i] >= '0' && v.p[i] <= '9'; i++) {
		n = n * 10 + (u64)(v.p[i] - '0');
		if (n > MAX_HOST_MEMORY)
			return "is too large";
	}
	if (!i || i + 1 < v.n)
		return "is not a size (32M, 1G)";
	if (i < v.n) {
		if (v.p[i] != 'K' && v.p[i] != 'M' && v.p[i] != 'G')
			return "is not a size (32M, 1G)";
		n <<= v.p[i] == 'K' ? 10 : v.p[i] == 'M' ? 20 : 30;
	}
	if (n < MIN_HOST_MEMORY || n > MAX_HOST_MEMORY)
		return "is not between 4M and 16G";
	*out = (n + LARGE_SIZE - 1) & ~(LARGE_SIZE - 1);
	return NULL;
}

/* n hexadecimal digits and the character behind them, taken off t. */
static bool take_hex(struct text *t, size_t n, char end, u32 *out)
{
	*out = 0;
	if (t->n < n + !!end || (end && t->p[n] != end))
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = t->p[i];
		u32 digit = c >= '0' && c <= '9' ? (u32)(c - '0') :
			    c >= 'a' && c <= 'f' ? (u32)(c - 'a') + 10 :
			    c >= 'A' && c <= 'F' ? (u32)(c - 'A') + 10 :
						   16;

		if (digit > 15)
			return false;
		*out = *out << 4 | digit;
	}
	t->p += n + !!end;
	t->n -= n + !!end;
	return true;
}

/* BUS:DEVICE.FUNCTION, taken off t. */
static bool take_bdf(struct text *t, u16 *out)
{
	u32 bus, dev, fn;

	if (!take_hex(t, 2, ':', &bus) || !take_hex(t, 2, '.', &dev) ||
	    !take_hex(t, 1, 0, &fn) || dev > 31 || fn > 7)
		return false;
	*out = (u16)(bus << 8 | dev << 3 | fn);
	return true;
}

static bool separates(char c) { return blank(c) || c == ','; }

static const char *get_devices(struct text v, struct options *o)
{
	o->nr_devices = 0;
	o->some_devices = !is(v, "all");
	if (!o->some_devices || is(v, "none"))
		return NULL;
	do {
		if (o->nr_devices == OPTIONS_DEVICES)
			return "names too many functions";
		if (!take_bdf(&v, &o->device[o->nr_devices++]) ||
		    (v.n && !separates(v.p[0])))
			return "is not all, none or functions, as 00:05.0";
		while (v.n && separates(v.p[0]))
			v.p++, v.n--;
	} while (v.n);
	return NULL;
}

static const char *set_hypervisor(struct text k, struct text v,
				  struct options *o)
{
	if (is(k, "mitigations"))
		return get_choice(v, "off", "auto", &o->mitigations_auto);
	if (is(k, "iommu"))
		return get_choice(v, "auto", "off", &o->iommu_off);
	if (is(k, "probe"))
		return get_choice(v, "off", "on", &o->probe);
	if (is(k, "floor"))
		return get_name(v, o->floor, sizeof(o->floor));
	return "is no key of this section";
}

static const char *set_host(struct text k, struct text v, struct options *o)
{
	if (is(k, "memory"))
		return get_size(v, &o->host_memory);
	if (is(k, "control"))
		return get_choice(v, "no", "com2", &o->control);
	if (is(k, "pcap"))
		return get_choice(v, "no", "com3", &o->pcap);
	if (is(k, "devices"))
		return get_devices(v, o);
	return NULL; /* the host partition's program knows the others */
}

enum section { SEC_NONE, SEC_HV, SEC_HOST, SEC_OTHER };

static enum section section_of(struct text t)
{
	t = trim((struct text){ t.p + 1, t.n - 2 });
	if (is(t, "hypervisor"))
		return SEC_HV;
	return is(t, "host") ? SEC_HOST : SEC_OTHER;
}

/* One line without its comment. NULL, or what is wrong with *about. */
static const char *line_parse(struct text t, enum section *sec,
			      struct options *o, struct text *about)
{
	const char *eq;
	struct text k, v;

	*about = t;
	if (!t.n)
		return NULL;
	if (t.p[0] == '[') {
		if (t.p[t.n - 1] != ']')
			return "has no closing ]";
		*sec = section_of(t);
		return NULL;
	}
	if (*sec == SEC_OTHER)
		return NULL;
	for (eq = t.p; eq < t.p + t.n && *eq != '=';)
		eq++;
	if (eq == t.p + t.n)
		return "is not `key = value'";
	if (*sec == SEC_NONE)
		return "stands before the first [section]";
	k = trim((struct text){ t.p, (size_t)(eq - t.p) });
	v = trim((struct text){ eq + 1, (size_t)(t.p + t.n - eq - 1) });
	v = unquote(v);
	*about = k;
	return *sec == SEC_HV ? set_hypervisor(k, v, o) : set_host(k, v, o);
}

bool options_parse(const char *text, size_t n, struct options *o, char *err,
		   size_t err_size)
{
	enum section sec = SEC_NONE;
	size_t at = 0;

	*o = (struct options){ .host_memory = 32ull << 20 };
	for (u32 line = 1; at < n; line++) {
		struct text t = { text + at, 0 }, about;
		const char *wrong;
		char word[40];

		while (at < n && text[at] != '\n')
			at++;
		t.n = (size_t)(text + at - t.p);
		at++;
		wrong = line_parse(uncomment(t), &sec, o, &about);
		if (!wrong)
			continue;
		about.n = about.n < sizeof(word) ? about.n : sizeof(word) - 1;
		memcpy(word, about.p, about.n);
		word[about.n] = 0;
		fmt_buf(err, err_size, "parley.cfg:%u: `%s' %s", line, word,
			wrong);
		return false;
	}
	return true;
}
