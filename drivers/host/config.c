/* SPDX-License-Identifier: BSD-2-Clause */
/* Parses the configuration file; pure. */
#include "config.h"

#include <string.h>

#include "config_values.h"
#include "pvabi/abi.h"

#define LINE_MAX 1024u

/* ---- keys of [guest NAME] ---- */

static bool guest_image(struct parse *p, char *v)
{
	return config_set_text(p, v, p->g->image, CFG_IMAGE, "image");
}

static bool guest_profile(struct parse *p, char *v)
{
	static const char *const names[] = { "pv", "hvm", "classic" };

	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(v, names[i]))
			continue;
		p->g->profile = i;
		return true;
	}
	return config_bad(p, "profile is pv, hvm or classic, not", v);
}

static bool guest_memory(struct parse *p, char *v)
{
	return config_set_memory(p, v, &p->g->memory);
}

static bool guest_vcpus(struct parse *p, char *v)
{
	return config_set_number(p, v, 1, PV_VCPUS_MAX, &p->g->vcpus);
}

static bool guest_cpu(struct parse *p, char *v)
{
	unsigned cpu;

	if (!config_set_number(p, v, 0, 63, &cpu))
		return false;
	p->g->cpu = (int)cpu;
	return true;
}

static bool guest_priority(struct parse *p, char *v)
{
	return config_set_number(p, v, 0, 7, &p->g->priority);
}

static bool guest_slice(struct parse *p, char *v)
{
	return config_set_number(p, v, PV_SLICE_US_MIN, PV_SLICE_US_MAX,
				 &p->g->slice_us);
}

static bool guest_cmdline(struct parse *p, char *v)
{
	if (strlen(v) >= CFG_CMDLINE)
		return config_bad(p, "cmdline", "too long");
	strcpy(p->g->cmdline, v);
	return true;
}

static bool guest_device(struct parse *p, char *v)
{
	static const char want[] =
		"device is BUS:DEVICE.FUNCTION, as 00:05.0, not";
	struct cfg_guest *g = p->g;
	uint16_t bdf;

	if (g->nr_devices == CFG_DEVICES)
		return config_bad(p, "too many devices", NULL);
	if (!config_bdf(v, &bdf))
		return config_bad(p, want, v);
	for (unsigned i = 0; i < g->nr_devices; i++)
		if (g->device[i] == bdf)
			return config_bad(p, "given twice", v);
	g->device[g->nr_devices++] = bdf;
	return true;
}

static bool guest_unsafe_dma(struct parse *p, char *v)
{
	return config_set_yes(p, v, &p->g->unsafe_dma);
}

static bool guest_share(struct parse *p, char *v)
{
	static const char *const words[] = { "asked", "all", NULL };

	return config_set_word(p, v, words, &p->g->share_all);
}

static bool guest_start(struct parse *p, char *v)
{
	p->g->start_no = !strcmp(v, "no");
	if (!strcmp(v, "now") || p->g->start_no)
		return true;
	if (strncmp(v, "after ", 6))
		return config_bad(
			p, "start is `now`, `no` or `after NAME`, not", v);
	v += 6;
	while (*v == ' ')
		v++;
	return config_set_text(p, v, p->g->after, CFG_NAME, "guest name");
}

static bool guest_kill(struct parse *p, char *v)
{
	if (strncmp(v, "after ", 6))
		return config_bad(p, "kill is `after NAME`, not", v);
	v += 6;
	while (*v == ' ')
		v++;
	return config_set_text(p, v, p->g->kill_after, CFG_NAME, "guest name");
}

static bool guest_expect(struct parse *p, char *v)
{
	p->g->expect_set = true;
	p->g->expect_crash = !strcmp(v, "crash");
	return p->g->expect_crash ||
	       config_set_number(p, v, 0, 255, &p->g->expect_code);
}

static bool guest_console(struct parse *p, char *v)
{
	if (strcmp(v, "keyboard") && strcmp(v, "null"))
		return config_set_console(p, v);
	if (p->g->console != CONSOLE_OUT)
		return config_bad(p, "given twice", "console");
	if (!strcmp(v, "keyboard"))
		p->g->console = CONSOLE_KEYBOARD;
	else
		p->g->console = CONSOLE_NULL;
	return true;
}

