/* SPDX-License-Identifier: BSD-2-Clause */
/* A ring of bytes that overwrites the oldest. */
#include "scroll.h"

#include <string.h>

void scroll_put(struct scroll *s, const char *text, size_t n)
{
	size_t at, first;

	if (!s->buf)
		return;
	if (n == 1) { /* the commonest, of unported guests */
		s->buf[s->head++ % SCROLL_SIZE] = *text;
		return;
	}
	if (n > SCROLL_SIZE) {
		s->head += n - SCROLL_SIZE;
		text += n - SCROLL_SIZE;
		n = SCROLL_SIZE;
	}
	at = s->head % SCROLL_SIZE;
	first = n < SCROLL_SIZE - at ? n : SCROLL_SIZE - at;
	memcpy(s->buf + at, text, first);
	memcpy(s->buf, text + first, n - first);
	s->head += n;
}

/* From the first whole line on; all of it, if it has no end of a line. */
static void cut_begin(struct scroll_text *t)
{
	for (int i = 0; i < 2; i++) {
		const char *end = memchr(t->part[i], '\n', t->n[i]);

		if (!end)
			continue;
		if (i)
			t->n[0] = 0;
		t->n[i] -= (size_t)(end + 1 - t->part[i]);
		t->part[i] = end + 1;
		return;
	}
}

struct scroll_text scroll_get(const struct scroll *s)
{
	size_t at = s->head % SCROLL_SIZE;
	struct scroll_text t = { { "", "" }, { 0, 0 } };

	if (!s->buf)
		return t;
	t.part[1] = s->buf;
	t.n[1] = at;
	if (s->head <= SCROLL_SIZE) {
		t.n[1] = (size_t)s->head;
		return t;
	}
	t.part[0] = s->buf + at;
	t.n[0] = SCROLL_SIZE - at;
	cut_begin(&t);
	return t;
}
