/* SPDX-License-Identifier: BSD-2-Clause */
/* Assembles console lines of several sources; pure. */
#include "lines.h"

#include <string.h>

void lines_break(struct lines *l)
{
	if (l->open)
		l->out("\n", 1);
	l->open = NULL;
}

static void show(struct lines *l, struct lines_source *s, bool end)
{
	if (s->hidden) {
		s->n = 0;
		return;
	}
	if (l->open != s)
		lines_break(l);
	if (!l->open && s->name && !s->plain) {
		l->out("[", 1);
		l->out(s->name, strlen(s->name));
		l->out("] ", 2);
	}
	if (end)
		s->buf[s->n++] = '\n';
	l->out(s->buf, s->n);
	l->open = end ? NULL : s;
	s->n = 0;
}

void lines_put(struct lines *l, struct lines_source *s, const char *text,
	       size_t n)
{
	if (s->back)
		scroll_put(s->back, text, n);
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (!c || c == '\r')
			continue;
		if (c == '\n') {
			show(l, s, true);
			continue;
		}
		s->buf[s->n++] = c;
		if (s->n == LINES_MAX - 1)
			show(l, s, false);
	}
	if (s->live && s->n)
		show(l, s, false);
}

void lines_end(struct lines *l, struct lines_source *s)
{
	if (s->n || l->open == s)
		show(l, s, true);
}
