/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets up the one interrupt of a PCI function: MSI-X, MSI or its line. */
#include "pci_msix.h"

/* Where an entry of the MSI-X table is; 0: there is none. */
static uint64_t msix_entry(struct env *e, const struct pci_dev *pci,
			   unsigned cap, unsigned index)
{
	uint32_t last = pci_read(e, pci->bdf, cap + PCI_MSIX_CONTROL, 2) &
			PCI_MSIX_LAST;
	uint32_t at = pci_read(e, pci->bdf, cap + PCI_MSIX_TABLE, 4);
	const struct pci_bar *b = &pci->bar[at & 7];

	if ((at & 7) > 5 || index > last)
		return 0;
	at = (at & ~7u) + index * PCI_MSIX_ENTRY_BYTES;
	if (b->io || !b->base ||
	    (uint64_t)at + PCI_MSIX_ENTRY_BYTES > b->size ||
	    !e->mmio_map(e, b->base + at, PCI_MSIX_ENTRY_BYTES))
		return 0;
	return b->base + at;
}

static bool msix_attach(struct env *e, const struct pci_dev *pci,
			struct env_irq *irq, void (*fn)(void *arg), void *arg)
{
	unsigned cap = pci_cap_find(e, pci->bdf, PCI_CAP_MSIX, 0);
	uint64_t entry = cap ? msix_entry(e, pci, cap, irq->index) : 0;

	if (!entry || !e->irq_attach(e, irq, fn, arg))
		return false;
	e->mmio_write(e, entry, 4, irq->address);
	e->mmio_write(e, entry + 4, 4, 0);
	e->mmio_write(e, entry + 8, 4, irq->data);
	e->mmio_write(e, entry + 12, 4, 0); /* not masked */
	pci_write(e, pci->bdf, cap + PCI_MSIX_CONTROL, 2, PCI_MSIX_ENABLE);
	return true;
}

static bool msi_attach(struct env *e, const struct pci_dev *pci,
		       struct env_irq *irq, void (*fn)(void *arg), void *arg)
{
	unsigned cap = pci_cap_find(e, pci->bdf, PCI_CAP_MSI, 0);
	uint32_t control;
	unsigned data;

	if (!cap || cap > PCI_MSI_LAST || !e->irq_attach(e, irq, fn, arg))
		return false;
	control = pci_read(e, pci->bdf, cap + PCI_MSI_CONTROL, 2);
	data = cap + (control & PCI_MSI_64 ? PCI_MSI_DATA64 : PCI_MSI_DATA);
	pci_write(e, pci->bdf, cap + PCI_MSI_ADDRESS, 4, irq->address);
	if (control & PCI_MSI_64)
		pci_write(e, pci->bdf, cap + PCI_MSI_ADDRESS + 4, 4, 0);
	pci_write(e, pci->bdf, data, 2, irq->data);
	control &= ~(uint32_t)PCI_MSI_MANY;
	pci_write(e, pci->bdf, cap + PCI_MSI_CONTROL, 2,
		  control | PCI_MSI_ENABLE);
	return true;
}

bool pci_irq_attach(struct env *e, const struct pci_dev *pci,
		    struct env_irq *irq, void (*fn)(void *arg), void *arg)
{
	*irq = (struct env_irq){ .kind = ENV_IRQ_MSI, .device = pci->handle };
	if (msix_attach(e, pci, irq, fn, arg) ||
	    msi_attach(e, pci, irq, fn, arg))
		return true;
	irq->kind = ENV_IRQ_LINE;
	return e->irq_attach(e, irq, fn, arg);
}

bool pci_msix_attach(struct env *e, const struct pci_dev *pci,
		     struct env_irq *irq, void (*fn)(void *arg), void *arg)
{
	irq->kind = ENV_IRQ_MSI;
	irq->device = pci->handle;
	return msix_attach(e, pci, irq, fn, arg);
}