static bool guest_log(struct parse *p, char *v)
{
	char *first = strchr(v, '/'), *last = strrchr(v, '/');

	if (!first || first == v || !last[1])
		return config_bad(p, "log is PARTITION/[DIR/]FILE, not", v);
	return config_set_text(p, v, p->g->log, CFG_IMAGE, "log");
}

static bool guest_stats(struct parse *p, char *v)
{
	return config_set_yes(p, v, &p->g->stats);
}

static bool guest_counters(struct parse *p, char *v)
{
	static const char *const words[] = { "no", "text", "csv", NULL };

	return config_set_word(p, v, words, &p->g->counters);
}

static bool guest_trace(struct parse *p, char *v)
{
	return config_set_trace(p, v, &p->g->trace);
}

static const struct key guest_keys[] = {
	{ "image", guest_image, false },
	{ "profile", guest_profile, false },
	{ "memory", guest_memory, false },
	{ "vcpus", guest_vcpus, false },
	{ "cpu", guest_cpu, false },
	{ "priority", guest_priority, false },
	{ "slice", guest_slice, false },
	{ "cmdline", guest_cmdline, false },
	{ "disk", config_set_disk, true },
	{ "net", config_set_net, true },
	{ "entropy", config_set_entropy, true },
	{ "folder", config_set_folder, true },
	{ "device", guest_device, true },
	{ "unsafe_dma", guest_unsafe_dma, false },
	{ "share", guest_share, false },
	{ "start", guest_start, false },
	{ "kill", guest_kill, false },
	{ "expect", guest_expect, false },
	{ "console", guest_console, true },
	{ "log", guest_log, false },
	{ "stats", guest_stats, false },
	{ "counters", guest_counters, false },
	{ "trace", guest_trace, false },
	{ NULL, NULL, false },
};

static bool key_set(struct parse *p, const char *name, char *value)
{
	bool host = p->section == SECTION_HOST;
	const struct key *k = host ? config_host_keys : guest_keys;
	uint32_t *seen = host ? &p->c->seen : &p->g->seen;
	uint32_t bit = 1;

	for (; k->name; k++, bit <<= 1) {
		if (strcmp(k->name, name))
			continue;
		if (!k->many && (*seen & bit))
			return config_bad(p, "given twice", name);
		*seen |= bit;
		return k->set(p, value);
	}
	return config_bad(p, "unknown key", name);
}

/* ---- lines ---- */

static int guest_find(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->nr_guests; i++)
		if (!strcmp(c->guest[i].name, name))
			return (int)i;
	return -1;
}

static bool guest_begin(struct parse *p, const char *name)
{
	struct config *c = p->c;

	if (!*name)
		return config_bad(p, "a guest needs a name: [guest NAME]",
				  NULL);
	if (strlen(name) >= CFG_NAME)
		return config_bad(p, "guest name is too long", name);
	if (!config_name_ok(name))
		return config_bad(p, "guest name has a blank, bracket or colon",
				  name);
	if (guest_find(c, name) >= 0)
		return config_bad(p, "two guests of that name", name);
	if (c->nr_guests == CFG_GUESTS)
		return config_bad(p, "too many guests", NULL);
	p->g = &c->guest[c->nr_guests++];
	memset(p->g, 0, sizeof(*p->g));
	p->g->line = p->line;
	p->g->memory = 16ull << 20;
	p->g->vcpus = 1;
	p->g->cpu = -1;
	p->g->priority = 1;
	p->g->after_guest = p->g->kill_guest = -1;
	strcpy(p->g->name, name);
	p->section = SECTION_GUEST;
	return true;
}

static bool section(struct parse *p, char *s)
{
	size_t n = strlen(s);

	if (s[n - 1] != ']')
		return config_bad(p, "section without `]`", s);
	s[n - 1] = 0;
	s++;
	if (!strcmp(s, "hypervisor")) {
		p->section = SECTION_SKIP;
		return true;
	}
	if (!strcmp(s, "host")) {
		p->section = SECTION_HOST;
		return true;
	}
	if (strncmp(s, "guest", 5) || (s[5] && s[5] != ' '))
		return config_bad(p, "unknown section", s);
	s += 5;
	while (*s == ' ')
		s++;
	return guest_begin(p, s);
}

