/* SPDX-License-Identifier: BSD-2-Clause */
/* Edits a line: what is behind a change is written again, and no more. */
#include "line_edit.h"

#include <string.h>

#define CTRL(c) ((c)&0x1f)
#define ESC 0x1b
#define DEL 0x7f

static void out(struct line_edit *e, const char *s) { e->out(s, strlen(s)); }

static void repeat(struct line_edit *e, char c, unsigned n)
{
	while (n--)
		e->out(&c, 1);
}

static void move_to(struct line_edit *e, unsigned at)
{
	if (at < e->at)
		repeat(e, '\b', e->at - at);
	else
		e->out(e->line + e->at, at - e->at);
	e->at = at;
}

/* Replaces n characters before the cursor by text. */
static void replace(struct line_edit *e, unsigned n, const char *text,
		    unsigned text_len)
{
	unsigned from = e->at - n;
	unsigned gone = n > text_len ? n - text_len : 0;

	if (e->len - n + text_len >= EDIT_MAX)
		return;
	move_to(e, from);
	memmove(e->line + from + text_len, e->line + from + n,
		e->len - from - n + 1);
	memcpy(e->line + from, text, text_len);
	e->len = e->len - n + text_len;
	e->out(e->line + from, e->len - from);
	repeat(e, ' ', gone);
	e->at = from + text_len;
	repeat(e, '\b', e->len - e->at + gone);
}

static void erase(struct line_edit *e, unsigned n) { replace(e, n, "", 0); }

static void set_line(struct line_edit *e, const char *text)
{
	move_to(e, e->len);
	replace(e, e->len, text, (unsigned)strlen(text));
}

static bool is_blank(char c) { return c == ' '; }

static unsigned word_before(const struct line_edit *e)
{
	unsigned at = e->at;

	while (at && is_blank(e->line[at - 1]))
		at--;
	while (at && !is_blank(e->line[at - 1]))
		at--;
	return e->at - at;
}

/* ---- history ---- */

static const char *history_at(const struct line_edit *e, unsigned back)
{
	return e->history[(e->nr_history - back) % EDIT_HISTORY];
}

static void history_add(struct line_edit *e)
{
	e->browse = 0;
	if (!e->len || (e->nr_history && !strcmp(history_at(e, 1), e->line)))
		return;
	strcpy(e->history[e->nr_history++ % EDIT_HISTORY], e->line);
}

static void history_go(struct line_edit *e, int step)
{
	unsigned most = e->nr_history < EDIT_HISTORY ? e->nr_history :
						       EDIT_HISTORY;
	unsigned to = e->browse + (unsigned)step;

	if ((step < 0 && !e->browse) || to > most)
		return;
	if (!e->browse)
		strcpy(e->kept, e->line);
	e->browse = to;
	set_line(e, to ? history_at(e, to) : e->kept);
}

/* ---- completion ---- */

struct match {
	const char *start; /* of the word before the cursor */
	unsigned len;
	char first[EDIT_MAX]; /* word of the line */
	unsigned word;
};

static void word_find(const struct line_edit *e, struct match *m)
{
	unsigned at = 0, words = 0, from = 0;

	m->first[0] = 0;
	while (at < e->at) {
		while (at < e->at && is_blank(e->line[at]))
			at++;
		from = at;
		while (at < e->at && !is_blank(e->line[at]))
			at++;
		if (at == e->at)
			break;
		if (!words++) {
			memcpy(m->first, e->line + from, at - from);
			m->first[at - from] = 0;
		}
	}
	m->start = e->line + from;
	m->len = at - from;
	m->word = words;
}

/* The i-th candidate that begins as the word does. */
static const char *next_match(const struct line_edit *e, const struct match *m,
			      unsigned *i)
{
	const char *c;

	while ((c = e->candidate(m->first, m->word, (*i)++)))
		if (!strncmp(c, m->start, m->len))
			return c;
	return NULL;
}

/* How many begin so; *common: what all of them begin with. */
static unsigned common_start(const struct line_edit *e, const struct match *m,
			     char *common)
{
	unsigned n = 0, i = 0, k;
	const char *c;

	while ((c = next_match(e, m, &i))) {
		if (!n++) {
			strncpy(common, c, EDIT_MAX - 2);
			common[EDIT_MAX - 2] = 0;
		}
		for (k = 0; common[k] && common[k] == c[k];)
			k++;
		common[k] = 0;
	}
	return n;
}

