/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes virtual disks and gives them back. */
#include "vdisk_make.h"

#include <string.h>

#include "disks.h"
#include "guest.h"
#include "host.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "vfile.h"

#define PAGES(bytes) (((bytes) + KIT_PAGE_SIZE - 1) / KIT_PAGE_SIZE)

/* ---- who uses what of the physical disks ---- */

static struct vdisk *all;

static bool overlap(const struct vdisk *a, const struct vdisk *b)
{
	return a->dev == b->dev && a->first < b->first + b->sectors &&
	       b->first < a->first + a->sectors;
}

/* What one writes another one must not have, but for a partition that several
 * have as a whole, as on any disk with two ports. */
static bool disturb(const struct vdisk *a, const struct vdisk *b)
{
	if (!overlap(a, b) || !(a->changes || b->changes))
		return false;
	return a->alone || b->alone || !a->changes || !b->changes;
}

static const char *claim(struct vdisk *d)
{
	for (const struct vdisk *o = all; d->dev && o; o = o->next)
		if (disturb(d, o))
			return d->changes ? "it is in use, at least in part" :
					    "somebody writes to it, at least "
					    "in part";
	d->next = all;
	all = d;
	return NULL;
}

static void unclaim(struct vdisk *d)
{
	struct vdisk **at = &all;

	while (*at && *at != d)
		at = &(*at)->next;
	if (*at)
		*at = d->next;
}

/* ---- memory ---- */

static const char *ram_empty(struct vdisk *d, size_t bytes)
{
	d->kind = VDISK_RAM;
	d->sectors = (bytes + BLK_SECTOR - 1) / BLK_SECTOR;
	d->ram = bytes ? kit_pages_alloc(PAGES(bytes)) : NULL;
	return d->ram ? NULL : "no memory for a disk of that size";
}

/* A file of the boot medium: itself, or in memory of our own so that it can be
 * written, or that its last sector is whole. */
static const char *ram_open(struct vdisk *d, const char *name, bool writes)
{
	size_t size;
	const void *file = host_file(name, &size);
	const char *why;

	if (!file)
		return "there is no such file";
	if (!writes && size && size % BLK_SECTOR == 0) {
		d->kind = VDISK_RAM;
		d->borrowed = true;
		d->sectors = size / BLK_SECTOR;
		d->ram = (uint8_t *)(uintptr_t)file;
		return NULL;
	}
	why = ram_empty(d, size);
	if (!why)
		memcpy(d->ram, file, size);
	return why;
}

/* ---- physical disks ---- */

static const char *range_open(struct vdisk *d, const struct disk_range *r)
{
	d->kind = VDISK_PART;
	d->dev = r->dev;
	d->zeroes = disks_zeroes();
	d->first = r->first;
	d->sectors = r->count;
	d->read_only = r->dev->read_only;
	d->changes = d->changes && !d->read_only;
	return claim(d);
}

static const char *part_open(struct vdisk *d, const char *name)
{
	char file[CFG_SOURCE + 4];
	struct disk_range r;

	if (disks_part(name, &r))
		return range_open(d, &r);
	kit_format(file, sizeof(file), "%s.img", name);
	if (ram_open(d, file, d->changes))
		return "there is no such partition, nor a file of that name "
		       "with .img";
	kit_printf("host: no partition %s on a disk: using %s%s\n", name,
		   d->borrowed ? "" : "a copy in memory of ", file);
	return NULL;
}

static const char *range_of_disk(struct vdisk *d, const struct cfg_vdev *c)
{
	struct disk_range r;

	d->alone = true;
	if (!disks_whole(c->disk, &r))
		return "there is no disk of that number";
	if (c->kind == DISK_WHOLE)
		return range_open(d, &r);
	if (c->count > r.count || c->first > r.count - c->count)
		return "the range lies outside of the disk";
	r.first = c->first;
	r.count = c->count;
	return range_open(d, &r);
}

static const char *file_open(struct vdisk *d, const char *source)
{
	const char *why = NULL;
	struct vfile *f = vfile_open(source, d->changes, &why);

	if (!f)
		return why;
	d->kind = VDISK_FILE;
	d->file = f;
	d->volume = f->volume->kind;
	d->dev = f->volume->dev;
	d->ram = f->volume->ram;
	d->first = f->volume->first;
	d->zeroes = disks_zeroes();
	d->sectors = f->sectors;
	d->read_only = f->volume->read_only;
	return NULL;
}

/* ---- copy on write ---- */

struct cow {
	struct overlay over; /* first */
	const struct cfg_vdev *cfg;
};

static void cow_full(struct overlay *o)
{
	const struct cfg_vdev *c = ((struct cow *)o)->cfg;

	kit_printf(
		"host: guest %s: disk %s: its overlay is full, with %lu KiB: "
		"writes fail\n",
		guests_nth(c->guest)->cfg->name, c->name,
		(unsigned long)(o->pages * (OVERLAY_PAGE >> 10)));
}

static const char *cow_open(struct vdisk *d, const struct cfg_vdev *c)
{
	struct cow *cow = kit_calloc(1, sizeof(*cow));

	if (!cow)
		return "no memory for the overlay";
	cow->cfg = c;
	cow->over.on_full = cow_full;
	overlay_init(&cow->over, d->sectors, c->overlay_bytes / OVERLAY_PAGE);
	d->base = d->kind;
	d->kind = VDISK_COW;
	d->over = &cow->over;
	d->read_only = false;
	return NULL;
}

/* ---- all kinds ---- */

static const char *base_open(struct vdisk *d, const struct cfg_vdev *c)
{
	switch (c->kind) {
	case DISK_NULL:
		d->sectors = c->bytes / BLK_SECTOR;
		return NULL;
	case DISK_RAM:
		return c->bytes ? ram_empty(d, c->bytes) :
				  ram_open(d, c->source, d->changes);
	case DISK_PART:
		return part_open(d, c->source);
	case DISK_RANGE:
	case DISK_WHOLE:
		return range_of_disk(d, c);
	case DISK_FILE:
		return file_open(d, c->source);
	}
	return "it is of no kind";
}

const char *vdisk_open(struct vdisk *d, const struct cfg_vdev *c, bool alone)
{
	const char *why;

	*d = (struct vdisk){ .kind = VDISK_NULL,
			     .alone = alone,
			     .changes = c->mode == DISK_WRITES };
	why = base_open(d, c);
	if (why)
		return why;
	if (c->mode == DISK_OVERLAY)
		why = cow_open(d, c);
	else if (c->mode == DISK_READS)
		d->read_only = true;
	if (why)
		vdisk_close(d);
	return why;
}

static void cow_close(struct vdisk *d)
{
	overlay_end(d->over);
	kit_free(d->over);
	d->kind = d->base;
}

void vdisk_close(struct vdisk *d)
{
	if (d->kind == VDISK_COW)
		cow_close(d);
	unclaim(d);
	if (d->kind == VDISK_FILE)
		vfile_close(d->file);
	if (d->kind == VDISK_RAM && !d->borrowed)
		kit_pages_free(d->ram, PAGES(d->sectors * BLK_SECTOR));
}
