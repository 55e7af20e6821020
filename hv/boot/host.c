/* SPDX-License-Identifier: BSD-2-Clause */
/* The host partition's memory: image, page tables, boot information. */
#include "boot/boot.h"
#include "boot/host.h"
#include "boot/options.h"
#include "boot/start.h"
#include "boot/utc.h"
#include "lib/iommu.h"
#include "lib/log.h"
#include "lib/machine.h"
#include "lib/string.h"
#include "pvabi/abi.h"

#define START_DEVICES 64
#define DEVICE_PAGES 4 /* of struct pv_device[START_DEVICES] */

_Static_assert(sizeof(struct pv_device) * START_DEVICES <=
		       DEVICE_PAGES * PAGE_SIZE,
	       "the devices fit");
_Static_assert(sizeof(struct pv_module) * BOOT_MAX_MODULES <= PAGE_SIZE,
	       "the modules fit");
_Static_assert(sizeof(struct pv_mem) * (BOOT_MAX_MODULES + 2) <= PAGE_SIZE,
	       "the memory map fits");

/* The GDT of start of day: 0x08 64-bit code, 0x10 data (SDM 3A 3.4.5). */
static const u64 start_gdt[] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff };

static struct start_mem mem;

static const struct boot_module *find(const char *name)
{
	for (u32 i = 0; i < boot_nr_modules; i++)
		if (!strcmp(boot_modules[i].name, name))
			return &boot_modules[i];
	boot_fail("\\parley\\%s is missing", name);
}

static u64 pages(u64 n)
{
	u64 at = start_pages(&mem, n);

	if (!at)
		boot_fail("[host] memory is too small for host.elf");
	return at;
}

struct options boot_options;

static void read_options(struct boot_info *bi)
{
	const struct boot_module *m = find("parley.cfg");
	char err[120];

	if (!options_parse((const char *)m->start, m->size, &boot_options, err,
			   sizeof(err)))
		boot_fail("%s", err);
	bi->probe = boot_options.probe;
	memcpy(bi->floor, boot_options.floor, sizeof(bi->floor));
}

static void load_image(struct elf_image *image)
{
	const struct boot_module *m = find("host.elf");
	const char *wrong =
		elf_parse((void *)m->start, m->size, mem.size, image);

	if (wrong)
		boot_fail("\\parley\\host.elf: %s", wrong);
	for (u32 i = 0; i < image->nr; i++)
		memcpy(mem.base + image->seg[i].addr,
		       (u8 *)m->start + image->seg[i].offset,
		       image->seg[i].filesz);
	mem.floor = image->end;
}

/* Each module, read-only, one behind the other. */
static void list_modules(struct boot_host *h, struct pv_start *s)
{
	struct pv_module *out = (void *)(mem.base + s->modules);
	struct pv_mem *map = (void *)(mem.base + s->mem);
	u64 at = PV_MODULE_BASE;

	for (u32 i = 0; i < boot_nr_modules; i++) {
		const struct boot_module *m = &boot_modules[i];
		u64 size = (m->size + PAGE_MASK) & ~PAGE_MASK;

		memcpy(out[i].name, m->name, sizeof(out[i].name));
		out[i].start = at;
		out[i].size = m->size;
		if (!size)
			continue;
		map[s->nr_mem++] = (struct pv_mem){ .start = at,
						    .size = size,
						    .type = PV_MEM_MODULE };
		h->grants[h->nr_grants++] =
			(struct boot_grant){ .kind = BOOT_GRANT_MODULE,
					     .start = at,
					     .hpa = m->start,
					     .size = size };
		at += size;
	}
	s->nr_modules = boot_nr_modules;
}

/* RAM and what of it is taken, once all of that is known. */
static void list_memory(const struct boot_host *h, struct pv_start *s)
{
	struct pv_mem *map = (struct pv_mem *)(mem.base + s->mem) + s->nr_mem;

	map[0] = (struct pv_mem){ .size = mem.top,
				  .type = PV_MEM_RAM,
				  .dev_addr = h->base };
	map[1] = (struct pv_mem){ .start = mem.top,
				  .size = mem.size - mem.top,
				  .type = PV_MEM_RESERVED,
				  .dev_addr = h->base + mem.top };
	s->nr_mem += 2;
}

void host_load(struct boot_info *bi)
{
	struct boot_host *h = &bi->host;
	struct elf_image image;
	struct pv_start *s;

	read_options(bi);
	h->size = boot_options.host_memory;
	h->base = (u64)boot_pages(h->size / PAGE_SIZE, LARGE_SIZE);
	mem = (struct start_mem){ (u8 *)h->base, h->size, h->size, 0 };
	load_image(&image);
	h->vcpu.rip = image.entry;
	h->vcpu.rdi = pages(1);
	s = (struct pv_start *)(mem.base + h->vcpu.rdi);
	*s = (struct pv_start){
		.magic = PV_START_MAGIC,
		.version = PV_ABI_VERSION,
		.size = sizeof(*s),
		.vcpus = 1,
		.mem = pages(1),
		.modules = pages(1),
		.devices = pages(DEVICE_PAGES),
		.cmdline = h->vcpu.rdi + sizeof(*s), /* empty */
		.image_start = image.start,
		.image_end = image.end,
		.name = "host",
		.device_size = sizeof(struct pv_device),
	};
	list_modules(h, s);
	h->vcpu.gdt_base = pages(1);
	h->vcpu.gdt_limit = sizeof(start_gdt) - 1;
	memcpy(mem.base + h->vcpu.gdt_base, start_gdt, sizeof(start_gdt));
	h->vcpu.cr3 = start_tables(&mem, &image);
	if (!h->vcpu.cr3)
		boot_fail("[host] memory is too small for host.elf");
	list_memory(h, s);
	h->floor = (image.end + PAGE_MASK) & ~PAGE_MASK;
	h->top = mem.top;
	h->kept = (u64)boot_pages((h->floor + h->size - h->top) / PAGE_SIZE,
				  PAGE_SIZE);
}

/* Its image as it is before its first instruction, to be started anew from. */
static void keep(const struct boot_host *h)
{
	u8 *to = (u8 *)h->kept;

	memcpy(to, mem.base, h->floor);
	memcpy(to + h->floor, mem.base + h->top, h->size - h->top);
	log("parley: %lu KiB kept to start the host partition anew\n",
	    (h->floor + h->size - h->top) >> 10);
}

void host_finish(struct boot_info *bi)
{
	struct pv_start *s = (struct pv_start *)(mem.base + bi->host.vcpu.rdi);
	struct pv_mem *map = (struct pv_mem *)(mem.base + s->mem);

	s->tsc_khz = tsc_khz;
	s->utc = utc_at_tsc_0();
	for (u32 i = 0; iommu.kind && i < s->nr_mem; i++)
		map[i].dev_addr = map[i].start;
	s->nr_devices = host_devices(bi, (void *)(mem.base + s->devices),
				     START_DEVICES);
	keep(&bi->host);
}
