/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that only show something. */
#include <string.h>

#include "commands.h"
#include "disks.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "operate.h"
#include "shell.h"
#include "text.h"
#include "tracer.h"
#include "vblk.h"
#include "vfile.h"
#include "vnet.h"

/* ---- texts ---- */

static void scroll_out(struct out *o, const struct scroll *s)
{
	struct scroll_text t = scroll_get(s);

	out_text(o, t.part[0], t.n[0]);
	out_text(o, t.part[1], t.n[1]);
}

const char *cmd_log(struct out *o, unsigned argc, char **argv)
{
	(void)argc;
	(void)argv;
	scroll_out(o, console_log_back());
	return NULL;
}

const char *cmd_console(struct out *o, unsigned argc, char **argv)
{
	struct guest *g;
	const char *wrong = operate_find(argv[1], &g);

	(void)argc;
	if (wrong)
		return wrong;
	if (!o->json && g->phase == GUEST_RUNS)
		shell_console(g);
	else
		scroll_out(o, &g->back);
	return NULL;
}

/* ---- trace ---- */

static bool trace_kinds(const char *s, unsigned *what)
{
	static const char *const words[] = { "calls", "exits", "switches" };
	size_t n;

	for (*what = 0;; s += n + 1) {
		unsigned i = 0;

		n = strcspn(s, ",");
		while (i < 3 &&
		       (strlen(words[i]) != n || strncmp(words[i], s, n)))
			i++;
		if (i == 3)
			return false;
		*what |= 1u << i;
		if (!s[n])
			return true;
	}
}

const char *cmd_trace(struct out *o, unsigned argc, char **argv)
{
	struct guest *g;
	const char *wrong = operate_running(argv[1], &g);
	unsigned what = PV_TRACE_CALLS;
	bool on = !strcmp(argv[2], "on");

	(void)o;
	if (wrong)
		return wrong;
	if (!on && strcmp(argv[2], "off"))
		return commands_fail("expected on or off", argv[2]);
	if (argc > 3 && !trace_kinds(argv[3], &what))
		return commands_fail("expected some of calls,exits,switches",
				     argv[3]);
	if (on)
		return tracer_set(g, what);
	tracer_end(g);
	return NULL;
}

/* ---- stats ---- */

/* The disk behind a guest's n-th device, or NULL. */
static const struct vdisk *disk_of(const struct guest *g, unsigned n)
{
	if (g->cfg->vdev[n].type != VDEV_DISK || !g->vdev[n])
		return NULL;
	return &((const struct vblk *)g->vdev[n])->disk;
}

struct sample {
	uint64_t tsc, run, exits, calls, requests, bytes;
};

/* The last one of each, for the rates: of people and of programs. */
static struct sample before[2][CFG_GUESTS + 1];

static void vcpus_add(struct sample *s, uint64_t part, unsigned vcpus)
{
	static struct pv_vcpu_stats v __attribute__((aligned(64)));

	for (unsigned n = 0; n < vcpus; n++) {
		if (pv_partition_stats(part, n, kit_gpa(&v)))
			return;
		for (unsigned i = 0; i < PV_EXIT_KINDS; i++)
			s->exits += v.exits[i];
		s->calls += v.calls;
		s->run += v.run_tsc;
	}
}

static void stats_row(struct out *o, const char *name, const struct sample *now,
		      struct sample *last)
{
	struct sample was = *last;
	uint64_t ms;

	if (now->run < was.run) /* it has been started anew */
		was = (struct sample){ .tsc = was.tsc };
	ms = (now->tsc - was.tsc) / (kit_tsc_khz() + !kit_tsc_khz());
	ms += !ms;
	out_row(o);
	out_cell(o, name);
	out_tenths(o, (now->run - was.run) / kit_tsc_khz() * 1000 / ms);
	out_number(o, now->exits);
	out_number(o, (now->exits - was.exits) * 1000 / ms);
	out_number(o, now->calls);
	out_number(o, (now->calls - was.calls) * 1000 / ms);
	out_number(o, now->requests);
	out_number(o, (now->requests - was.requests) * 1000 / ms);
	out_number(o, now->bytes >> 10);
	*last = *now;
}

/* A disk's requests, or a network card's frames. */
static void io_add(struct sample *s, const struct guest *g, unsigned n)
{
	const struct vdisk *d = disk_of(g, n);
	const struct netswitch_port *p;

	if (d) {
		s->requests += d->nr_requests;
		s->bytes += d->nr_bytes;
	} else if (g->vdev[n] && g->cfg->vdev[n].type == VDEV_NET) {
		p = &((const struct vnet *)g->vdev[n])->port;
		s->requests += p->count.in_frames + p->count.out_frames;
		s->bytes += p->count.in_bytes + p->count.out_bytes;
	}
}

