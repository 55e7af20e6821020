/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI configuration by ports CF8/CFC, for the host partition, filtered. */
#include "lib/pci.h"
#include "trap/emul.h"

#define ENABLE 0x80000000u
#define REG_COMMAND 0x04
#define REG_CACHE 0x0c
#define REG_BAR0 0x10
#define REG_BAR5 0x24
#define REG_ROM 0x30
#define REG_IRQ 0x3c
#define COMMAND_BITS 0x407u /* I/O, memory, bus master, INTx off */

/* BARs into which all ones were written: they read back their size. */
static u8 sizing[PCI_MAX_FUNCS];

/* The function that the address names; bridges and the absent are none. */
static const struct pci_func *selected(const struct vcpu *v, u16 *reg)
{
	u32 addr = v->part->pci_addr;

	*reg = addr & 0xfc;
	return addr & ENABLE ? pci_find(addr >> 8 & 0xffff) : NULL;
}

static bool is_bar(u16 reg)
{
	return reg >= REG_BAR0 && reg <= REG_BAR5;
}

static u32 config_read(const struct pci_func *f, u16 reg)
{
	u32 n = (reg - REG_BAR0) / 4;

	if (is_bar(reg))
		return sizing[f - pci_funcs] >> n & 1 ? f->bar_mask[n] :
							f->raw_bar[n];
	return reg == REG_ROM ? 0 : pci_read32(f->bdf, reg);
}

/* val holds the bytes of mask; the others stay. Real BARs never move. */
static void config_write(const struct pci_func *f, u16 reg, u32 val, u32 mask)
{
	u8 *probe = &sizing[f - pci_funcs];
	u32 n = (reg - REG_BAR0) / 4;

	if (is_bar(reg)) {
		*probe &= (u8) ~(1u << n);
		if (val == ~0u)
			*probe |= (u8)(1u << n);
		return;
	}
	/* status bits are cleared by ones: write them as zeros */
	if (reg == REG_COMMAND)
		mask &= COMMAND_BITS;
	else if (reg == REG_CACHE)
		mask &= 0xffff; /* cache line size, latency */
	else if (reg == REG_IRQ)
		mask &= 0xff; /* interrupt line */
	else
		return;
	val = (pci_read32(f->bdf, reg) & ~mask) | (val & mask);
	pci_write32(f->bdf, reg, reg == REG_COMMAND ? val & 0xffff : val);
}

u32 trap_pci_in(struct vcpu *v, u16 port, u8 size)
{
	const struct pci_func *f;
	u16 reg;

	if (port < 0xcfc)
		return port == 0xcf8 && size == 4 ? v->part->pci_addr : ~0u;
	f = selected(v, &reg);
	if (!f || (port & 3) + size > 4)
		return ~0u;
	return config_read(f, reg) >> (port & 3) * 8;
}

void trap_pci_out(struct vcpu *v, u16 port, u8 size, u32 val)
{
	u32 shift = (port & 3) * 8;
	const struct pci_func *f;
	u16 reg;

	if (port < 0xcfc) {
		/* only a doubleword there is the address: CF9 is a reset */
		if (port == 0xcf8 && size == 4)
			v->part->pci_addr = val;
		return;
	}
	f = selected(v, &reg);
	if (f && (port & 3) + size <= 4)
		config_write(f, reg, val << shift,
			     (u32)insn_mask(~0ull, size) << shift);
}
