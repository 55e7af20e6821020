/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupt of a PCI function: a message where it has those, else its line
 * (PCI Local Bus 3.0, 6.8). */
#ifndef DRIVERS_PCI_MSIX_H
#define DRIVERS_PCI_MSIX_H

#include "pci.h"

/*
 * Attaches fn to the first message of MSI-X, else to that of MSI, else to the
 * line, and fills irq with which it was. The function's memory decoding is on.
 * False: refused.
 */
bool pci_irq_attach(struct env *e, const struct pci_dev *pci,
		    struct env_irq *irq, void (*fn)(void *arg), void *arg);

/* Attaches fn to another message of MSI-X, irq->index, where pci_irq_attach has
 * taken the first one. False: there is none, or it is refused. */
bool pci_msix_attach(struct env *e, const struct pci_dev *pci,
		     struct env_irq *irq, void (*fn)(void *arg), void *arg);

#endif
