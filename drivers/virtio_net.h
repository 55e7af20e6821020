/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net: its layout (VIRTIO 1.2, 5.1), and a driver over modern PCI. */
#ifndef DRIVERS_VIRTIO_NET_H
#define DRIVERS_VIRTIO_NET_H

#include "net.h"
#include "virtio_pci.h"

#define VIRTIO_ID_NET 1u

#define VIRTIO_NET_F_CSUM (1ull << 0)
#define VIRTIO_NET_F_GUEST_CSUM (1ull << 1)
#define VIRTIO_NET_F_MTU (1ull << 3)
#define VIRTIO_NET_F_MAC (1ull << 5)
#define VIRTIO_NET_F_MRG_RXBUF (1ull << 15)
#define VIRTIO_NET_F_STATUS (1ull << 16)

#define VIRTIO_NET_CONFIG_MAC 0u
#define VIRTIO_NET_CONFIG_STATUS 6u
#define VIRTIO_NET_CONFIG_MTU 10u

#define VIRTIO_NET_S_LINK_UP 1u

#define VIRTIO_NET_HDR_F_NEEDS_CSUM 1u
#define VIRTIO_NET_HDR_F_DATA_VALID 2u
#define VIRTIO_NET_HDR_GSO_NONE 0u

enum { VIRTIO_NET_RX, VIRTIO_NET_TX, VIRTIO_NET_QUEUES };

/* Before each frame, in both directions. */
struct virtio_net_hdr {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};

_Static_assert(sizeof(struct virtio_net_hdr) == 12, "VIRTIO 1.2, 5.1.6");

#define VIRTIO_NET_FRAME_MAX (NET_BUFFER - sizeof(struct virtio_net_hdr))

struct virtio_net {
	struct net_dev net; /* first */
	struct virtio_pci pci;
	struct virtq q[VIRTIO_NET_QUEUES];
	void *ring_page[VIRTIO_NET_QUEUES];
	dev_addr_t ring_dev[VIRTIO_NET_QUEUES];
	uint8_t *rx_buffer; /* NET_BUFFER bytes for each descriptor */
	dev_addr_t rx_dev;
	uint16_t rx_of[VIRTQ_SIZE_MAX]; /* buffer, by head of the chain */
	volatile struct virtio_net_hdr *tx_hdr; /* by head of the chain */
	dev_addr_t tx_hdr_dev;
	struct net_tx *tx[VIRTQ_SIZE_MAX]; /* likewise */
	bool running;
};

/* Starts the device; null, or what is wrong. On failure it is left reset. */
const char *virtio_net_start(struct virtio_net *d, struct env *e,
			     const struct pci_dev *pci);
bool virtio_net_matches(const struct pci_dev *pci);

#endif
