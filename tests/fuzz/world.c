/* SPDX-License-Identifier: BSD-2-Clause */
/* What every run begins with: the host partition, three guests and a partition
 * that is not started, made by the calls that the host partition's program would
 * make. */
#include <string.h>

#include "core/gmem.h"
#include "lib/pci.h"
#include "main/host.h"
#include "pvabi/calls.h"
#include "tests/fuzz/sim.h"

#define HOST_START 0x1000
#define HOST_DEVICES 0x2000
#define GUESTS 3

static const struct pv_vcpu_start start = { .rip = 0x8000,
					    .cr3 = 0x9000,
					    .gdt_limit = 0xffff };

/* A call of vCPU 0 of p that must succeed. */
static u64 call(struct partition *p, u64 nr, u64 a0, u64 a1, u64 a2, u64 a3)
{
	struct hret r;

	cpu_this()->current = p->vcpus[0];
	r = virt_hcall_table[nr](a0, a1, a2, a3, 0, 0);
	cpu_this()->current = NULL;
	vcpu_unpend(p->vcpus[0], ~0u);
	if (r.status)
		sim_finding("setup: call %lu gives %lu", (unsigned long)nr,
			    (unsigned long)r.status);
	return r.value;
}

static void put(struct partition *p, u64 at, const void *from, u64 n)
{
	if (gmem_write(p, gpa(at), from, n))
		sim_finding("setup: no memory at %lx", (unsigned long)at);
}

static u64 guest_make(struct partition *host, u64 self, u32 n)
{
	struct pv_partition_params params = {
		.name = "guest",
		.profile = n % GUESTS,
		.vcpus = 2,
		.priority = n,
		.max_pages = 560,
		.port = 8 + 2 * n,
		.cpu_mask = n ? 3 : 2,
	};
	u64 h;

	put(host, WORLD_PARAMS, &params, sizeof(params));
	h = call(host, PV_CALL_partition_create, self, WORLD_PARAMS, 0, 0);
	call(host, PV_CALL_partition_populate, h, 0, 32, 0);
	call(host, PV_CALL_partition_write, h, WORLD_START, WORLD_START,
	     sizeof(start));
	call(host, PV_CALL_partition_write, h, WORLD_PARAMS, WORLD_PARAMS,
	     sizeof(params));
	return h;
}

/* The boot information's list of PCI functions. */
static void devices_list(struct boot_host *h)
{
	struct pv_start *s = (void *)(h->base + HOST_START);
	struct pv_device *d = (void *)(h->base + HOST_DEVICES);

	memcpy(h->grants, device_grants, sizeof(device_grants));
	h->nr_grants = DEVICE_GRANTS;
	s->devices = HOST_DEVICES;
	s->nr_devices = pci_count;
	for (u32 i = 0; i < pci_count; i++) {
		d[i].type = PV_DEV_PCI;
		d[i].bdf = pci_funcs[i].bdf;
	}
}

/* The model ends with the host partition. */
static void end(struct vcpu *v) { sim_end(); }

void world_make(void)
{
	static struct boot_host h = { .base = SIM_RAM + SIM_HOST,
				      .size = SIM_HOST_SIZE };
	struct partition *host;
	u64 self, guest[GUESTS];
	const char *wrong;

	h.vcpu = start;
	h.vcpu.rdi = HOST_START;
	devices_list(&h);
	wrong = host_build(&h);
	host_died = end;
	if (wrong)
		sim_finding("setup: %s", wrong);
	host = partition_get(0);
	self = ((struct pv_start *)(SIM_RAM + SIM_HOST + HOST_START))->self;
	put(host, WORLD_START, &start, sizeof(start));
	for (u32 i = 0; i < GUESTS; i++)
		guest[i] = guest_make(host, self, i);
	for (u32 i = 0; i < GUESTS; i++) {
		/* each may share with the host, and serve the others */
		call(host, PV_CALL_handle_derive, guest[i], self,
		     PV_RIGHT_SHARE | PV_RIGHT_GRANT, 0);
		for (u32 k = 0; k < GUESTS; k++)
			if (k != i)
				call(host, PV_CALL_handle_derive, guest[i],
				     guest[k],
				     PV_RIGHT_SHARE | PV_RIGHT_SERVE |
					     PV_RIGHT_GRANT,
				     0);
		call(host, PV_CALL_partition_start, guest[i], WORLD_START, 0,
		     0);
	}
	guest_make(host, self, GUESTS); /* devices can be moved there */
	for (u32 i = 0; i < GUESTS; i++)
		call(partition_get(i + 1), PV_CALL_vcpu_start, 1, WORLD_START,
		     0, 0);
}
