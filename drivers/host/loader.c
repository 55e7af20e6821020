/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes a partition from an ELF file: memory, image, tables, start of day. */
#include <string.h>

#include "assign.h"
#include "guest.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "pvabi/calls.h"
#include "tables.h"
#include "tracer.h"

#define PAGE 4096ull
#define WRITE_MAX 65536ull
#define POPULATE_MAX 1048576ull

/* What is put together for one guest. */
struct load {
	struct guest *g;
	struct image im;
	uint64_t ram, top; /* usable RAM ends at top; then our pages */
	uint64_t table_pages;
	uint8_t *pages; /* a copy of what goes to top */
};

/* The page after the tables: boot information. */
struct boot_page {
	struct pv_start start;
	struct pv_mem mem[2];
	struct pv_device device[CFG_VDEVS + CFG_DEVICES];
	char cmdline[CFG_CMDLINE];
};

_Static_assert(sizeof(struct boot_page) <= PAGE, "fits in a page");

static const char *why_status(struct guest *g, const char *what, uint64_t err)
{
	kit_format(g->why, sizeof(g->why), "%s: %s", what,
		   kit_status_name(err));
	return g->why;
}

static const char *image_find(struct load *l)
{
	struct guest *g = l->g;
	size_t size;
	const void *file = host_file(g->cfg->image, &size);
	const char *why;

	if (!file) {
		kit_format(g->why, sizeof(g->why), "there is no file %s",
			   g->cfg->image);
		return g->why;
	}
	l->ram = g->cfg->memory;
	why = image_parse(&l->im, file, size, l->ram);
	if (!why) {
		l->table_pages = tables_pages(&l->im, l->ram);
		l->top = l->ram - (l->table_pages + 1) * PAGE;
		if (l->table_pages + 1 < l->ram / PAGE && l->im.end <= l->top)
			return NULL;
		why = "an ELF file that does not fit in the guest's memory";
	}
	kit_format(g->why, sizeof(g->why), "%s is %s; " IMAGE_ACCEPTED,
		   g->cfg->image, why);
	return g->why;
}

static const char *create(struct load *l)
{
	struct guest *g = l->g;
	const struct cfg_guest *c = g->cfg;
	uint64_t pages = l->ram / PAGE;
	struct pv_partition_params p __attribute__((aligned(8))) = {
		.profile = c->profile,
		.vcpus = c->vcpus,
		.priority = c->priority,
		.slice_us = c->slice_us,
		.flags = c->share_all ? PV_PARTITION_SHARE_ALL : 0,
		.port = HOST_PORT_GUEST(g->slot) + HOST_PORT_TOLD,
		.cpu_mask = c->cpu < 0 ? 0 : 1ull << c->cpu,
		.max_pages = pages + pages / 128 + 512 + 32ull * c->vcpus,
	};
	uint64_t err;

	strcpy(p.name, c->name);
	err = pv_partition_create(kit_info()->self, kit_gpa(&p), &g->part);
	if (err)
		return why_status(g, "partition_create", err);
	g->created = true;
	if (c->share_all)
		kit_printf("host: guest %s: shares all of its memory with the "
			   "host partition\n",
			   c->name);
	for (uint64_t at = 0; at < pages; at += POPULATE_MAX) {
		uint64_t n = pages - at;

		err = pv_partition_populate(g->part, at * PAGE,
					    n < POPULATE_MAX ? n :
							       POPULATE_MAX);
		if (err)
			return why_status(g, "memory", err);
	}
	return NULL;
}

static uint64_t put(struct load *l, uint64_t to, const void *from, uint64_t n)
{
	uint64_t err = 0;

	for (uint64_t at = 0; at < n && !err; at += WRITE_MAX) {
		uint64_t part = n - at < WRITE_MAX ? n - at : WRITE_MAX;

		err = pv_partition_write(l->g->part, to + at,
					 kit_gpa(from) + at, part);
	}
	return err;
}

