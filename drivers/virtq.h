/* SPDX-License-Identifier: BSD-2-Clause */
/* Split virtqueue: layout (VIRTIO 1.2, 2.7) and the driver's side of one. */
#ifndef DRIVERS_VIRTQ_H
#define DRIVERS_VIRTQ_H

#include "env.h"

#define VIRTIO_STATUS_ACK 1u
#define VIRTIO_STATUS_DRIVER 2u
#define VIRTIO_STATUS_DRIVER_OK 4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_NEEDS_RESET 64u
#define VIRTIO_STATUS_FAILED 128u

#define VIRTIO_F_INDIRECT_DESC (1ull << 28)
#define VIRTIO_F_EVENT_IDX (1ull << 29)
#define VIRTIO_F_VERSION_1 (1ull << 32)
#define VIRTIO_F_ACCESS_PLATFORM (1ull << 33)

#define VIRTQ_DESC_NEXT 1u
#define VIRTQ_DESC_WRITE 2u
#define VIRTQ_DESC_INDIRECT 4u
#define VIRTQ_AVAIL_NO_INTERRUPT 1u
#define VIRTQ_USED_NO_NOTIFY 1u

struct virtq_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

struct virtq_avail { /* written by the driver */
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[]; /* then used_event */
};

struct virtq_used_elem {
	uint32_t id;
	uint32_t len;
};

struct virtq_used { /* written by the device */
	uint16_t flags;
	uint16_t idx;
	struct virtq_used_elem ring[]; /* then avail_event */
};

_Static_assert(sizeof(struct virtq_desc) == 16, "VIRTIO 1.2, 2.7.5");
_Static_assert(sizeof(struct virtq_used_elem) == 8, "VIRTIO 1.2, 2.7.8");

/* EVENT_IDX: does going from `old` to `now` pass `event`? (2.7.7.2) */
static inline bool virtq_need_event(uint16_t event, uint16_t now, uint16_t old)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

#define VIRTQ_SIZE_MAX 128u /* such a queue fits in one page */
#define VIRTQ_PAGE 4096u

/* Where the three parts are in the page that virtq_init was given. */
#define VIRTQ_AVAIL_OFF(size) (16u * (size))
#define VIRTQ_USED_OFF(size) \
	(VIRTQ_AVAIL_OFF(size) + ((6u + 2 * (size) + 3) & ~3u))

/* The driver's side. */
struct virtq {
	uint16_t size, free_head, free_count, used_seen, kicked;
	bool event_idx;
	volatile struct virtq_desc *desc;
	volatile struct virtq_avail *avail;
	volatile struct virtq_used *used;
	dev_addr_t base;	       /* of the page */
	uint8_t chain[VIRTQ_SIZE_MAX]; /* descriptors of the chain with that
					  head; 0: no such chain in flight */
};

/* A buffer of a chain. */
struct virtq_buf {
	dev_addr_t addr;
	uint32_t len;
	bool device_writes;
};

/* page is zeroed; size a power of two, at most VIRTQ_SIZE_MAX. */
void virtq_init(struct virtq *q, uint16_t size, void *page, dev_addr_t base,
		bool event_idx);

/* Publishes a chain. Returns its head, or -1 when there is no room. */
int virtq_add(struct virtq *q, const struct virtq_buf *buf, unsigned count);

/* True when the device wants to be told of what was added since last time. */
bool virtq_kick_wanted(struct virtq *q);

/* The head that virtq_add will return, if there is room. */
static inline uint16_t virtq_next_head(const struct virtq *q)
{
	return q->free_head;
}

/* Takes a finished chain: 1 with *head, 0 none, -1 the device lies. */
int virtq_take(struct virtq *q, uint16_t *head);

/* The same, with how many bytes the device says it has written; not checked. */
int virtq_take_len(struct virtq *q, uint16_t *head, uint32_t *len);

/* Asks for an interrupt at the next completion; true: look again, one came. */
bool virtq_arm(struct virtq *q);

/* The same, for when all that is in flight has ended. */
bool virtq_arm_last(struct virtq *q);

/* Asks for no interrupts. (With EVENT_IDX none comes before the next arm.) */
void virtq_disarm(struct virtq *q);

/* ---- for a driver whose chains stay as they were laid out once, by itself: no
 * descriptor is ever free ---- */

/* Publishes the chain that begins at head. */
static inline void virtq_put(struct virtq *q, uint16_t head)
{
	uint16_t idx = q->avail->idx;

	q->avail->ring[idx & (q->size - 1)] = head;
	/* x86 keeps the order of stores: the entry before the index */
	q->avail->idx = (uint16_t)(idx + 1);
}

/* Takes a finished chain: 1 with its head in *id, which is what the device
 * says, 0 none, -1 the device lies. */
static inline int virtq_get(struct virtq *q, uint32_t *id)
{
	uint16_t left = (uint16_t)(q->used->idx - q->used_seen);

	if (!left)
		return 0;
	if (left > q->size)
		return -1;
	*id = q->used->ring[q->used_seen & (q->size - 1)].id;
	q->used_seen++;
	return 1;
}

#endif
