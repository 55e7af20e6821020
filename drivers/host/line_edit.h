/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Edits a line on a terminal: cursor keys, Home, End, Delete, Ctrl-A, -B, -D,
 * -E, -F, -K, -L, -N, -P, -U, -W, Tab, and a history. It writes carriage
 * returns, backspaces and blanks alone: any terminal will do. Pure.
 */
#ifndef HOST_LINE_EDIT_H
#define HOST_LINE_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#define EDIT_MAX 160u /* characters of a line, NUL included */
#define EDIT_HISTORY 16u

struct line_edit {
	const char *prompt;
	void (*out)(const char *text, size_t n);
	/*
	 * The i-th thing that may stand as word number `word` of a line whose
	 * first word is `first`; NULL behind the last. NULL: no completion.
	 */
	const char *(*candidate)(const char *first, unsigned word, unsigned i);

	char line[EDIT_MAX];
	unsigned len, at;
	bool shown;	  /* prompt and line are on the screen */
	unsigned escape;  /* bytes of a key's sequence so far */
	char escape_mark; /* its number, as 3 of ESC [ 3 ~ */
	char history[EDIT_HISTORY][EDIT_MAX]; /* line n: n % EDIT_HISTORY */
	unsigned nr_history;		      /* lines ever kept */
	unsigned browse;     /* how far back the history is shown; 0: not */
	char kept[EDIT_MAX]; /* what was typed before that */
};

/*
 * A key. True: the line is complete, in e->line, until edit_begin; the
 * terminal is on a new line, and what was shown stays.
 */
bool edit_key(struct line_edit *e, char c);

/* An empty line, and shows it. */
void edit_begin(struct line_edit *e);

/* Takes prompt and line off the screen, so that other text can come; and
 * shows them again, on a line of their own. Either twice is once. */
void edit_hide(struct line_edit *e);
void edit_show(struct line_edit *e);

#endif
