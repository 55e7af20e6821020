/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's virtio device: the registers of virtio-mmio version 2 (VIRTIO 1.2,
 * 4.2.2) and its queues, whatever kind of device stands behind them. */
#ifndef HOST_VDEV_H
#define HOST_VDEV_H

#include "vq.h"

#define VDEV_QUEUES 4u
#define VDEV_CONFIG 64u /* bytes */
#define VDEV_NOTIFY_REG 0x50u

#define VDEV_ISR_QUEUE 1u
#define VDEV_ISR_CONFIG 2u

struct vdev;

/* A kind of device. */
struct vdev_ops {
	uint32_t id; /* VIRTIO 1.2, 5 */
	uint32_t nr_queues, queue_max;
	/* Its own feature bits; those of the queues are added. */
	uint64_t (*features)(const struct vdev *v);
	/* Its configuration space, into zeroed bytes; null: it has none. */
	void (*config)(const struct vdev *v, uint8_t bytes[VDEV_CONFIG]);
	/* The driver writes there, from offset off on; null: that does nothing. */
	void (*config_write)(struct vdev *v, uint32_t off, uint64_t value);
	/* Takes requests of a live queue. True: more is there, call again. */
	bool (*run)(struct vdev *v, unsigned queue);
	/* Forgets its own state after a reset by the driver; may be null. */
	void (*reset)(struct vdev *v);
	/* Gives back what it owns, itself included; nothing is running. */
	void (*free)(struct vdev *v);
};

struct vdev {
	const struct vdev_ops *ops;
	struct gmem *mem;
	char name[24];
	/* Set by whoever owns the device: the guest is to be told (the event is
	 * sent soon); vdev_work has something to do. */
	void (*signal)(struct vdev *v);
	void (*due)(struct vdev *v);
	void *arg;
	/* Its pin's line, NULL: it has none; true: its driver hears it. */
	bool (*line)(struct vdev *v, bool up);
	unsigned pin;
	bool heard; /* its driver has unmasked the pin, and needs no event */
	uint64_t event;
	uint64_t bell; /* of the event that a notification is; 0: none */
	bool is_due;   /* the owner's */
	struct vdev *next_due;
	/* registers */
	uint32_t status, isr, device_sel, driver_sel, queue_sel;
	uint64_t driver_features;
	bool resetting;
	bool look;	  /* a queue may hold requests */
	unsigned running; /* requests that touch the guest's memory */
	struct vq q[VDEV_QUEUES];
};

/* v->ops, name, signal and due are set. */
void vdev_init(struct vdev *v, struct gmem *mem);

/* The guest reads or writes a register; off < 0x1000. */
uint64_t vdev_read(struct vdev *v, uint32_t off, unsigned size);
void vdev_write(struct vdev *v, uint32_t off, unsigned size, uint64_t value);

/* The InterruptStatus register is `isr` from now on; its pin follows if heard. */
void vdev_isr_set(struct vdev *v, uint32_t isr);
/* Finds out whether it is, once for each life of the driver: a line costs a call. */
void vdev_pin_look(struct vdev *v);

/* Runs the queues, if there is cause to look, and tells the guest. */
void vdev_work(struct vdev *v);

/* There is cause to look: a notification, or something that queues waited
 * for. */
void vdev_look(struct vdev *v);

/* ---- for the devices ---- */

/* The driver has set that queue up, and nothing went wrong. */
static inline bool vdev_live(const struct vdev *v, unsigned queue)
{
	uint32_t bits = VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET;

	return v->q[queue].ready && !v->resetting &&
	       (v->status & bits) == VIRTIO_STATUS_DRIVER_OK;
}

/* For vdev_next: there is none, or (got < 0) a malformed one. */
__attribute__((cold)) bool vdev_next_none(struct vdev *v, unsigned queue,
					  int got, struct vq_chain *c);

/* The next request of a live queue, or false. When there is none the driver
 * is asked to notify. A malformed one breaks the device. */
static inline bool vdev_next(struct vdev *v, unsigned queue, struct vq_chain *c)
{
	int got;

	if (!vdev_live(v, queue))
		return false;
	got = vq_next(&v->q[queue], c);
	return got > 0 || vdev_next_none(v, queue, got, c);
}

/* The device needs a reset by the driver (VIRTIO 1.2, 2.1.2). */
__attribute__((cold)) void vdev_break(struct vdev *v);

/* Has vdev_work called soon, if it is not due already. */
__attribute__((cold)) void vdev_due(struct vdev *v);

/* Ends a request of vdev_next; the guest is told soon. The queue is live. */
static inline void vdev_push_live(struct vdev *v, unsigned queue, uint16_t head,
				  uint32_t written)
{
	if (!vq_push(&v->q[queue], head, written))
		vdev_break(v);
	else if (!v->is_due)
		vdev_due(v);
}

/* The same of any queue: what was reset meanwhile is forgotten. */
void vdev_push(struct vdev *v, unsigned queue, uint16_t head, uint32_t written);

/* The configuration space reads differently now. */
void vdev_config_changed(struct vdev *v);

/* For vdev_end, in a reset: false. */
__attribute__((cold)) bool vdev_reset_goes_on(struct vdev *v);

/* Around what goes on after run() returned: a reset waits for it. End returns
 * false when the device has been reset meanwhile: the request is no more. */
static inline void vdev_begin(struct vdev *v) { v->running++; }
static inline bool vdev_end(struct vdev *v)
{
	v->running--;
	return !v->resetting || vdev_reset_goes_on(v);
}

#endif
