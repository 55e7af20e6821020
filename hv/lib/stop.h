/* SPDX-License-Identifier: BSD-2-Clause */
/* What makes PCI functions that cannot be reset alone leave memory alone. */
#pragma once

#include "lib/pci.h"

#define PCI_COMMAND_IO 0x1u
#define PCI_COMMAND_MEMORY 0x2u

/* `value` is written to a register; it has stopped when the bits `busy` at `busy_at`
 * are 0. */
struct pci_stop {
	u64 at, busy_at; /* one page, or ports, which are one byte; at 0: none */
	u32 value, busy;
	u8 space; /* PCI_COMMAND_IO, PCI_COMMAND_MEMORY */
	u8 width; /* bytes: 1 or 4 */
};

/* Of each function of pci_funcs, to be done in this order. Filled by hv/boot. */
#define PCI_STOPS 2
extern struct pci_stop pci_stops[PCI_MAX_FUNCS][PCI_STOPS];