static char *trim(char *s)
{
	size_t n;

	while (*s == ' ' || *s == '\t')
		s++;
	n = strlen(s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r'))
		s[--n] = 0;
	return s;
}

/* Takes the quotes off a value; false: one is missing. */
static bool unquote(char **v)
{
	size_t n = strlen(*v);

	if (**v != '"')
		return true;
	if (n < 2 || (*v)[n - 1] != '"')
		return false;
	(*v)[n - 1] = 0;
	(*v)++;
	return !strchr(*v, '"');
}

static bool line_parse(struct parse *p, char *s)
{
	bool quoted = false;
	char *eq;
	char *value;

	for (char *q = s; *q; q++) {
		if (*q == '"')
			quoted = !quoted;
		if (*q == '#' && !quoted)
			*q = 0;
		if (!*q)
			break;
	}
	s = trim(s);
	if (!*s)
		return true;
	if (*s == '[')
		return section(p, s);
	if (p->section == SECTION_SKIP)
		return true;
	if (p->section == SECTION_NONE)
		return config_bad(p, "key outside of a section", s);
	eq = strchr(s, '=');
	if (!eq)
		return config_bad(p, "expected `key = value`", s);
	*eq = 0;
	value = trim(eq + 1);
	if (!unquote(&value))
		return config_bad(p, "the quotes do not match", NULL);
	return key_set(p, trim(s), value);
}

/* ---- the whole ---- */

static bool guest_check(struct parse *p, struct cfg_guest *g)
{
	struct config *c = p->c;
	int at;

	if (!g->image[0])
		return config_fail(p, g->line, "guest has no image", g->name);
	if (g->kill_after[0]) {
		g->kill_guest = guest_find(c, g->kill_after);
		if (g->kill_guest < 0 || &c->guest[g->kill_guest] == g)
			return config_fail(p, g->line,
					   "killed after an unknown guest",
					   g->kill_after);
	}
	if (!g->after[0])
		return true;
	g->after_guest = guest_find(c, g->after);
	if (g->after_guest < 0)
		return config_fail(p, g->line, "starts after an unknown guest",
				   g->after);
	at = g->after_guest;
	for (unsigned steps = 0; at >= 0; steps++) {
		struct cfg_guest *next = &c->guest[at];

		if (next == g || steps > c->nr_guests)
			return config_fail(p, g->line,
					   "waits for itself to end", g->name);
		at = next->after[0] ? guest_find(c, next->after) : -1;
	}
	return true;
}

static bool whole_check(struct parse *p)
{
	unsigned keyboards = 0;

	if (!p->c->nr_guests && !p->c->selftest)
		return config_bad(p, "no guest is configured", NULL);
	for (unsigned i = 0; i < p->c->nr_guests; i++) {
		struct cfg_guest *g = &p->c->guest[i];

		if (!guest_check(p, g))
			return false;
		if (g->console == CONSOLE_KEYBOARD && keyboards++)
			return config_fail(p, g->line,
					   "a second guest with the keyboard",
					   g->name);
	}
	return true;
}

bool config_assigns(const struct config *c, uint16_t bdf)
{
	for (unsigned i = 0; i < c->nr_guests; i++)
		for (unsigned n = 0; n < c->guest[i].nr_devices; n++)
			if (c->guest[i].device[n] == bdf)
				return true;
	return false;
}

bool config_parse(struct config *c, const char *file, const char *text,
		  size_t len, char *err, size_t err_size)
{
	struct parse p = { .c = c, .file = file };
	char line[LINE_MAX];
	size_t at = 0;

	memset(c, 0, sizeof(*c));
	p.err = text_of(err, err_size);
	while (at < len) {
		size_t n = 0;

		p.line++;
		while (at + n < len && text[at + n] != '\n')
			n++;
		if (n >= LINE_MAX)
			return config_bad(&p, "line is too long", NULL);
		memcpy(line, text + at, n);
		line[n] = 0;
		if (strlen(line) != n)
			return config_bad(&p, "a NUL byte", NULL);
		if (!line_parse(&p, line))
			return false;
		at += n + 1;
	}
	return whole_check(&p);
}
