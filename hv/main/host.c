/* SPDX-License-Identifier: BSD-2-Clause */
/* The host partition, made of what hv/boot has put into its memory. */
#include "main/host.h"
#include "core/device.h"
#include "core/gmem.h"

#define HOST_PRIORITY 7

/* Quota above its memory: its structures, and tables for its windows on all of
 * the guests' memory, of which one maps 512 pages. */
static u64 extra_pages(void) { return 256 + frame_all_count() / 64; }

/* Small ranges of two devices may share a page: it is mapped already then. */
static bool map_grant(struct partition *p, const struct boot_grant *g)
{
	u32 flags = NP_READ;
	int err;

	if (g->kind == BOOT_GRANT_PORTS) {
		virt_io_allow(&p->space, (u16)g->start, (u16)g->size, true);
		return true;
	}
	if (g->kind == BOOT_GRANT_DEVICE)
		flags |= NP_WRITE | NP_DEVICE;
	err = gmem_map(p, gpa(g->start), hpa(g->hpa), g->size, flags);
	return !err || err == PV_EEXIST;
}

static bool map_all(struct partition *p, const struct boot_host *h)
{
	p->pages += h->size / PAGE_SIZE;
	if (nested_map(&p->space, gpa(0), hpa(h->base), h->size,
		       NP_READ | NP_WRITE | NP_EXEC, 3))
		return false;
	for (u32 i = 0; i < h->nr_grants; i++)
		if (!map_grant(p, &h->grants[i]))
			return false;
	return true;
}

int host_own(struct partition *p, const struct boot_host *h)
{
	struct pv_start *s = hpa_ptr(hpa(h->base + h->vcpu.rdi));
	struct pv_device *d = hpa_ptr(hpa(h->base + s->devices));
	int err = handle_grant(p, p, PV_RIGHT_ALL, &s->self);

	for (u32 i = 0; !err && i < s->nr_devices; i++)
		if (d[i].type == PV_DEV_PCI)
			err = device_adopt(p, d[i].bdf, &d[i].handle);
	return err;
}

const char *host_build(const struct boot_host *h)
{
	struct pv_partition_params params = {
		.name = "host",
		.profile = PV_PROFILE_PV,
		.vcpus = 1,
		.priority = HOST_PRIORITY,
		.cpu_mask = 1,
		.max_pages = h->size / PAGE_SIZE + extra_pages(),
	};
	struct partition *p;

	if (partition_create(&params, NULL, &p))
		return "no memory for its structures";
	if (!map_all(p, h))
		return "no memory for its nested tables";
	device_init(h);
	if (host_own(p, h))
		return "no handle for it";
	again_init(h);
	if (partition_start(p, &h->vcpu))
		return "its vCPU does not start";
	return NULL;
}
