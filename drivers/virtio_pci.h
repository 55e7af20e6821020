/* SPDX-License-Identifier: BSD-2-Clause */
/* Modern virtio over PCI (VIRTIO 1.2, 4.1). */
#ifndef DRIVERS_VIRTIO_PCI_H
#define DRIVERS_VIRTIO_PCI_H

#include "pci.h"
#include "virtq.h"

#define VIRTIO_PCI_VENDOR 0x1af4u
#define VIRTIO_PCI_BLK_MODERN 0x1042u
#define VIRTIO_PCI_BLK_TRANSITIONAL 0x1001u
#define VIRTIO_PCI_NET_MODERN 0x1041u
#define VIRTIO_PCI_NET_TRANSITIONAL 0x1000u

#define VIRTIO_PCI_QUEUES 4u /* that a driver may use */

#define VIRTIO_PCI_GONE \
	0xffu /* so reads the status of one that was taken out */
#define VIRTIO_PCI_ISR_CONFIG 2u

/* A register structure in a BAR: base 0 if the device has none. */
struct virtio_window {
	uint64_t base;
	uint32_t len;
};

struct virtio_pci {
	struct env *env;
	uint16_t bdf;
	struct virtio_window common, notify, isr, config;
	uint32_t notify_mult;
	uint64_t features; /* agreed on */
	uint64_t notify_at[VIRTIO_PCI_QUEUES];
	struct env_irq irq;
	/* Changes of the configuration have a message of their own. */
	bool config_apart;
	struct env_irq config_irq;
};

/* Finds and maps the register structures; null, or what is wrong. */
const char *virtio_pci_find(struct virtio_pci *v, struct env *e,
			    const struct pci_dev *pci);

/* Attaches fn to its interrupt, for all its queues (pci_irq_attach). Between find
 * and begin; false: refused. */
bool virtio_pci_irq(struct virtio_pci *v, const struct pci_dev *pci,
		    void (*fn)(void *arg), void *arg);

/* Attaches fn to changes of the configuration, by the second message; false:
 * they come by the interrupt of the queues, too. */
bool virtio_pci_config_irq(struct virtio_pci *v, const struct pci_dev *pci,
			   void (*fn)(void *arg), void *arg);

/* Resets; false: the device does not come out of it. */
bool virtio_pci_reset(struct virtio_pci *v);

/* From reset to FEATURES_OK; null, or what is wrong. Where the IOMMU translates,
 * `wanted` or `needed` has to have VIRTIO_F_ACCESS_PLATFORM. */
const char *virtio_pci_begin(struct virtio_pci *v, uint64_t wanted,
			     uint64_t needed);

/* Sets up a queue in a page, which is cleared; null, or what is wrong. */
const char *virtio_pci_queue(struct virtio_pci *v, unsigned index,
			     struct virtq *q, void *page, dev_addr_t dev);
void virtio_pci_ready(struct virtio_pci *v);
void virtio_pci_kick(struct virtio_pci *v, unsigned index);
uint8_t virtio_pci_isr(struct virtio_pci *v); /* read clears it */
uint8_t virtio_pci_status(struct virtio_pci *v);

/* Device configuration; off + size inside it, else reads 0. */
uint64_t virtio_pci_config(struct virtio_pci *v, uint32_t off, unsigned size);

#endif
