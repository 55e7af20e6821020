/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI configuration by ports CF8/CFC, for the functions' owners, filtered. */
#include "core/device.h"
#include "trap/emul.h"

/* clang-format off */
enum {
	REG_CACHE = 0x0c, BARS = 6, REG_ROM = 0x30,
	COMMAND_BITS = 0x407, /* I/O, memory, bus master, INTx off */
};
/* clang-format on */
#define ENABLE 0x80000000u

/* The partition's function that the address names; NULL: none of its own. */
static struct device *selected_locked(const struct vcpu *v, u16 *reg)
{
	u32 addr = v->part->pci_addr;

	*reg = addr & 0xfc;
	return addr & ENABLE ? device_at_locked(v->part, (u16)(addr >> 8)) :
			       NULL;
}

/* Which BAR the register is, or a larger number. */
static u32 bar_of(u16 reg) { return ((u32)reg - PCI_REG_BAR0) / 4; }

static u32 config_read(const struct device *d, u16 reg)
{
	const struct pci_func *f = &pci_funcs[device_nr(d)];
	u32 n = bar_of(reg);

	if (n < BARS)
		return d->sizing >> n & 1 ? f->bar_mask[n] : f->raw_bar[n];
	return reg == REG_ROM ? 0 : pci_read32(f->bdf, reg);
}

/* Which bits of a register may be written: of the capabilities, what switches
 * messages on, and their addresses and data. Only one message of MSI's. */
static u32 writable(const struct pci_func *f, u16 reg)
{
	if (reg == PCI_REG_COMMAND)
		return COMMAND_BITS;
	if (reg == REG_CACHE)
		return 0xffff; /* cache line size, latency */
	if (reg == PCI_REG_IRQ)
		return 0xff; /* interrupt line */
	if (f->msix && reg == f->msix)
		return PCI_MSIX_ENABLE | PCI_MSIX_MASK;
	if (f->msi && reg == f->msi)
		return PCI_MSI_ENABLE;
	return f->msi && reg > f->msi && reg < f->msi + f->msi_size ? ~0u : 0;
}

/* val holds the bytes of mask; the others stay. Real BARs never move. */
static void config_write(struct device *d, u16 reg, u32 val, u32 mask)
{
	const struct pci_func *f = &pci_funcs[device_nr(d)];
	u32 n = bar_of(reg);

	if (n < BARS) {
		d->sizing = (d->sizing & ~(1u << n)) | (val == ~0u) << n;
		return;
	}
	mask &= writable(f, reg);
	if (!mask)
		return;
	val = (pci_read32(f->bdf, reg) & ~mask) | (val & mask);
	/* status bits are cleared by ones: write them as zeros */
	if (reg == PCI_REG_COMMAND)
		val &= 0xffff;
	if (f->msi && reg == f->msi)
		val &= ~PCI_MSI_COUNT;
	pci_write32(f->bdf, reg, val);
}

u64 trap_pci(struct vcpu *v, const struct ioreq *r)
{
	u32 shift = (r->addr & 3) * 8;
	struct device *d;
	u16 reg;

	if (r->addr < 0xcfc) {
		/* only a doubleword there is the address: CF9 is a reset */
		if (r->addr != 0xcf8 || r->size != 4)
			return ~0ull;
		if (r->write)
			v->part->pci_addr = (u32)r->value;
		return v->part->pci_addr;
	}
	lock_scope(&device_lock);
	d = selected_locked(v, &reg);
	if (!d || (r->addr & 3) + r->size > 4)
		return ~0ull;
	if (!r->write)
		return config_read(d, reg) >> shift;
	config_write(d, reg, (u32)r->value << shift,
		     (u32)insn_mask(~0ull, r->size) << shift);
	return 0;
}
