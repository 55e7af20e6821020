/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI configuration access by the ports 0xCF8 and 0xCFC. */
#include "pci.h"

static void address_set(struct env *e, uint16_t bdf, unsigned off)
{
	out32(e, PCI_CONFIG_ADDRESS,
	      0x80000000u | (uint32_t)bdf << 8 | (off & 0xfc));
}

uint32_t pci_read(struct env *e, uint16_t bdf, unsigned off, unsigned size)
{
	address_set(e, bdf, off);
	return e->port_in(e, (uint16_t)(PCI_CONFIG_DATA + (off & 3)), size);
}

void pci_write(struct env *e, uint16_t bdf, unsigned off, unsigned size,
	       uint32_t value)
{
	address_set(e, bdf, off);
	e->port_out(e, (uint16_t)(PCI_CONFIG_DATA + (off & 3)), size, value);
}

void pci_command(struct env *e, uint16_t bdf, uint16_t set, uint16_t clear)
{
	uint32_t cmd = pci_read(e, bdf, PCI_COMMAND, 2);

	pci_write(e, bdf, PCI_COMMAND, 2, (cmd | set) & ~(uint32_t)clear);
}

unsigned pci_cap_find(struct env *e, uint16_t bdf, uint8_t id, unsigned after)
{
	unsigned pos = after ? after + 1 : PCI_CAP_PTR;

	if (!(pci_read(e, bdf, PCI_STATUS, 2) & PCI_STATUS_CAPS))
		return 0;
	/* 48 capabilities of 4 bytes fill the space behind the header. */
	for (int left = 48; left; left--) {
		pos = pci_read(e, bdf, pos, 1) & 0xfc;
		if (pos < 0x40 || pos > 0xfc)
			return 0;
		if (pci_read(e, bdf, pos, 1) == id)
			return pos;
		pos++;
	}
	return 0;
}
