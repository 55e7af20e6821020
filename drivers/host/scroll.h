/* SPDX-License-Identifier: BSD-2-Clause */
/* The last bytes of a text that grows without end; pure. */
#ifndef HOST_SCROLL_H
#define HOST_SCROLL_H

#include <stddef.h>
#include <stdint.h>

#define SCROLL_SIZE 16384u

struct scroll {
	char *buf; /* SCROLL_SIZE bytes of the owner's; NULL: keeps nothing */
	uint64_t head; /* bytes ever put */
};

void scroll_put(struct scroll *s, const char *text, size_t n);

/* Its two parts, older first; whole lines, if the first ones are lost. */
struct scroll_text {
	const char *part[2];
	size_t n[2];
};
struct scroll_text scroll_get(const struct scroll *s);

#endif