static void guest_stats(struct out *o, struct guest *g)
{
	struct sample s = { .tsc = kit_tsc() };

	vcpus_add(&s, g->part, g->cfg->vcpus);
	for (unsigned i = 0; i < g->cfg->nr_vdevs; i++)
		io_add(&s, g, i);
	stats_row(o, g->cfg->name, &s, &before[o->json][g->slot]);
}

const char *cmd_stats(struct out *o, unsigned argc, char **argv)
{
	static const struct out_column columns[] = {
		{ "name", 23 },	  { "cpu", 5 },	   { "exits", 10 },
		{ "exits_s", 8 }, { "calls", 10 }, { "calls_s", 8 },
		{ "io", 8 },	  { "io_s", 7 },   { "io_kib", 0 },
	};
	struct sample host = { .tsc = kit_tsc() };
	struct guest *g;
	uint64_t seconds = 0;

	if (argc > 1 &&
	    (!commands_number(argv[1], &seconds) || !seconds || seconds > 3600))
		return commands_fail("expected seconds, 1 to 3600", argv[1]);
	if (seconds && o->json)
		return "the table is live on the console only";
	out_table(o, columns, sizeof(columns) / sizeof(columns[0]));
	vcpus_add(&host, kit_info()->self, kit_info()->vcpus);
	stats_row(o, "(host)", &host, &before[o->json][CFG_GUESTS]);
	for (unsigned i = 0; (g = guests_nth(i)); i++)
		if (g->phase == GUEST_RUNS)
			guest_stats(o, g);
	if (seconds)
		shell_repeat_stats(seconds);
	return NULL;
}

/* ---- map ---- */

static void map_row(struct out *o, const char *what, bool known, uint64_t to,
		    const char *where)
{
	static const struct out_column columns[] = { { "what", 24 },
						     { "is_at", 18 },
						     { "where", 0 } };

	out_table(o, columns, 3);
	out_row(o);
	out_cell(o, what);
	if (known)
		out_hex(o, to);
	else
		out_cell(o, NULL);
	out_cell(o, where);
}

static const char *map_host(struct out *o, const char *arg, uint64_t gpa)
{
	const struct pv_mem *m = kit_ptr(kit_info()->mem);

	for (uint32_t i = 0; i < kit_info()->nr_mem; i++) {
		if (gpa < m[i].start || gpa - m[i].start >= m[i].size)
			continue;
		map_row(o, arg, m[i].dev_addr,
			m[i].dev_addr + (gpa - m[i].start),
			m[i].dev_addr ? "for devices" :
					"a file of the boot medium");
		return NULL;
	}
	return commands_fail("the host partition has no memory there", arg);
}

static const char *map_guest(struct out *o, struct guest *g, const char *arg,
			     uint64_t gpa)
{
	uint64_t at = g->mem.window + (gpa & ~4095ull), to = 0;
	enum gmem_page page = gmem_page_of(&g->mem, gpa);

	if (gpa >= g->cfg->memory)
		return commands_fail("it has no memory there", arg);
	if (page == GMEM_PINNED &&
	    !pv_mem_device_addr(at, kit_info()->self, &to))
		map_row(o, arg, true, to + gpa % 4096,
			"for devices, while a transfer may reach it");
	else
		map_row(o, arg, false, 0,
			page == GMEM_ACCEPTED ?
				"shared with the host partition, not pinned" :
				"the guest's alone: the hypervisor knows");
	return NULL;
}

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

static const char *map_disk(struct out *o, struct guest *g, const char *disk,
			    const char *arg)
{
	const struct cfg_guest *c = g->cfg;
	char what[80], where[80];
	struct text t = text_of(where, sizeof(where));
	struct text w = text_of(what, sizeof(what));
	const struct vdisk *d;
	enum vdisk_kind kind;
	uint64_t sector;
	unsigned n = 0;

	while (n < c->nr_vdevs && strcmp(c->vdev[n].name, disk))
		n++;
	d = n < c->nr_vdevs ? disk_of(g, n) : NULL;
	if (!d)
		return commands_fail("it has no such disk", disk);
	if (!commands_number(arg, &sector) || sector >= d->sectors)
		return commands_fail("the disk has no such sector", arg);
	kind = holder(d, sector);
	disk_where(&t, d, kind, &c->vdev[n]);
	text_add(&w, disk);
	text_add(&w, " sector ");
	text_add(&w, arg);
	map_row(o, what, kind != VDISK_NULL, sector_at(d, kind, sector), where);
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
	return g ? map_guest(o, g, argv[2], gpa) : map_host(o, argv[2], gpa);
}
