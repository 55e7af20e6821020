/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kit's virtio front ends have in common: the registers of virtio-mmio
 * version 2 (VIRTIO 1.2, 4.2.2), by io_read/io_write or by trapped access, and
 * split queues in pages shared with the host partition. No guest includes it. */
#ifndef KIT_VIRTIO_H
#define KIT_VIRTIO_H

#include "kit/irq.h"
#include "kit/kit.h"
#include "virtq.h"

#define KIT_VIRTIO_QUEUES 3u

struct kit_virtio {
	uint64_t base, features, wanted;
	uint64_t bell; /* handle of the event of a notification; 0: none */
	unsigned nr_queues, size;
	uint32_t
		restarts; /* of the host partition, before the device's start */
	struct virtq q[KIT_VIRTIO_QUEUES];
	void *ring[KIT_VIRTIO_QUEUES]; /* a page each */
};

/*
 * Finds the device of that name and VIRTIO id, agrees on those of the wanted
 * features that it has, and sets up its queues, of `size` entries (a power of
 * two, at most VIRTQ_SIZE_MAX) each. fn runs in the upcall when the device has
 * something to say. NULL, or a constant text: what is wrong.
 */
const char *kit_virtio_open(struct kit_virtio *v, const char *name, uint32_t id,
			    uint64_t wanted, unsigned queues, unsigned size,
			    kit_irq_fn fn, void *arg);
/* The driver is ready: DRIVER_OK. */
void kit_virtio_ready(struct kit_virtio *v);

/*
 * The host partition has died and was started anew: the device knows nothing any
 * more. Costs no exit. Then kit_virtio_again() sets it up as before, with empty
 * queues; NULL, or what is wrong.
 */
bool kit_virtio_lost(const struct kit_virtio *v);
const char *kit_virtio_again(struct kit_virtio *v);

/* Tells the device of what was added to a queue, if it wants to know. */
void kit_virtio_kick(struct kit_virtio *v, unsigned queue);

/* The same, and kit_wait, in one exit where there is a way. Interrupts are off. */
bool kit_virtio_kick_wait(struct kit_virtio *v, unsigned queue,
			  uint64_t deadline_ns);

/* In fn: a driver that knows only the standard registers acknowledges; a
 * ported one was told by the event already. */
void kit_virtio_ack(struct kit_virtio *v);

/* The device has given up; the driver has to reset it. Costs an exit. */
bool kit_virtio_broken(struct kit_virtio *v);

/* A 32-bit word of the device's configuration space. */
uint32_t kit_virtio_config(struct kit_virtio *v, unsigned off);

/* Zeroed pages that are shared with the host partition for good, or NULL. */
void *kit_shared_pages(size_t n);

#endif
