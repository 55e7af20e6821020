/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-net front end: each descriptor has its buffer for good. When the host
 * partition was started anew both queues begin anew; the frames in them are lost,
 * as on a wire. */
#include "kit/net.h"

#include "kit/mm.h"
#include "internal.h"
#include "virtio.h"
#include "virtio_net.h"

#define RX VIRTIO_NET_RX
#define TX VIRTIO_NET_TX
#define HDR sizeof(struct virtio_net_hdr)
#define BUFFER 2048u /* header and frame */
#define PAGES (KIT_NET_DEPTH * BUFFER / KIT_PAGE_SIZE)
#define NONE KIT_NET_DEPTH

struct kit_net {
	struct kit_virtio dev;
	uint8_t *buffer[VIRTIO_NET_QUEUES];
	uint8_t mac[KIT_NET_MAC];
	uint16_t mtu;
	bool dead;
	uint32_t held; /* the buffer of the frame that was handed out */
	uint8_t nr_free, free[KIT_NET_DEPTH]; /* to send from */
	bool flying[KIT_NET_DEPTH];
};

static void net_event(void *arg)
{
	kit_virtio_ack(&((struct kit_net *)arg)->dev);
}

/* ---- start ---- */

/* All buffers but the one that was handed out are the device's or free. */
static void buffers_lay(struct kit_net *n)
{
	n->nr_free = 0;
	for (uint16_t i = 0; i < KIT_NET_DEPTH; i++) {
		for (unsigned q = 0; q < VIRTIO_NET_QUEUES; q++)
			n->dev.q[q].desc[i].addr =
				kit_gpa(n->buffer[q] + i * BUFFER);
		n->dev.q[RX].desc[i].len = BUFFER;
		n->dev.q[RX].desc[i].flags = VIRTQ_DESC_WRITE;
		if (i != n->held)
			virtq_put(&n->dev.q[RX], i);
		n->flying[i] = false;
		n->free[n->nr_free++] = (uint8_t)i;
	}
}

static void queues_start(struct kit_net *n)
{
	buffers_lay(n);
	kit_virtio_ready(&n->dev);
	kit_virtio_kick(&n->dev, RX);
}

static void configuration(struct kit_net *n)
{
	uint32_t low = kit_virtio_config(&n->dev, VIRTIO_NET_CONFIG_MAC);
	uint32_t high = kit_virtio_config(&n->dev, VIRTIO_NET_CONFIG_MAC + 4);

	for (unsigned i = 0; i < KIT_NET_MAC; i++)
		n->mac[i] = (uint8_t)((i < 4 ? low : high) >> i % 4 * 8);
	n->mtu = NET_MTU;
	if (n->dev.features & VIRTIO_NET_F_MTU)
		n->mtu = (uint16_t)(kit_virtio_config(&n->dev, 8) >> 16);
	if (n->mtu > NET_MTU)
		n->mtu = NET_MTU;
}

static const char *net_start(struct kit_net *n, const char *name)
{
	const char *why;

	n->held = NONE;
	for (unsigned i = 0; i < VIRTIO_NET_QUEUES; i++) {
		n->buffer[i] = kit_shared_pages(PAGES);
		if (!n->buffer[i])
			return "memory could not be shared";
	}
	why = kit_virtio_open(&n->dev, name, VIRTIO_ID_NET,
			      VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM |
				      VIRTIO_NET_F_MTU | VIRTIO_NET_F_MAC,
			      VIRTIO_NET_QUEUES, KIT_NET_DEPTH, net_event, n);
	if (why)
		return why;
	if (!(n->dev.features & VIRTIO_NET_F_MAC))
		return "the device has no address";
	configuration(n);
	queues_start(n);
	return NULL;
}

struct kit_net *kit_net_open(const char *name, const char **why)
{
	const struct pv_device *d = kit_device(NULL, PV_DEV_VIRTIO, name);
	const char *text = "there is no such network device";
	struct kit_net *n = d ? kit_calloc(1, sizeof(*n)) : NULL;

	if (n)
		text = net_start(n, name);
	if (why)
		*why = text;
	return text ? NULL : n;
}

const uint8_t *kit_net_mac(const struct kit_net *n) { return n->mac; }

