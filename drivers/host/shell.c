/* SPDX-License-Identifier: BSD-2-Clause */
/* Hands keys to a guest or to the shell, and shows the one or the other. */
#include "shell.h"

#include <string.h>

#include "commands.h"
#include "kit/console.h"
#include "kit/time.h"
#include "line_edit.h"

#define KEYS 512u
#define PROMPT "parley> "

static char keys[KEYS]; /* typed, and not looked at */
static uint32_t head, tail;

static bool stays;	    /* as configured */
static bool in_shell;	    /* else the keyboard is front's */
static bool alone;	    /* front has the screen for itself */
static bool busy;	    /* a command runs */
static struct guest *front; /* NULL: none yet */
static struct guest *next;  /* whom `console` names */
static uint64_t repeat_ns, repeat_at;
bool shell_repeats; /* now */
static struct line_edit edit;

static void hide(void) { edit_hide(&edit); }

static void show(void)
{
	if (!busy && !shell_repeats)
		edit_show(&edit);
}

static void say(const char *text) { console_plain(text, strlen(text)); }

/* Whose lines are shown, and how. */
static void view_set(void)
{
	struct guest *g;

	for (unsigned i = 0; (g = guests_nth(i)); i++) {
		bool mine = g == front && !in_shell;

		g->lines.live = mine;
		g->lines.plain = mine && alone;
		g->lines.hidden = !mine && alone && !in_shell;
	}
}

static void shell_enter(void)
{
	in_shell = true;
	console_on_text(hide, show);
	view_set();
	console_break();
	say("host: the operator's shell: help lists the commands");
	say(front ? ", Ctrl-] goes back\n" : "\n");
	edit_begin(&edit);
}

static void guest_enter(void)
{
	if (!front || front->phase != GUEST_RUNS) {
		edit_hide(&edit);
		say("no guest has the keyboard: console NAME gives it one\n");
		edit_show(&edit);
		return;
	}
	edit_hide(&edit);
	console_on_text(NULL, NULL); /* there is no prompt to take care of */
	in_shell = false;
	view_set();
	say("host: console of ");
	say(front->cfg->name);
	say(": Ctrl-] goes to the shell\n");
}

static void put(struct out *o, const char *text, size_t n)
{
	(void)o;
	console_plain(text, n);
}

static void command(char *line)
{
	struct out o = { .put = put };
	const char *wrong;

	busy = true;
	wrong = commands_line(&o, line);
	if (wrong) {
		say(wrong);
		say("\n");
	}
	busy = false;
}

static void console_enter(void)
{
	struct scroll_text t = scroll_get(&next->back);

	front = next;
	next = NULL;
	alone = true;
	console_plain(t.part[0], t.n[0]);
	console_plain(t.part[1], t.n[1]);
	if (t.n[1] && t.part[1][t.n[1] - 1] != '\n')
		say("\n");
	guest_enter();
}

static void execute(void)
{
	char line[EDIT_MAX];

	strcpy(line, edit.line);
	edit.line[edit.len = edit.at = 0] = 0;
	command(line);
	if (next)
		console_enter();
	else if (!shell_repeats)
		edit_begin(&edit);
}

static void shell_key(char c)
{
	if (shell_repeats) {
		shell_repeats = false;
		edit_begin(&edit);
		return;
	}
	if (!edit.shown)
		console_break();
	if (edit_key(&edit, c))
		execute();
}

/* Those up to the next switch, in one. */
static void guest_keys(void)
{
	char text[KEYS];
	size_t n = 0;

	while (tail != head && keys[tail % KEYS] != SHELL_KEY)
		text[n++] = keys[tail++ % KEYS];
	if (front && front->phase == GUEST_RUNS)
		guest_type(front, text, n);
}

static void keys_run(void)
{
	if (keys[tail % KEYS] == SHELL_KEY) {
		tail++;
		shell_repeats = false;
		if (in_shell)
			guest_enter();
		else
			shell_enter();
	} else if (in_shell) {
		shell_key(keys[tail++ % KEYS]);
	} else {
		guest_keys();
	}
}

static void repeat_run(void)
{
	char line[] = "stats";

	if (kit_time_ns() >= repeat_at) {
		repeat_at += repeat_ns;
		command(line);
	}
	host_wake_at(repeat_at);
}

void shell_run(void)
{
	while (tail != head)
		keys_run();
	if (shell_repeats)
		repeat_run();
}

static void typed(const char *text, size_t n)
{
	for (size_t i = 0; i < n && head - tail < KEYS; i++)
		keys[head++ % KEYS] = text[i];
	host_operator_look();
}

/* ---- for others ---- */

void shell_repeat_stats(uint64_t seconds)
{
	shell_repeats = true;
	repeat_ns = seconds * KIT_SECOND;
	repeat_at = kit_time_ns() + repeat_ns;
}

void shell_console(struct guest *g) { next = g; }

bool shell_stays(void) { return stays || in_shell; }

void shell_state(const struct guest *g)
{
	bool ended = g->phase == GUEST_GONE && !g->again;

	if (g == front && ended && !in_shell && (stays || alone))
		shell_enter();
}

void shell_end(void)
{
	console_on_text(NULL, NULL);
	edit_hide(&edit);
	console_break();
}

void shell_init(const struct config *c)
{
	stays = c->shell;
	front = guests_keyboard();
	edit.prompt = PROMPT;
	edit.out = console_plain;
	edit.candidate = commands_candidate;
	console_on_key(typed);
	view_set();
	if (stays && !front)
		shell_enter();
}
