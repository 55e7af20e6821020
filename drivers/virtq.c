/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver's side of a split virtqueue; trusts nothing the device wrote. */
#include "virtq.h"

static void barrier(void)
{
	__asm__ volatile("" ::: "memory"); /* x86 keeps the order of stores */
}

static volatile uint16_t *used_event(struct virtq *q)
{
	return &q->avail->ring[q->size];
}

static volatile uint16_t *avail_event(struct virtq *q)
{
	return (volatile uint16_t *)&q->used->ring[q->size];
}

void virtq_init(struct virtq *q, uint16_t size, void *page, dev_addr_t base,
		bool event_idx)
{
	uint8_t *p = page;

	*q = (struct virtq){ .size = size,
			     .free_count = size,
			     .event_idx = event_idx,
			     .desc = (void *)p,
			     .avail = (void *)(p + VIRTQ_AVAIL_OFF(size)),
			     .used = (void *)(p + VIRTQ_USED_OFF(size)),
			     .base = base };
	for (uint16_t i = 0; i < size; i++)
		q->desc[i].next = (uint16_t)(i + 1);
}

int virtq_add(struct virtq *q, const struct virtq_buf *buf, unsigned count)
{
	uint16_t head = q->free_head;
	uint16_t i = head;
	uint16_t idx = q->avail->idx;
	volatile struct virtq_desc *desc = q->desc;

	if (!count || count > q->free_count)
		return -1;
	for (unsigned n = 0; n < count; n++) {
		volatile struct virtq_desc *d = &desc[i];

		d->addr = buf[n].addr.v;
		d->len = buf[n].len;
		d->flags = (uint16_t)((n + 1 < count ? VIRTQ_DESC_NEXT : 0) |
				      (buf[n].device_writes ? VIRTQ_DESC_WRITE :
							      0));
		i = d->next;
	}
	q->free_head = i;
	q->free_count = (uint16_t)(q->free_count - count);
	q->chain[head] = (uint8_t)count;
	q->avail->ring[idx & (q->size - 1)] = head;
	barrier(); /* the ring entry before the index that publishes it */
	q->avail->idx = (uint16_t)(idx + 1);
	return head;
}

bool virtq_kick_wanted(struct virtq *q)
{
	uint16_t now = q->avail->idx;
	uint16_t old = q->kicked;

	/* the index must be seen before we read what the device wants */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	q->kicked = now;
	if (now == old)
		return false;
	if (q->event_idx)
		return virtq_need_event(*avail_event(q), now, old);
	return !(q->used->flags & VIRTQ_USED_NO_NOTIFY);
}

/* Gives a chain's descriptors back; `next` links were never the device's. */
static void chain_free(struct virtq *q, uint16_t head)
{
	uint16_t last = head;

	for (unsigned n = q->chain[head]; n > 1; n--)
		last = q->desc[last].next;
	q->desc[last].next = q->free_head;
	q->free_head = head;
	q->free_count = (uint16_t)(q->free_count + q->chain[head]);
	q->chain[head] = 0;
}

int virtq_take(struct virtq *q, uint16_t *head)
{
	uint32_t len;

	return virtq_take_len(q, head, &len);
}

int virtq_take_len(struct virtq *q, uint16_t *head, uint32_t *len)
{
	uint16_t idx = q->used->idx;
	uint32_t id;

	if (idx == q->used_seen)
		return 0;
	if ((uint16_t)(idx - q->used_seen) > q->size)
		return -1;
	barrier(); /* the index before the entry */
	id = q->used->ring[q->used_seen & (q->size - 1)].id;
	*len = q->used->ring[q->used_seen & (q->size - 1)].len;
	if (id >= q->size || !q->chain[id])
		return -1;
	q->used_seen++;
	chain_free(q, (uint16_t)id);
	*head = (uint16_t)id;
	return 1;
}

/* So many completions from now. True: they have come. */
static bool arm_at(struct virtq *q, uint16_t n)
{
	if (q->event_idx)
		*used_event(q) = (uint16_t)(q->used_seen + n - 1);
	else
		q->avail->flags = 0;
	/* our wish must be seen before we look a last time */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return (uint16_t)(q->used->idx - q->used_seen) >= n;
}

bool virtq_arm(struct virtq *q) { return arm_at(q, 1); }

bool virtq_arm_last(struct virtq *q)
{
	uint16_t flying = (uint16_t)(q->avail->idx - q->used_seen);

	return arm_at(q, flying && q->event_idx ? flying : 1);
}

void virtq_disarm(struct virtq *q)
{
	if (!q->event_idx)
		q->avail->flags = VIRTQ_AVAIL_NO_INTERRUPT;
}
