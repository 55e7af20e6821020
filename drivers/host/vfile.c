/* SPDX-License-Identifier: BSD-2-Clause */
/* The extents of a file are found when it is opened, and stay: it is held. */
#include "vfile.h"

#include "fat/fat.h"
#include "folders.h"
#include "kit/mm.h"

#define EXTENTS_MORE 64u

static struct vfile *all;

/* ---- extents ---- */

static bool extent_add(struct vfile *f, uint64_t first, uint64_t at)
{
	struct vfile_extent *e = f->extent;

	if (f->nr_extents % EXTENTS_MORE == 0) {
		e = kit_realloc(e, (f->nr_extents + EXTENTS_MORE) * sizeof(*e));
		if (!e)
			return false;
		f->extent = e;
	}
	e[f->nr_extents++] = (struct vfile_extent){ first, at };
	return true;
}

static const char *extents_find(struct vfile *f)
{
	uint64_t end = UINT64_MAX; /* of the last one, in the volume */

	for (uint64_t n = 0; n < f->sectors;) {
		uint64_t at;
		uint32_t count;
		enum fat_status s =
			fat_extent(f->node, n * FAT_SECTOR, &at, &count);

		if (s != FAT_OK)
			return fat_strerror(s);
		if (at != end && !extent_add(f, n, at))
			return "no memory for where the file's pieces are";
		end = at + count;
		n += count;
	}
	return NULL;
}

uint64_t vfile_at(const struct vfile *f, uint64_t sector, uint64_t *count)
{
	uint32_t lo = 0, hi = f->nr_extents;
	uint64_t end;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (f->extent[mid].first <= sector)
			lo = mid;
		else
			hi = mid;
	}
	end = lo + 1 < f->nr_extents ? f->extent[lo + 1].first : f->sectors;
	if (*count > end - sector)
		*count = end - sector;
	return f->extent[lo].at + (sector - f->extent[lo].first);
}

/* ---- files ---- */

static void file_free(struct vfile *f)
{
	folders_close(f->node);
	kit_free(f->extent);
	kit_free(f);
}

static const char *file_hold(struct vfile *f)
{
	enum fat_status s;
	const char *why;

	if (!f->node->size || f->node->size % FAT_SECTOR)
		return "the file's size is not some sectors";
	s = fat_hold(f->node);
	if (s != FAT_OK)
		return fat_strerror(s);
	why = extents_find(f);
	if (why)
		fat_unhold(f->node);
	return why;
}

/* Takes the node over. */
static struct vfile *file_new(struct fat_node *n, bool writes, const char **why)
{
	struct vfile *f = kit_calloc(1, sizeof(*f));

	if (!f) {
		folders_close(n);
		*why = "no memory for the file";
		return NULL;
	}
	f->users = 1;
	f->writes = writes;
	f->node = n;
	f->volume = folders_disk(n);
	f->sectors = n->size / FAT_SECTOR;
	*why = file_hold(f);
	if (*why) {
		file_free(f);
		return NULL;
	}
	f->next = all;
	all = f;
	return f;
}

/* One more user of a file that is open; takes the node over. */
static struct vfile *file_share(struct vfile *f, struct fat_node *n,
				bool writes, const char **why)
{
	folders_close(n);
	if (f->writes || writes) {
		*why = "the file is in use";
		return NULL;
	}
	f->users++;
	return f;
}

struct vfile *vfile_open(const char *source, bool writes, const char **why)
{
	struct fat_node *n = folders_file(source, why);

	if (!n)
		return NULL;
	for (struct vfile *f = all; f; f = f->next)
		if (f->node == n)
			return file_share(f, n, writes, why);
	return file_new(n, writes, why);
}

void vfile_close(struct vfile *f)
{
	struct vfile **at = &all;

	if (--f->users)
		return;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	fat_unhold(f->node);
	file_free(f);
}
