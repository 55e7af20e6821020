/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of commands: finding, checking, explaining and completing them. */
#include "commands.h"

#include <string.h>

#include "text.h"

static command_fn cmd_help;

static const struct command table[] = {
	{ "list", "", "the guests, and how they are", cmd_list },
	{ "start", "NAME", "starts a guest that does not run", cmd_start },
	{ "stop", "NAME [SECONDS]",
	  "asks a guest to end, and ends it if it has not by then (5)",
	  cmd_stop },
	{ "shutdown", "NAME", "asks a guest to end", cmd_shutdown },
	{ "reboot", "NAME [SECONDS]", "the same as stop, then start",
	  cmd_reboot },
	{ "pause", "NAME", "takes a guest off the CPUs", cmd_pause },
	{ "resume", "NAME", "lets a paused guest go on", cmd_resume },
	{ "destroy", "NAME", "ends a guest at once", cmd_destroy },
	{ "console", "NAME",
	  "what a guest has written; here, it gets the keyboard, too",
	  cmd_console },
	{ "type", "NAME TEXT", "types on a guest's console", cmd_type },
	{ "stats", "[SECONDS]",
	  "CPU, exits, calls and I/O; again and again, until a key comes",
	  cmd_stats },
	{ "devices", "", "the machine's disks and network cards", cmd_devices },
	{ "trace", "NAME on|off [calls,exits,switches]",
	  "prints what a guest does on the console", cmd_trace },
	{ "log", "", "the hypervisor's log", cmd_log },
	{ "map", "NAME|host ADDRESS|DISK [SECTOR]",
	  "where memory, or a disk's sector, really is", cmd_map },
	{ "off", "[STATUS]", "ends all guests and switches the machine off",
	  cmd_off },
	{ "help", "[COMMAND]", "this", cmd_help },
};

#define NR (sizeof(table) / sizeof(table[0]))

static const struct command *find(const char *name)
{
	for (unsigned i = 0; i < NR; i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

const char *commands_fail(const char *what, const char *about)
{
	static char message[200];
	struct text t = text_of(message, sizeof(message));

	text_add(&t, what);
	if (about) {
		text_add(&t, ": ");
		text_add(&t, about);
	}
	return message;
}

bool commands_number(const char *s, uint64_t *v)
{
	unsigned base = s[0] == '0' && s[1] == 'x' ? 16 : 10;
	const char *digits = "0123456789abcdef", *at;

	*v = 0;
	s += base == 16 ? 2 : 0;
	if (!*s)
		return false;
	for (; *s; s++) {
		at = strchr(digits, *s >= 'A' && *s <= 'F' ? *s | 0x20 : *s);
		if (!at || at - digits >= base ||
		    *v > (UINT64_MAX - (uint64_t)(at - digits)) / base)
			return false;
		*v = *v * base + (uint64_t)(at - digits);
	}
	return true;
}

/* ---- arguments ---- */

/* A word of blank-separated ones, n bytes; NULL behind the last. */
static const char *word_at(const char *s, unsigned nr, size_t *n)
{
	for (;; s += *n) {
		s += strspn(s, " ");
		*n = strcspn(s, " ");
		if (!*n)
			return NULL;
		if (!nr--)
			return s;
	}
}

static bool fits(const struct command *c, unsigned given)
{
	unsigned least = 0, most = 0;
	const char *word;
	size_t n;

	while ((word = word_at(c->args, most, &n))) {
		most++;
		least += *word != '[';
	}
	return given >= least && given <= most;
}

static const char *usage(const struct command *c)
{
	static char text[100];
	struct text t = text_of(text, sizeof(text));

	text_add(&t, c->name);
	if (*c->args)
		text_add(&t, " ");
	text_add(&t, c->args);
	return text;
}

const char *commands_run(struct out *o, unsigned argc, char **argv)
{
	const struct command *c = argc ? find(argv[0]) : NULL;
	const char *wrong;

	if (!c)
		return commands_fail("there is no such command (try help)",
				     argc ? argv[0] : NULL);
	if (!fits(c, argc - 1))
		return commands_fail("it is", usage(c));
	wrong = c->run(o, argc, argv);
	if (!wrong)
		out_end(o);
	return wrong;
}

/* Cuts the line into words; false: the quotes do not match. */
static bool split(char *s, char **argv, unsigned *argc)
{
	for (*argc = 0;; (*argc)++) {
		char end = ' ';

		s += strspn(s, " \t");
		if (!*s || *argc == COMMAND_WORDS)
			return true;
		if (*s == '"') {
			end = '"';
			s++;
		}
		argv[*argc] = s;
		while (*s && *s != end)
			s++;
		if (!*s && end == '"')
			return false;
		if (*s)
			*s++ = 0;
	}
}

const char *commands_line(struct out *o, char *line)
{
	char *argv[COMMAND_WORDS];
	unsigned argc;

	if (!split(line, argv, &argc))
		return "the quotes do not match";
	return argc ? commands_run(o, argc, argv) : NULL;
}

/* ---- help ---- */

static const char *cmd_help(struct out *o, unsigned argc, char **argv)
{
	static const struct out_column columns[] = { { "command", 32 },
						     { "help", 0 } };

	if (argc > 1 && !find(argv[1]))
		return commands_fail("there is no such command", argv[1]);
	out_table(o, columns, 2);
	for (unsigned i = 0; i < NR; i++) {
		if (argc > 1 && strcmp(argv[1], table[i].name))
			continue;
		out_row(o);
		out_cell(o, usage(&table[i]));
		out_cell(o, table[i].help);
	}
	return NULL;
}

/* ---- completion ---- */

/* The i-th of the choices in a word of c->args that are no descriptions. */
static const char *choice(const char *word, size_t n, unsigned i)
{
	static char text[24];
	const char *end = word + n;
	size_t len;

	for (; word < end; word += len + 1) {
		word += *word == '[';
		len = strcspn(word, "|, ]");
		if (!len || *word < 'a' || i--)
			continue;
		len = len < sizeof(text) ? len : sizeof(text) - 1;
		memcpy(text, word, len);
		text[len] = 0;
		return text;
	}
	return NULL;
}

const char *commands_candidate(const char *first, unsigned word, unsigned i)
{
	const struct command *c = word ? find(first) : NULL;
	unsigned guests = 0;
	const char *at;
	size_t n;

	if (!word)
		return i < NR ? table[i].name : NULL;
	at = c ? word_at(c->args, word - 1, &n) : NULL;
	if (!at)
		return NULL;
	if (!strncmp(at, "[COMMAND]", n))
		return i < NR ? table[i].name : NULL;
	if (!strncmp(at, "NAME", 4)) {
		while (commands_guest(guests))
			guests++;
		if (i < guests)
			return commands_guest(i);
	}
	return choice(at, n, i - guests);
}
