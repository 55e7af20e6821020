/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes consoles to files: a page at a time, or what has waited for a second. */
#include "conlog.h"

#include <string.h>

#include "folders.h"
#include "host.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "kit/time.h"

#define WAIT_NS KIT_SECOND
#define PAGES (CONLOG_RING / KIT_PAGE_SIZE)

static struct conlog *open;

/* ---- writing ---- */

static void fail(struct conlog *l, enum fat_status s)
{
	l->failed = true;
	l->tail = l->head;
	kit_printf("host: guest %s: its log ends here: %s\n", l->name,
		   fat_strerror(s));
}

static void write_run(struct conlog *l, const char *text, uint32_t n)
{
	enum fat_status s = fat_write(l->file, l->file->size, text, n);

	if (s == FAT_OK)
		l->tail += n;
	else
		fail(l, s);
}

static void lost_tell(struct conlog *l)
{
	char text[80];
	int n = kit_format(text, sizeof(text), "\n(%llu bytes are missing)\n",
			   (unsigned long long)l->lost);

	l->lost = 0;
	if (fat_write(l->file, l->file->size, text, (uint32_t)n) != FAT_OK)
		fail(l, FAT_EIO);
}

/* All that waits, on the volume for good. */
static void write_all(struct conlog *l)
{
	enum fat_status s;

	while (l->tail != l->head && !l->failed) {
		uint32_t at = l->tail % CONLOG_RING;
		uint64_t n = l->head - l->tail;

		if (n > CONLOG_RING - at)
			n = CONLOG_RING - at;
		write_run(l, l->ring + at, (uint32_t)n);
	}
	if (l->lost && !l->failed)
		lost_tell(l);
	s = l->failed ? FAT_OK : fat_sync(l->file);
	if (s != FAT_OK)
		fail(l, s);
}

void conlogs_run(void)
{
	uint64_t now = open ? kit_time_ns() : 0;

	for (struct conlog *l = open; l; l = l->next) {
		if (l->head == l->tail)
			continue;
		if (l->head - l->tail >= CONLOG_WRITE || now >= l->due_ns)
			write_all(l);
		else
			host_wake_at(l->due_ns);
	}
}

void conlog_put(struct conlog *l, const char *text, size_t n)
{
	if (!l->file || l->failed)
		return;
	if (l->head == l->tail)
		l->due_ns = kit_time_ns() + WAIT_NS;
	for (size_t i = 0; i < n; i++) {
		if (l->head - l->tail < CONLOG_RING)
			l->ring[l->head++ % CONLOG_RING] = text[i];
		else
			l->lost++;
	}
	host_wake_at(l->due_ns);
}

/* ---- files ---- */

static enum fat_status file_find(struct fat_node *dir, const char *name,
				 struct fat_node **file)
{
	enum fat_status s = fat_lookup(dir, name, file);

	if (s == FAT_ENOENT)
		s = fat_create(dir, name, file);
	if (s == FAT_OK && fat_is_dir(*file)) {
		fat_put(*file);
		s = FAT_EISDIR;
	}
	return s;
}

static const char *file_open(struct conlog *l, const char *source)
{
	struct cfg_vdev folder = { .type = VDEV_FOLDER };
	const char *why = NULL;
	enum fat_status s;
	char *name;

	strcpy(folder.source, source);
	name = strrchr(folder.source, '/');
	*name++ = 0;
	l->dir = folders_open(&folder, &why);
	if (!l->dir)
		return why;
	s = file_find(l->dir, name, &l->file);
	if (s == FAT_OK)
		return NULL;
	l->file = NULL;
	folders_close(l->dir);
	return fat_strerror(s);
}

const char *conlog_open(struct conlog *l, const char *source, const char *guest)
{
	const char *why;

	*l = (struct conlog){ .name = guest, .ring = kit_pages_alloc(PAGES) };
	if (!l->ring)
		return "no memory for its log";
	why = file_open(l, source);
	if (why) {
		kit_pages_free(l->ring, PAGES);
		return why;
	}
	l->next = open;
	open = l;
	return NULL;
}

void conlog_close(struct conlog *l)
{
	struct conlog **at = &open;

	if (!l->file)
		return;
	if (l->head && l->ring[(l->head - 1) % CONLOG_RING] != '\n')
		conlog_put(l, "\n", 1); /* the next guest begins a line */
	write_all(l);
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	fat_put(l->file);
	folders_close(l->dir);
	kit_pages_free(l->ring, PAGES);
	l->file = NULL;
}
