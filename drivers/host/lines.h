/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes lines of what several sources write, each with its source's name. */
#ifndef HOST_LINES_H
#define HOST_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "scroll.h"

#define LINES_MAX 240u

struct lines_source {
	const char *name;    /* prefix "[name] "; null: none */
	bool live;	     /* show unfinished lines too */
	bool plain;	     /* no prefix all the same */
	bool hidden;	     /* show nothing */
	struct scroll *back; /* keeps all of it; null: nothing */
	unsigned n;
	char buf[LINES_MAX];
};

struct lines {
	void (*out)(const char *text, size_t n);
	const struct lines_source
		*open; /* whose line is unfinished on screen */
};

/* NULs and carriage returns are dropped; a longer line is shown in parts. */
void lines_put(struct lines *l, struct lines_source *s, const char *text,
	       size_t n);

/* Shows what is unfinished, and ends the line. */
void lines_end(struct lines *l, struct lines_source *s);

/* Ends whichever line is unfinished on screen. */
void lines_break(struct lines *l);

#endif
