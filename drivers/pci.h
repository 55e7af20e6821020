/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI configuration space of granted devices (PCI Local Bus 3.0, chapter 6). */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include "env.h"

#define PCI_CONFIG_ADDRESS 0xcf8u
#define PCI_CONFIG_DATA 0xcfcu

#define PCI_VENDOR 0x00u
#define PCI_COMMAND 0x04u
#define PCI_STATUS 0x06u
#define PCI_CAP_PTR 0x34u

#define PCI_COMMAND_IO 0x1u
#define PCI_COMMAND_MEM 0x2u
#define PCI_COMMAND_MASTER 0x4u
#define PCI_COMMAND_INTX_OFF 0x400u
#define PCI_STATUS_CAPS 0x10u

#define PCI_CAP_MSI 0x05u
#define PCI_CAP_VENDOR 0x09u
#define PCI_CAP_MSIX 0x11u

/* MSI capability (PCI Local Bus 3.0, 6.8.1). */
#define PCI_MSI_CONTROL 2u
#define PCI_MSI_ADDRESS 4u
#define PCI_MSI_DATA 8u
#define PCI_MSI_DATA64 12u
#define PCI_MSI_ENABLE 0x0001u
#define PCI_MSI_MANY 0x0070u /* how many messages, as a power of two */
#define PCI_MSI_64 0x0080u
#define PCI_MSI_LAST 0xf0u /* where the longest form of it still fits */

/* MSI-X capability and table entry (PCI Local Bus 3.0, 6.8.2). */
#define PCI_MSIX_CONTROL 2u
#define PCI_MSIX_TABLE 4u
#define PCI_MSIX_ENABLE 0x8000u
#define PCI_MSIX_LAST 0x7ffu /* index of the table's last entry */
#define PCI_MSIX_ENTRY_BYTES 16u

struct pci_bar {
	uint64_t base, size; /* size 0: absent */
	bool io;
};

/* A device as the boot information describes it. */
struct pci_dev {
	uint16_t bdf; /* bus << 8 | device << 3 | function */
	uint16_t vendor, device;
	uint8_t class_code, subclass, progif;
	uint64_t handle; /* by which the environment knows it */
	struct pci_bar bar[6];
};

/* off is aligned to size; size 1, 2 or 4. What is refused reads as ones. */
uint32_t pci_read(struct env *e, uint16_t bdf, unsigned off, unsigned size);
void pci_write(struct env *e, uint16_t bdf, unsigned off, unsigned size,
	       uint32_t value);

/* Sets PCI_COMMAND_* bits and clears others. */
void pci_command(struct env *e, uint16_t bdf, uint16_t set, uint16_t clear);

/* Offset of the next capability `id` behind `after` (0: the first one), or 0.
 * Survives any content: a list that loops ends. */
unsigned pci_cap_find(struct env *e, uint16_t bdf, uint8_t id, unsigned after);

#endif