static void show_matches(struct line_edit *e, const struct match *m)
{
	unsigned i = 0;
	const char *c;

	out(e, "\n");
	while ((c = next_match(e, m, &i))) {
		out(e, c);
		out(e, "  ");
	}
	out(e, "\n");
	e->shown = false;
	edit_show(e);
}

static void complete(struct line_edit *e)
{
	char common[EDIT_MAX] = "";
	struct match m;
	unsigned n;

	if (!e->candidate)
		return;
	word_find(e, &m);
	n = common_start(e, &m, common);
	if (n > 1 && strlen(common) == m.len) {
		show_matches(e, &m);
		return;
	}
	if (n == 1)
		strcat(common, " ");
	if (n)
		replace(e, m.len, common, (unsigned)strlen(common));
}

/* ---- the screen ---- */

void edit_show(struct line_edit *e)
{
	if (e->shown)
		return;
	e->shown = true;
	out(e, e->prompt);
	e->out(e->line, e->len);
	repeat(e, '\b', e->len - e->at);
}

void edit_hide(struct line_edit *e)
{
	if (!e->shown)
		return;
	e->shown = false;
	out(e, "\r");
	repeat(e, ' ', (unsigned)strlen(e->prompt) + e->len);
	out(e, "\r");
}

void edit_begin(struct line_edit *e)
{
	e->len = e->at = e->browse = 0;
	e->line[0] = 0;
	e->shown = false;
	edit_show(e);
}

/* ---- keys ---- */

static bool enter(struct line_edit *e)
{
	move_to(e, e->len);
	out(e, "\n");
	e->shown = false;
	history_add(e);
	return true;
}

static void delete_here(struct line_edit *e)
{
	if (e->at == e->len)
		return;
	move_to(e, e->at + 1);
	erase(e, 1);
}

static void cut_rest(struct line_edit *e)
{
	unsigned n = e->len - e->at;

	move_to(e, e->len);
	erase(e, n);
}

static void clear_screen(struct line_edit *e)
{
	out(e, "\r\x1b[H\x1b[2J");
	e->shown = false;
	edit_show(e);
}

static void control(struct line_edit *e, char c)
{
	switch (c) {
	case CTRL('A'):
		move_to(e, 0);
		break;
	case CTRL('B'):
		move_to(e, e->at - (e->at > 0));
		break;
	case CTRL('C'):
		set_line(e, "");
		break;
	case CTRL('D'):
		delete_here(e);
		break;
	case CTRL('E'):
		move_to(e, e->len);
		break;
	case CTRL('F'):
		move_to(e, e->at + (e->at < e->len));
		break;
	case CTRL('K'):
		cut_rest(e);
		break;
	case CTRL('L'):
		clear_screen(e);
		break;
	case CTRL('N'):
		history_go(e, -1);
		break;
	case CTRL('P'):
		history_go(e, 1);
		break;
	case CTRL('U'):
		erase(e, e->at);
		break;
	case CTRL('W'):
		erase(e, word_before(e));
		break;
	case '\b':
	case DEL:
		erase(e, e->at > 0);
		break;
	case '\t':
		complete(e);
		break;
	}
}

/* The last byte of ESC [ or ESC O sequences, as the control key it is. */
static char key_of(char c, char mark)
{
	switch (c) {
	case 'A':
		return CTRL('P');
	case 'B':
		return CTRL('N');
	case 'C':
		return CTRL('F');
	case 'D':
		return CTRL('B');
	case 'H':
		return CTRL('A');
	case 'F':
		return CTRL('E');
	case '~':
		return mark == '3'		  ? CTRL('D') :
		       mark == '1' || mark == '7' ? CTRL('A') :
		       mark == '4' || mark == '8' ? CTRL('E') :
						    0;
	}
	return 0;
}

/* Takes the bytes of a key's sequence; true: c is one of them. */
static bool sequence(struct line_edit *e, char c)
{
	if (!e->escape && c != ESC)
		return false;
	if (c == ESC) {
		e->escape = 1;
		e->escape_mark = 0;
	} else if (e->escape == 1) {
		e->escape = c == '[' || c == 'O' ? 2 : 0;
	} else if (c >= 0x40 || c < ' ') {
		e->escape = 0;
		control(e, key_of(c, e->escape_mark));
	} else {
		e->escape_mark = e->escape++ == 2 ? c : 0;
	}
	return true;
}

bool edit_key(struct line_edit *e, char c)
{
	edit_show(e);
	if (sequence(e, c))
		return false;
	if (c == '\r' || c == '\n')
		return enter(e);
	if (c >= ' ' && c != DEL)
		replace(e, 0, &c, 1);
	else
		control(e, c);
	return false;
}
