/* SPDX-License-Identifier: BSD-2-Clause */
/* Intel 82540EM network card (Intel 317453: the manual of the 8254x family). */
#ifndef DRIVERS_E1000_H
#define DRIVERS_E1000_H

#include "net.h"
#include "pci.h"

#define E1000_VENDOR 0x8086u
#define E1000_82540EM 0x100eu

#define E1000_RING 128u /* descriptors; a ring of them fills half a page */

/* Legacy descriptors (3.2.3, 3.3.3). */
struct e1000_rx_desc {
	uint64_t addr;
	uint16_t len, csum;
	uint8_t status, errors;
	uint16_t special;
};

struct e1000_tx_desc {
	uint64_t addr;
	uint16_t len;
	uint8_t cso, cmd, status, css;
	uint16_t special;
};

_Static_assert(sizeof(struct e1000_rx_desc) == 16, "317453, 3.2.3");
_Static_assert(sizeof(struct e1000_tx_desc) == 16, "317453, 3.3.3");

struct e1000 {
	struct net_dev net; /* first */
	uint64_t regs;
	uint16_t bdf;
	struct env_irq irq;
	volatile struct e1000_rx_desc *rx;
	volatile struct e1000_tx_desc *tx;
	dev_addr_t rx_dev, tx_dev;
	uint8_t *buffer; /* NET_BUFFER bytes for each rx descriptor */
	dev_addr_t buffer_dev;
	unsigned rx_next, rx_tail;	  /* to be filled next; as in RDT */
	unsigned tx_next, tx_oldest;	  /* to be used, to be ended next */
	unsigned tx_told;		  /* the device knows of those before */
	struct net_tx *frame[E1000_RING]; /* by the last descriptor of it */
	bool skipping; /* pieces of a frame that was too long */
	bool running;
};

/* Starts the card; null, or what is wrong. */
const char *e1000_start(struct e1000 *d, struct env *e,
			const struct pci_dev *pci);
bool e1000_matches(const struct pci_dev *pci);

#endif
