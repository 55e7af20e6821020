/* SPDX-License-Identifier: BSD-2-Clause */
/* The host partition: memory, image, boot information, first vCPU. */
#include "main/host.h"
#include "arch/tsc.h"
#include "core/frame.h"
#include "core/gmem.h"
#include "core/partition.h"
#include "core/sched.h"
#include "lib/log.h"
#include "lib/string.h"
#include "main/options.h"
#include "main/start.h"
#include "pvabi/calls.h"

#define HOST_PRIORITY 7
#define HOST_EXTRA_PAGES 4096 /* quota above its memory: tables, shared pages */
#define START_DEVICES 64
#define DEVICE_PAGES 4 /* of struct pv_device[START_DEVICES] */

_Static_assert(sizeof(struct pv_device) * START_DEVICES <=
		       DEVICE_PAGES * PAGE_SIZE,
	       "the devices fit");
_Static_assert(sizeof(struct pv_module) * BOOT_MAX_MODULES <= PAGE_SIZE,
	       "the modules fit");
_Static_assert(sizeof(struct pv_mem) * (BOOT_MAX_MODULES + 2) <= PAGE_SIZE,
	       "the memory map fits");

/* What is being built. */
struct host {
	const struct boot_info *bi;
	struct partition *part;
	u64 base; /* hpa of gpa 0 */
	struct start_mem mem;
	struct elf_image image;
	struct pv_start *start;
	struct pv_mem *map;
	u64 start_gpa;
};

const struct boot_module *module_find(const struct boot_info *bi,
				      const char *name)
{
	for (u32 i = 0; i < bi->nr_modules; i++)
		if (!strcmp(bi->modules[i].name, name))
			return &bi->modules[i];
	return NULL;
}

/* Partition 0 with one contiguous run of memory from gpa 0 on. */
static const char *host_memory(struct host *h)
{
	u64 n = options.host_memory / PAGE_SIZE;
	struct pv_partition_params params = {
		.name = "host",
		.profile = PV_PROFILE_PV,
		.vcpus = 1,
		.priority = HOST_PRIORITY,
		.cpu_mask = 1,
		.max_pages = n + HOST_EXTRA_PAGES,
	};
	hpa_t at;

	if (partition_create(&params, -1, &h->part))
		return "no memory for the host partition's structures";
	if (!frame_alloc_run((u16)h->part->id, n, &at))
		return "no contiguous memory for the host partition "
		       "(see [host] memory)";
	h->part->pages += n;
	h->base = at.v;
	h->mem = (struct start_mem){ hpa_ptr(at), n * PAGE_SIZE, n * PAGE_SIZE,
				     0 };
	if (nested_map(&h->part->space, gpa(0), at, n * PAGE_SIZE,
		       NP_READ | NP_WRITE | NP_EXEC, 3))
		return "no memory for the host partition's nested tables";
	return NULL;
}

static const char *host_image(struct host *h)
{
	const struct boot_module *m = module_find(h->bi, "host.elf");
	const char *wrong;
	const u8 *file;

	if (!m)
		return "\\parley\\host.elf is missing";
	file = hpa_ptr(hpa(m->start));
	wrong = elf_parse(file, m->size, h->mem.size, &h->image);
	if (wrong) {
		log("parley: host.elf: %s\n", wrong);
		return "host.elf is no image for a host partition";
	}
	for (u32 i = 0; i < h->image.nr; i++) {
		const struct elf_segment *s = &h->image.seg[i];

		memcpy(h->mem.base + s->addr, file + s->offset, s->filesz);
	}
	h->mem.floor = h->image.end;
	return NULL;
}

