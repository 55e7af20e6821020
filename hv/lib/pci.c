/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI configuration space, in memory or behind ports 0xCF8 and 0xCFC. */
#include "lib/pci.h"
#include "lib/lock.h"

#define PCI_ADDRESS 0xCF8
#define PCI_DATA 0xCFC
#define PCI_ENABLE (1u << 31)

u32 pci_count;
struct pci_func pci_funcs[PCI_MAX_FUNCS];
struct pci_ecam pci_ecam;
static struct lock pci_lock; /* guards the address port */

static void select_locked(u16 bdf, u16 reg)
{
	outl(PCI_ADDRESS, PCI_ENABLE | (u32)bdf << 8 | (reg & 0xFC));
}

/* NULL: the ports are to be used. */
static volatile u32 *in_memory(u16 bdf, u16 reg)
{
	u32 bus = bdf >> 8;

	if (!pci_ecam.base || bus < pci_ecam.first || bus > pci_ecam.last)
		return NULL;
	return (volatile u32 *)(pci_ecam.base + ((u64)bdf << 12) +
				(reg & 0xFC));
}

u32 pci_read32(u16 bdf, u16 reg)
{
	volatile u32 *m = in_memory(bdf, reg);

	if (m)
		return *m;
	lock_scope(&pci_lock);
	select_locked(bdf, reg);
	return inl(PCI_DATA);
}

void pci_write32(u16 bdf, u16 reg, u32 v)
{
	volatile u32 *m = in_memory(bdf, reg);

	if (m) {
		*m = v;
		return;
	}
	lock_scope(&pci_lock);
	select_locked(bdf, reg);
	outl(PCI_DATA, v);
}

const struct pci_func *pci_find(u16 bdf)
{
	for (u32 i = 0; i < pci_count; i++)
		if (pci_funcs[i].bdf == bdf)
			return &pci_funcs[i];
	return NULL;
}