static const char *image_write(struct load *l)
{
	for (unsigned i = 0; i < l->im.nr_segs; i++) {
		const struct image_seg *s = &l->im.seg[i];
		uint64_t err =
			put(l, s->gpa, l->im.data + s->offset, s->file_bytes);

		if (err)
			return why_status(l->g, "writing the image", err);
	}
	return NULL;
}

static const char *devices_fill(struct load *l, struct boot_page *b)
{
	const struct cfg_guest *c = l->g->cfg;

	for (unsigned i = 0; i < c->nr_vdevs; i++) {
		struct pv_device *d = &b->device[i];

		d->type = PV_DEV_VIRTIO;
		d->irq = i + 1;
		d->base = PV_VIRTIO_BASE + i * PAGE;
		d->size = PAGE;
		d->handle = guest_bell(l->g, i);
		strcpy(d->name, c->vdev[i].name);
	}
	b->start.nr_devices = c->nr_vdevs + c->nr_devices;
	return assign_devices(l->g, &b->device[c->nr_vdevs]);
}

static void start_fill(struct load *l, struct boot_page *b, uint64_t at)
{
	const struct cfg_guest *c = l->g->cfg;
	struct pv_start *s = &b->start;

	s->magic = PV_START_MAGIC;
	s->version = PV_ABI_VERSION;
	s->size = sizeof(*s);
	s->profile = c->profile;
	s->vcpus = c->vcpus;
	s->nr_mem = 2;
	s->cmdline_len = (uint32_t)strlen(c->cmdline);
	s->mem = at + offsetof(struct boot_page, mem);
	s->devices = at + offsetof(struct boot_page, device);
	s->cmdline = at + offsetof(struct boot_page, cmdline);
	s->tsc_khz = kit_info()->tsc_khz;
	s->utc = kit_info()->utc;
	s->self = PV_SELF;
	s->image_start = l->im.start;
	s->image_end = l->im.end;
	strcpy(s->name, c->name);
	s->device_size = sizeof(struct pv_device);
	strcpy(b->cmdline, c->cmdline);
	b->mem[0] = (struct pv_mem){ .size = l->top, .type = PV_MEM_RAM };
	b->mem[1] = (struct pv_mem){ .start = l->top,
				     .size = l->ram - l->top,
				     .type = PV_MEM_RESERVED };
}

static const char *boot_write(struct load *l)
{
	struct guest *g = l->g;
	uint64_t at = l->top + l->table_pages * PAGE;
	struct boot_page *b = (void *)(l->pages + l->table_pages * PAGE);
	uint64_t rights = PV_RIGHT_SHARE | (g->cfg->stats ? PV_RIGHT_STATS : 0);
	const char *why;
	uint64_t err;

	tables_build(&l->im, l->ram, (uint64_t *)l->pages, l->top);
	start_fill(l, b, at);
	why = devices_fill(l, b);
	if (why)
		return why;
	err = pv_handle_derive(g->part, kit_info()->self, rights,
			       &b->start.host);
	if (err)
		return why_status(g, "handle_derive", err);
	err = put(l, l->top, l->pages, l->ram - l->top);
	return err ? why_status(g, "writing the boot information", err) : NULL;
}

static const char *start(struct load *l)
{
	struct pv_vcpu_start st __attribute__((aligned(8))) = {
		.rip = l->im.entry,
		.rdi = l->top + l->table_pages * PAGE,
		.cr3 = l->top,
	};
	uint64_t err = pv_partition_start(l->g->part, kit_gpa(&st));

	return err ? why_status(l->g, "partition_start", err) : NULL;
}

static const char *load(struct load *l)
{
	size_t n = (size_t)(l->table_pages + 1);
	const char *why;

	l->pages = kit_pages_alloc(n);
	if (!l->pages)
		return "the host partition has no memory to load it";
	why = create(l);
	if (!why)
		why = image_write(l);
	if (!why)
		why = guest_serve(l->g);
	if (!why)
		why = boot_write(l);
	if (!why)
		why = tracer_begin(l->g);
	if (!why)
		why = start(l);
	kit_pages_free(l->pages, n);
	return why;
}

const char *guest_load(struct guest *g)
{
	struct load l = { .g = g };
	const char *why = image_find(&l);

	return why ? why : load(&l);
}
