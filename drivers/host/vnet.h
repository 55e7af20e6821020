/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's virtio network device (VIRTIO 1.2, 5.1), a port of the switch. */
#ifndef HOST_VNET_H
#define HOST_VNET_H

#include "netswitch.h"
#include "vdev.h"

#define VNET_RX 0u
#define VNET_TX 1u
#define VNET_QUEUE 128u
#define VNET_MERGE 16u /* buffers that a frame takes at most (5.1.6.4) */

struct vnet {
	struct vdev dev; /* first */
	struct netswitch *sw;
	struct netswitch_port port;
	uint64_t (*now_ns)(void);
	uint64_t tx_bad;     /* frames that the guest has described wrongly */
	uint64_t rx_dropped; /* frames that it had no buffer for */
};

/* sw, now_ns and port.mac are set. False: another port has that address. */
bool vnet_init(struct vnet *n);

/* Of vnet_ops.free (vnet_make.c). */
void vnet_free(struct vdev *v);

#endif