unsigned kit_net_mtu(const struct kit_net *n) { return n->mtu; }

bool kit_net_dead(const struct kit_net *n) { return n->dead; }

bool kit_net_can_csum(const struct kit_net *n)
{
	return n->dev.features & VIRTIO_NET_F_CSUM;
}

/* The host partition has died and is back. */
static void reconnect(struct kit_net *n)
{
	while (!n->dead && kit_virtio_lost(&n->dev)) {
		n->dead = kit_virtio_again(&n->dev) != NULL;
		if (!n->dead)
			queues_start(n);
	}
}

/* ---- sending ---- */

static void sent_take(struct kit_net *n)
{
	struct virtq *q = &n->dev.q[TX];
	uint32_t i;
	int got;

	while ((got = virtq_get(q, &i)) > 0) {
		if (i >= KIT_NET_DEPTH || !n->flying[i]) {
			n->dead = true; /* the device lies */
			return;
		}
		n->flying[i] = false;
		n->free[n->nr_free++] = (uint8_t)i;
	}
	n->dead |= got < 0;
}

/* A buffer to send from is there, or its coming will be told. */
static bool has_room(struct kit_net *n)
{
	if (!n->nr_free) {
		sent_take(n);
		reconnect(n);
	}
	if (!n->nr_free && !n->dead && virtq_arm(&n->dev.q[TX]))
		sent_take(n);
	return n->nr_free && !n->dead;
}

bool kit_net_send(struct kit_net *n, const void *frame, size_t len,
		  const struct kit_net_csum *csum)
{
	struct virtq *q = &n->dev.q[TX];
	struct virtio_net_hdr h = { 0 };
	unsigned i;
	uint8_t *to;

	if (len < KIT_NET_HEADER || len > n->mtu + KIT_NET_HEADER + 4u ||
	    (csum && !kit_net_can_csum(n)) || !has_room(n))
		return false;
	if (csum) {
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.csum_start = csum->start;
		h.csum_offset = csum->offset;
	}
	i = n->free[--n->nr_free];
	to = n->buffer[TX] + i * BUFFER;
	__builtin_memcpy(to, &h, HDR);
	__builtin_memcpy(to + HDR, frame, len);
	q->desc[i].len = (uint32_t)(HDR + len);
	n->flying[i] = true;
	virtq_put(q, (uint16_t)i);
	return true;
}

void kit_net_kick(struct kit_net *n) { kit_virtio_kick(&n->dev, TX); }

bool kit_net_kick_wait(struct kit_net *n, uint64_t deadline_ns)
{
	return kit_virtio_kick_wait(&n->dev, TX, deadline_ns);
}

/* ---- receiving ---- */

static void held_give_back(struct kit_net *n)
{
	if (n->held != NONE)
		virtq_put(&n->dev.q[RX], (uint16_t)n->held);
	n->held = NONE;
}

/* 1 with the buffer and what the device says of its bytes, 0, -1: it lies. */
static int frame_get(struct kit_net *n, uint32_t *i, uint32_t *bytes)
{
	struct virtq *q = &n->dev.q[RX];
	int got = virtq_get(q, i);

	if (got <= 0)
		return got;
	*bytes = q->used->ring[(q->used_seen - 1u) & (q->size - 1u)].len;
	return *i<KIT_NET_DEPTH && * bytes> HDR && *bytes <= BUFFER ? 1 : -1;
}

bool kit_net_next(struct kit_net *n, struct kit_net_frame *f)
{
	const struct virtio_net_hdr *h;
	uint32_t i, bytes;
	int got;

	held_give_back(n);
	if (n->dead)
		return false;
	got = frame_get(n, &i, &bytes);
	if (!got)
		reconnect(n);
	if (!got && !n->dead && virtq_arm(&n->dev.q[RX]))
		got = frame_get(n, &i, &bytes);
	n->dead |= got < 0;
	if (got <= 0) {
		kit_virtio_kick(&n->dev, RX);
		return false;
	}
	n->held = i;
	h = (const void *)(n->buffer[RX] + i * BUFFER);
	f->data = (const uint8_t *)h + HDR;
	f->len = bytes - HDR;
	f->csum_good = h->flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM |
				   VIRTIO_NET_HDR_F_DATA_VALID);
	return true;
}
