/* SPDX-License-Identifier: BSD-2-Clause */
/* The host partition, made of what hv/boot has put into its memory. */
#include "main/host.h"
#include "core/frame.h"
#include "core/gmem.h"
#include "core/partition.h"
#include "pvabi/calls.h"

#define HOST_PRIORITY 7
#define HOST_EXTRA_PAGES 4096 /* quota above its memory: tables, shared pages */

static bool map_modules(struct partition *p, const struct boot_info *bi)
{
	for (u32 i = 0; i < bi->nr_modules; i++) {
		const struct boot_module *m = &bi->modules[i];
		u64 size = (m->size + PAGE_MASK) & ~PAGE_MASK;

		if (size &&
		    gmem_map_hv(p, gpa(m->gpa), hpa(m->start), size, NP_READ))
			return false;
	}
	return true;
}

/* Small ranges of two devices may share a page: it is mapped already then. */
static bool map_devices(struct partition *p, const struct boot_host *h)
{
	for (u32 i = 0; i < h->nr_grants; i++) {
		const struct boot_grant *g = &h->grants[i];
		int err = PV_OK;

		if (g->io)
			virt_io_allow(&p->space, (u16)g->start, (u16)g->size,
				      true);
		else
			err = gmem_map_hv(p, gpa(g->start), hpa(g->start),
					  g->size,
					  NP_READ | NP_WRITE | NP_DEVICE);
		if (err && err != PV_EEXIST)
			return false;
	}
	return true;
}

static const char *host_map(struct partition *p, const struct boot_info *bi)
{
	const struct boot_host *h = &bi->host;

	frame_adopt(hpa(h->base), h->size / PAGE_SIZE, (u16)p->id);
	p->pages += h->size / PAGE_SIZE;
	if (nested_map(&p->space, gpa(0), hpa(h->base), h->size,
		       NP_READ | NP_WRITE | NP_EXEC, 3) ||
	    !map_modules(p, bi) || !map_devices(p, h))
		return "no memory for the host partition's nested tables";
	return NULL;
}

const char *host_build(const struct boot_info *bi)
{
	const struct boot_host *h = &bi->host;
	struct pv_start *start = hpa_ptr(hpa(h->base + h->start));
	struct pv_partition_params params = {
		.name = "host",
		.profile = PV_PROFILE_PV,
		.vcpus = 1,
		.priority = HOST_PRIORITY,
		.cpu_mask = 1,
		.max_pages = h->size / PAGE_SIZE + HOST_EXTRA_PAGES,
	};
	struct pv_vcpu_start st = { .rip = h->entry,
				    .rdi = h->start,
				    .cr3 = h->cr3,
				    .gdt_base = h->gdt,
				    .gdt_limit = h->gdt_limit };
	const char *wrong;
	struct partition *p;

	if (partition_create(&params, NULL, &p))
		return "no memory for the host partition's structures";
	wrong = host_map(p, bi);
	if (wrong)
		return wrong;
	if (handle_grant(p, p, PV_RIGHT_ALL, &start->self))
		return "no handle for the host partition";
	if (partition_start(p, &st))
		return "the host partition's vCPU does not start";
	return NULL;
}
