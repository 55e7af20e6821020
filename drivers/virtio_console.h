/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-console: its layout (VIRTIO 1.2, 5.3), of port 0 alone. */
#ifndef DRIVERS_VIRTIO_CONSOLE_H
#define DRIVERS_VIRTIO_CONSOLE_H

#include "virtq.h"

#define VIRTIO_ID_CONSOLE 3u

#define VIRTIO_CONSOLE_F_SIZE (1ull << 0)
#define VIRTIO_CONSOLE_F_EMERG_WRITE (1ull << 2)

#define VIRTIO_CONSOLE_CONFIG_COLS 0u
#define VIRTIO_CONSOLE_CONFIG_ROWS 2u
#define VIRTIO_CONSOLE_CONFIG_PORTS 4u
#define VIRTIO_CONSOLE_CONFIG_EMERG 8u

enum { VIRTIO_CONSOLE_RX, VIRTIO_CONSOLE_TX, VIRTIO_CONSOLE_QUEUES };

#endif