/* Each module, read-only, one behind the other. */
static const char *host_modules(struct host *h, struct pv_module *out)
{
	u64 at = PV_MODULE_BASE;

	for (u32 i = 0; i < h->bi->nr_modules; i++) {
		const struct boot_module *m = &h->bi->modules[i];
		u64 size = (m->size + PAGE_MASK) & ~PAGE_MASK;

		memcpy(out[i].name, m->name, sizeof(out[i].name));
		out[i].start = at;
		out[i].size = m->size;
		if (!size)
			continue;
		if (gmem_map_hv(h->part, gpa(at), hpa(m->start), size, NP_READ))
			return "no memory to map the modules";
		h->map[h->start->nr_mem++] = (struct pv_mem){
			.start = at, .size = size, .type = PV_MEM_MODULE
		};
		at += size;
	}
	h->start->nr_modules = h->bi->nr_modules;
	return NULL;
}

static const char *host_self(struct host *h)
{
	if (handle_grant(h->part, h->part, PV_RIGHT_ALL, &h->start->self))
		return "no handle for the host partition";
	return NULL;
}

/* RAM and what of it is taken, once all of that is known. */
static void host_map(struct host *h)
{
	u32 n = h->start->nr_mem;

	h->map[n] = (struct pv_mem){ .size = h->mem.top,
				     .type = PV_MEM_RAM,
				     .dev_addr = h->base };
	h->map[n + 1] = (struct pv_mem){ .start = h->mem.top,
					 .size = h->mem.size - h->mem.top,
					 .type = PV_MEM_RESERVED,
					 .dev_addr = h->base + h->mem.top };
	h->start->nr_mem = n + 2;
}

static void *host_ptr(struct host *h, u64 at)
{
	return h->mem.base + at;
}

static const char *host_start_info(struct host *h)
{
	u64 page = start_pages(&h->mem, 1), mods = start_pages(&h->mem, 1);
	u64 map = start_pages(&h->mem, 1);
	u64 devs = start_pages(&h->mem, DEVICE_PAGES);
	struct pv_start *s = host_ptr(h, page);
	const char *wrong;

	if (!page || !mods || !map || !devs)
		return "the host partition's memory is too small";
	*s = (struct pv_start){
		.magic = PV_START_MAGIC,
		.version = PV_ABI_VERSION,
		.size = sizeof(*s),
		.vcpus = 1,
		.mem = map,
		.modules = mods,
		.devices = devs,
		.cmdline = page + sizeof(*s), /* empty */
		.tsc_khz = tsc_khz,
		.image_start = h->image.start,
		.image_end = h->image.end,
		.name = "host",
	};
	h->start = s;
	h->start_gpa = page;
	h->map = host_ptr(h, map);
	wrong = host_modules(h, host_ptr(h, mods));
	if (wrong)
		return wrong;
	s->nr_devices = host_devices(h->part, host_ptr(h, devs), START_DEVICES);
	return host_self(h);
}

/* The GDT of start of day: 0x08 64-bit code, 0x10 data (SDM 3A 3.4.5). */
static const u64 start_gdt[] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff };

static const char *host_vcpu(struct host *h)
{
	u64 gdt = start_pages(&h->mem, 1);
	struct pv_vcpu_start st = {
		.rip = h->image.entry,
		.rdi = h->start_gpa,
		.cr3 = start_tables(&h->mem, &h->image),
		.gdt_base = gdt,
		.gdt_limit = sizeof(start_gdt) - 1,
	};

	if (!gdt || !st.cr3)
		return "the host partition's memory is too small";
	memcpy(host_ptr(h, gdt), start_gdt, sizeof(start_gdt));
	host_map(h);
	h->part->state = PV_STATE_RUNNING;
	if (vcpu_start(h->part->vcpus[0], &st))
		return "the host partition's vCPU does not start";
	return NULL;
}

const char *host_build(const struct boot_info *bi)
{
	static const char *(*const steps[])(struct host * h) = {
		host_memory,
		host_image,
		host_start_info,
		host_vcpu,
	};
	struct host h = { .bi = bi };
	const char *wrong = NULL;

	for (u32 i = 0; i < array_size(steps) && !wrong; i++)
		wrong = steps[i](&h);
	return wrong;
}
