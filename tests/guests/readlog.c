/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the file `file=` of the folder `logs`, and says what lines it has: how many
 * are those that `tty` numbers, in their order, and the last one. */
#include <stdlib.h>

#include "check.h"
#include "kit/folder.h"
#include "kit/mm.h"

#define MOST 262144u

static char *text;

static char *file_read(const char *name)
{
	const char *why = "";
	struct kit_folder *d = kit_folder_open("logs", &why);
	struct kit_file *f = NULL;
	int64_t n;

	if (!d || kit_file_open(d, name, 0, &f))
		kit_panic("no file %s (%s)", name, why);
	text = kit_malloc(MOST);
	n = kit_file_read(f, 0, text, MOST - 1);
	if (n < 0)
		kit_panic("cannot read %s: %d", name, (int)n);
	text[n] = 0;
	return text;
}

int kit_main(const char *cmdline)
{
	unsigned lines = 0, numbered = 0;
	char name[40] = "", *next, *last = NULL;

	kit_option("file", name, sizeof(name));
	for (char *s = file_read(name); *s; s = next) {
		char *end = strchr(s, '\n');

		next = end ? end + 1 : s + strlen(s);
		if (end)
			*end = 0;
		lines++;
		last = s;
		if (!strncmp(s, "line ", 5) &&
		    strtoul(s + 5, NULL, 10) == numbered % 200)
			numbered++;
	}
	printf("%s: %u lines, %u numbered, the last: %s\n", name, lines,
	       numbered, last ? last : "none");
	return 0;
}
