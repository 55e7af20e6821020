/* SPDX-License-Identifier: BSD-2-Clause */
/* The command `map`: where a guest's memory, or a virtual disk's sector, is. */
#include <string.h>

#include "commands.h"
#include "disks.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "operate.h"
#include "text.h"
#include "vdisk.h"
#include "vfile.h"

/* ---- a row ---- */

/* Of a disk's sector; memory knows its page, too. */
struct place {
	bool known;
	uint64_t at, page_kib;
	const char *access, *where;
};

static void map_row(struct out *o, const char *what, const struct place *p)
{
	static const struct out_column columns[] = {
		{ "what", 20 },	 { "is_at", 18 }, { "page_kib", 8 },
		{ "access", 6 }, { "where", 0 },
	};

	out_table(o, columns, sizeof(columns) / sizeof(columns[0]));
	out_row(o);
	out_cell(o, what);
	if (p->known)
		out_hex(o, p->at);
	else
		out_cell(o, NULL);
	if (p->page_kib)
		out_number(o, p->page_kib);
	else
		out_cell(o, NULL);
	out_cell(o, p->access);
	out_cell(o, p->where);
}

/* ---- memory ---- */

static void partition_name(struct text *t, uint32_t number)
{
	if (number) {
		text_add(t, "partition ");
		text_add_u64(t, number);
	} else {
		text_add(t, "the host partition");
	}
}

static void page_where(struct text *t, const struct pv_translation *page)
{
	static const char *const kinds[] = {
		[PV_PAGE_OWN] = "its own",
		[PV_PAGE_SHARED] = "its own, shared with ",
		[PV_PAGE_LENT] = "its own, used by ",
		[PV_PAGE_HYPERVISOR] = "the hypervisor's, for ",
		[PV_PAGE_BORROWED] = "memory of ",
		[PV_PAGE_DEVICE] = "a device",
		[PV_PAGE_FIRMWARE] = "a file of the boot medium",
	};

	if (page->kind >= sizeof(kinds) / sizeof(kinds[0]))
		return;
	text_add(t, kinds[page->kind]);
	if (page->kind > PV_PAGE_OWN && page->kind < PV_PAGE_DEVICE)
		partition_name(t, page->peer);
	if (page->flags & PV_MAP_DMA)
		text_add(t, ", pinned for devices");
}

static const char *map_memory(struct out *o, uint64_t part, const char *arg,
			      uint64_t gpa)
{
	static struct pv_translation page __attribute__((aligned(64)));
	char where[80], access[] = "---";
	struct text t = text_of(where, sizeof(where));
	uint64_t err = pv_partition_translate(kit_info()->self, part, gpa,
					      kit_gpa(&page));

	if (err == PV_EFAULT)
		return commands_fail("it has no memory there", arg);
	if (err)
		return commands_fail("it cannot be asked",
				     kit_status_name(err));
	for (unsigned i = 0; i < 3; i++)
		if (page.flags & PV_MAP_READ << i)
			access[i] = "rwx"[i];
	page_where(&t, &page);
	map_row(o, arg,
		&(struct place){ true, page.addr, page.size >> 10, access,
				 where });
	return NULL;
}

/* ---- disks ---- */

/* The kind of disk that holds a sector; VDISK_COW: the overlay does. */
static enum vdisk_kind holder(const struct vdisk *d, uint64_t sector)
{
	bool written;

	if (d->kind != VDISK_COW)
		return d->kind;
	overlay_run(d->over, sector, 1, &written);
	return written ? VDISK_COW : d->base;
}

static void disk_where(struct text *t, const struct vdisk *d,
		       enum vdisk_kind kind, const struct cfg_vdev *c)
{
	switch (kind) {
	case VDISK_PART:
		text_add(t, "disk ");
		text_add_u64(t, disks_number(d->dev));
		text_add(t, " (");
		text_add(t, d->dev->driver);
		text_add(t, *c->source ? "), partition " : ")");
		text_add(t, c->source);
		break;
	case VDISK_RAM:
		text_add(t, "memory of the host partition");
		break;
	case VDISK_COW:
		text_add(t, "overlay, in memory of the host partition");
		break;
	case VDISK_FILE:
		disk_where(t, d, d->volume, c);
		break;
	case VDISK_NULL:
		text_add(t, "nowhere");
		break;
	}
}

static uint64_t sector_at(const struct vdisk *d, enum vdisk_kind kind,
			  uint64_t sector)
{
	uint64_t count = 1;

	if (kind == VDISK_FILE) {
		sector = vfile_at(d->file, sector, &count);
		kind = d->volume;
	}
	if (kind == VDISK_PART)
		return d->first + sector;
	if (kind == VDISK_COW)
		return kit_gpa(overlay_data(d->over, sector));
	return kit_gpa(d->ram) + sector * BLK_SECTOR;
}

/* A guest's virtual disk of that name. */
static const struct vdisk *disk_named(const struct guest *g, const char *name,
				      const struct cfg_vdev **c)
{
	for (unsigned n = 0; n < g->cfg->nr_vdevs; n++) {
		*c = &g->cfg->vdev[n];
		if (!strcmp((*c)->name, name))
			return guest_disk(g, n);
	}
	return NULL;
}

static const char *map_disk(struct out *o, struct guest *g, const char *disk,
			    const char *arg)
{
	const struct cfg_vdev *c;
	char what[80], where[80];
	struct text t = text_of(where, sizeof(where));
	struct text w = text_of(what, sizeof(what));
	const struct vdisk *d = disk_named(g, disk, &c);
	enum vdisk_kind kind;
	uint64_t sector;

	if (!d)
		return commands_fail("it has no such disk", disk);
	if (!commands_number(arg, &sector) || sector >= d->sectors)
		return commands_fail("the disk has no such sector", arg);
	kind = holder(d, sector);
	disk_where(&t, d, kind, c);
	text_add(&w, disk);
	text_add(&w, " sector ");
	text_add(&w, arg);
	map_row(o, what,
		&(struct place){ .known = kind != VDISK_NULL,
				 .at = sector_at(d, kind, sector),
				 .where = where });
	return NULL;
}

const char *cmd_map(struct out *o, unsigned argc, char **argv)
{
	bool host = !strcmp(argv[1], "host");
	struct guest *g = NULL;
	const char *wrong = operate_running(argv[1], &g);
	uint64_t gpa;

	if (wrong && !(host && !g))
		return wrong;
	if (argc > 3)
		return g ? map_disk(o, g, argv[2], argv[3]) :
			   "the host partition has no virtual disk";
	if (!commands_number(argv[2], &gpa))
		return commands_fail("expected an address", argv[2]);
	return map_memory(o, g ? g->part : kit_info()->self, argv[2], gpa);
}
