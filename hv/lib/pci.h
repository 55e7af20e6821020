/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI functions that are no bridges, as they were at boot, and registers: by ECAM
 * (PCI Express Base 3.0, 7.2.2) where the machine has it, else by ports 0xCF8 and
 * 0xCFC. */
#pragma once

#include "lib/types.h"

#define PCI_MAX_FUNCS 64

/* Registers (PCI Local Bus 3.0, chapter 6). */
#define PCI_REG_COMMAND 0x04
#define PCI_REG_BAR0 0x10
#define PCI_REG_IRQ 0x3C
#define PCI_CLASS_DISPLAY 0x03
#define PCI_COMMAND_MASTER 0x4u
#define PCI_COMMAND_INTX_OFF 0x400u
#define PCI_MSI_ENABLE (1u << 16) /* of the first doublewords of their */
#define PCI_MSI_COUNT (7u << 20)  /* capabilities */
#define PCI_MSIX_ENABLE (1u << 31)
#define PCI_MSIX_MASK (1u << 30)

struct pci_bar {
	u64 base, size; /* size 0: absent */
	bool io;
};

struct pci_func {
	u16 bdf; /* bus << 8 | device << 3 | function */
	u16 vendor, device;
	u8 class, subclass, progif;
	u8 irq_line, irq_pin;
	u8 msi, msi_size, msix; /* its capabilities' registers, 0: none */
	/* The register with which it is made quiet, 0: none; its bits: requests are
	 * under way, and reset this function. */
	u8 quiet;
	u32 pending, reset;
	struct pci_bar bar[6];
	u32 raw_bar[6];	 /* as firmware left them */
	u32 bar_mask[6]; /* what a sizing write of all ones reads back */
};

/* Filled by hv/boot. */
extern u32 pci_count;
extern struct pci_func pci_funcs[PCI_MAX_FUNCS];

/* The memory that configuration space is in, by ACPI's MCFG: that of bus b at
 * base + b * ECAM_BUS. Filled by hv/boot; base 0: there is none. */
#define ECAM_BUS 0x100000ull
struct pci_ecam {
	u64 base;
	u32 first, last; /* buses */
};
extern struct pci_ecam pci_ecam;

u32 pci_read32(u16 bdf, u16 reg);
void pci_write32(u16 bdf, u16 reg, u32 v);
const struct pci_func *pci_find(u16 bdf); /* NULL: none, or a bridge */
