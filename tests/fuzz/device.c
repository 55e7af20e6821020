/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI functions without anything behind them, and who may reach each: the model
 * takes its owner from the calls alone. */
#include <string.h>

#include "core/device.h"
#include "pvabi/calls.h"
#include "tests/fuzz/sim.h"

#define FUNCS 4
#define CONFIG_REGS 64
#define NOBODY 0xffffu
#define MSIX 0x40

/* In place of hv/lib/pci.c. The last two share a page: they cannot move. */
u32 pci_count = FUNCS;
struct pci_func pci_funcs[PCI_MAX_FUNCS] = {
	{ .bdf = 0, .irq_pin = 1, .irq_line = 5, .msix = MSIX },
	{ .bdf = 1, .irq_pin = 1, .irq_line = 5, .msi = MSIX, .msi_size = 16 },
	{ .bdf = 2 },
	{ .bdf = 3, .irq_pin = 1, .irq_line = 9 },
};

/* clang-format off */
const struct boot_grant device_grants[DEVICE_GRANTS] = {
	{ BOOT_GRANT_DEVICE, 1, 0xe0000000, 0xe0000000, 0x3000 },
	{ BOOT_GRANT_PORTS,  1, 0xc000,     0,          32 },
	{ BOOT_GRANT_DEVICE, 2, 0xe0200000, 0xe0200000, LARGE_SIZE },
	{ BOOT_GRANT_PORTS,  2, 0xc020,     0,          8 },
	{ BOOT_GRANT_DEVICE, 3, 0xe0400000, 0xe0400000, 0x1000 },
	{ BOOT_GRANT_DEVICE, 4, 0xe0400000, 0xe0400000, 0x1000 },
};
/* clang-format on */

static u32 config[FUNCS][CONFIG_REGS];
static struct {
	u32 part, gen;
	bool moved;
} owner[FUNCS];

u32 pci_read32(u16 bdf, u16 reg) { return config[bdf][reg / 4]; }

void pci_write32(u16 bdf, u16 reg, u32 v) { config[bdf][reg / 4] = v; }

const struct pci_func *pci_find(u16 bdf)
{
	return bdf < FUNCS ? &pci_funcs[bdf] : NULL;
}

/* All are the host partition's, on the bus, with messages on. */
void device_reset(void)
{
	memset(owner, 0, sizeof(owner));
	for (u32 n = 0; n < FUNCS; n++) {
		owner[n].gen = partition_get(0)->gen;
		config[n][PCI_REG_COMMAND / 4] = 7;
		config[n][MSIX / 4] = PCI_MSI_ENABLE | PCI_MSIX_ENABLE;
	}
}

/* Called after each call, with what its handles named before. */
void device_moved(u32 n, const struct partition *to)
{
	owner[n].part = to->id;
	owner[n].gen = to->gen;
	owner[n].moved = true;
}

static const struct partition *owner_of(u32 n)
{
	const struct partition *p = partition_get(owner[n].part);

	return p && p->gen == owner[n].gen ? p : NULL;
}

/* A leaf of device memory in p's tables. */
void device_mapped(const struct partition *p, u64 at, u64 to, u64 size)
{
	for (u32 i = 0; i < DEVICE_GRANTS; i++) {
		const struct boot_grant *g = &device_grants[i];

		if (g->kind == BOOT_GRANT_DEVICE && at == to &&
		    at >= g->start && at + size <= g->start + g->size &&
		    owner_of(g->func - 1) == p)
			return;
	}
	sim_finding("%u maps device memory at %lx", p->id, (unsigned long)at);
}

static bool reaches(const struct partition *p, const struct boot_grant *g)
{
	const u8 *ports = hpa_ptr(hpa(p->space.io_bitmap));
	hpa_t h;

	if (g->kind == BOOT_GRANT_PORTS)
		return !(ports[g->start / 8] >> g->start % 8 & 1);
	return nested_lookup(&p->space, gpa(g->start), &h, NULL, NULL);
}

/* A partition that is being destroyed does not run any more. */
static void check_ranges(const struct partition *p)
{
	for (u32 i = 0; i < DEVICE_GRANTS; i++) {
		const struct boot_grant *g = &device_grants[i];
		bool own = owner_of(g->func - 1) == p;

		if (own != reaches(p, g) && !p->dying &&
		    (own || g->kind == BOOT_GRANT_PORTS))
			sim_finding("%u: function %u at %lx", p->id,
				    g->func - 1, (unsigned long)g->start);
	}
}

static void check_func(u32 n)
{
	const struct partition *by = owner_of(n);
	bool ended = by && by->state > PV_STATE_PAUSED;

	for (u32 i = 0; i < PARTITION_MAX; i++) {
		const struct partition *p = partition_get(i);

		if (p && !p->dying &&
		    !!device_at_locked(p, pci_funcs[n].bdf) !=
			    (p == by && !ended))
			sim_finding("%u and the configuration of function %u",
				    i, n);
	}
	if ((owner[n].moved || !by || ended) &&
	    config[n][PCI_REG_COMMAND / 4] & PCI_COMMAND_MASTER)
		sim_finding("function %u is on the bus", n);
}

void device_renewed(void)
{
	for (u32 n = 0; n < FUNCS; n++)
		if (owner_of(n) == partition_get(0) &&
		    config[n][PCI_REG_COMMAND / 4] & PCI_COMMAND_MASTER)
			sim_finding("function %u outlives its driver", n);
}

void device_check(void)
{
	for (u32 i = 0; i < PARTITION_MAX; i++)
		if (partition_get(i))
			check_ranges(partition_get(i));
	for (u32 n = 0; n < FUNCS; n++)
		check_func(n);
}
