/* SPDX-License-Identifier: BSD-2-Clause */
/* What every run begins with: the host partition, three guests and a partition
 * that is not started, made by the calls that the host partition's program would
 * make. */
#include <stdio.h>
#include <string.h>

#include "core/gmem.h"
#include "lib/pci.h"
#include "main/host.h"
#include "pvabi/calls.h"
#include "tests/fuzz/sim.h"

#define HOST_START 0x1000
#define HOST_DEVICES 0x2000
#define HOST_DEVICES_END 0x3000
#define HOST_FLOOR 0x10000 /* zero above, at first */
#define GUESTS 3
#define LENT 0x14000ull /* three pages of each guest */

u64 guest_restarts;
static u8 kept[HOST_FLOOR]; /* of the host partition's memory */

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

/* ---- the host partition's end, and its new start ---- */

static struct boot_host h = { .base = SIM_RAM + SIM_HOST,
			      .size = SIM_HOST_SIZE,
			      .kept = (u64)kept,
			      .floor = HOST_FLOOR,
			      .top = SIM_HOST_SIZE };

/* Its memory but for what the boot information says anew. */
static void check_memory(void)
{
	const u64 *m = (const u64 *)(h.base + HOST_FLOOR);

	if (memcmp((void *)h.base, kept, HOST_START) ||
	    memcmp((void *)(h.base + HOST_DEVICES_END), kept + HOST_DEVICES_END,
		   HOST_FLOOR - HOST_DEVICES_END))
		sim_finding("the host partition starts with another image");
	for (u64 i = 0; i < (SIM_HOST_SIZE - HOST_FLOOR) / sizeof(*m); i++)
		if (m[i])
			sim_finding("the host partition starts with memory of "
				    "its old life");
}

/* Called when all but its vCPU has what it had at first. */
void __real_vcpu_renew(struct vcpu *v, const struct pv_vcpu_start *s);
void __wrap_vcpu_renew(struct vcpu *v, const struct pv_vcpu_start *s);
void __wrap_vcpu_renew(struct vcpu *v, const struct pv_vcpu_start *s)
{
	if (guest_trace)
		fprintf(stderr, "the host partition starts anew\n");
	guest_restarts++;
	check_memory();
	check_renewed();
	__real_vcpu_renew(v, s);
}

/* The host partition has a page of p, one more for its devices, and its I/O page.
 * p knows it by to. */
static void lend(struct partition *p, struct partition *host, u64 of, u64 to)
{
	u64 at = WORLD_LENT + p->id * 8 * PAGE_SIZE;

	call(p, PV_CALL_mem_share, to, LENT, 3, 1);
	cpu_this()->current = host->vcpus[0];
	if (gmem_accept(p, gpa(LENT), 1, gpa(at), 0) ||
	    gmem_accept(p, gpa(LENT + PAGE_SIZE), 1, gpa(at + PAGE_SIZE),
			PV_ACCEPT_DMA))
		sim_finding("setup: nothing is lent");
	cpu_this()->current = NULL;
	call(host, PV_CALL_io_map, of, at + 4 * PAGE_SIZE, 0, 0);
}

void world_make(void)
{
	struct partition *host;
	u64 self, guest[GUESTS];
	const char *wrong;

	h.vcpu = start;
	h.vcpu.rdi = HOST_START;
	devices_list(&h);
	memcpy(kept, (void *)h.base, HOST_FLOOR);
	wrong = host_build(&h);
	if (wrong)
		sim_finding("setup: %s", wrong);
	host = partition_get(0);
	self = ((struct pv_start *)(SIM_RAM + SIM_HOST + HOST_START))->self;
	put(host, WORLD_START, &start, sizeof(start));
	for (u32 i = 0; i < GUESTS; i++)
		guest[i] = guest_make(host, self, i);
	for (u32 i = 0; i < GUESTS; i++) {
		/* each may share with the host, and serve the others */
		lend(partition_get(i + 1), host, guest[i],
		     call(host, PV_CALL_handle_derive, guest[i], self,
			  PV_RIGHT_SHARE | PV_RIGHT_GRANT, 0));
		for (u32 k = 0; k < GUESTS; k++)
			if (k != i)
				call(host, PV_CALL_handle_derive, guest[i],
				     guest[k],
				     PV_RIGHT_SHARE | PV_RIGHT_SERVE |
					     PV_RIGHT_GRANT,
				     0);
		call(host, PV_CALL_io_serve, guest[i], PV_SPACE_PORT,
		     WORLD_PORT, 64);
		call(host, PV_CALL_partition_start, guest[i], WORLD_START, 0,
		     0);
	}
	guest_make(host, self, GUESTS); /* devices can be moved there */
	for (u32 i = 0; i < GUESTS; i++)
		call(partition_get(i + 1), PV_CALL_vcpu_start, 1, WORLD_START,
		     0, 0);
}
