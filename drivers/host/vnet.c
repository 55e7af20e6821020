/* SPDX-License-Identifier: BSD-2-Clause */
/* Moves frames between a guest's queues and the switch. A frame is copied once
 * from its sender, so that what the switch has looked at stays what it is, and
 * once to each receiver. */
#include "vnet.h"

#include <string.h>

#include "virtio_net.h"

#define HDR ((uint32_t)sizeof(struct virtio_net_hdr))

/* The program has one thread, and the switch does not call itself. */
static uint8_t tx_frame[NET_FRAME_MAX];
static uint8_t rx_frame[NET_FRAME_MAX];
static struct vq_chain tx_chain;
static struct vq_chain rx_chain[VNET_MERGE];

static bool agreed(const struct vdev *v, uint64_t feature)
{
	return v->driver_features & feature;
}

/* ---- from the guest ---- */

/* False: the guest no longer shares it. *f is empty if it is malformed. */
static bool frame_read(struct vdev *v, struct net_frame *f)
{
	struct vq *q = &v->q[VNET_TX];
	const struct vq_chain *c = &tx_chain;
	struct virtio_net_hdr h;

	*f = (struct net_frame){ .data = tx_frame };
	if (c->nr_write || c->read_bytes < HDR + NET_HEADER ||
	    c->read_bytes > HDR + NET_FRAME_MAX)
		return true;
	f->len = (uint32_t)c->read_bytes - HDR;
	if (vq_read(q, c, 0, &h, HDR) != HDR ||
	    vq_read(q, c, HDR, tx_frame, f->len) != f->len)
		return false;
	if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		f->csum =
			(struct net_csum){ true, h.csum_start, h.csum_offset };
	if (h.gso_type != VIRTIO_NET_HDR_GSO_NONE ||
	    !net_csum_ok(&f->csum, f->len) ||
	    (f->csum.needed && !agreed(v, VIRTIO_NET_F_CSUM)))
		f->len = 0;
	return true;
}

static bool run(struct vdev *v, unsigned queue)
{
	struct vnet *n = (struct vnet *)v;
	uint64_t now = n->now_ns();

	if (queue != VNET_TX)
		return false; /* frames look for buffers themselves */
	for (unsigned budget = VNET_QUEUE; budget; budget--) {
		struct net_frame f;

		if (!vdev_next(v, VNET_TX, &tx_chain))
			return false;
		if (!frame_read(v, &f)) {
			vdev_break(v);
			return false;
		}
		if (f.len)
			netswitch_input(n->sw, &n->port, &f, now);
		else
			n->tx_bad++;
		vdev_push(v, VNET_TX, tx_chain.head, 0);
	}
	return true;
}

/* ---- to the guest ---- */

/* Takes buffers for so many bytes. Returns how many; 0: there are not enough,
 * and none is taken; -1: the guest broke the protocol. */
static int buffers_take(struct vdev *v, uint32_t bytes)
{
	struct vq *q = &v->q[VNET_RX];
	int most = agreed(v, VIRTIO_NET_F_MRG_RXBUF) ? VNET_MERGE : 1;
	uint16_t begin = q->avail_seen;

	for (int n = 0; n < most; n++) {
		struct vq_chain *c = &rx_chain[n];
		int got = vq_next(q, c);

		if (got < 0 || (got && (c->nr_read || c->write_bytes < HDR)))
			return -1;
		if (!got)
			break;
		if (c->write_bytes >= bytes)
			return n + 1;
		bytes -= (uint32_t)c->write_bytes;
	}
	q->avail_seen = begin;
	return 0;
}

/* What the guest is told of a frame; its checksum is computed if the guest
 * cannot do without. */
static struct virtio_net_hdr hdr_of(const struct vdev *v, struct net_frame *f,
				    int buffers)
{
	struct virtio_net_hdr h = { .num_buffers = (uint16_t)buffers };
	bool can = agreed(v, VIRTIO_NET_F_GUEST_CSUM);

	if (f->csum.needed && can) {
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.csum_start = f->csum.start;
		h.csum_offset = f->csum.offset;
	} else if (f->csum.needed) {
		memcpy(rx_frame, f->data, f->len);
		net_csum_finish(rx_frame, f->len, &f->csum);
		f->data = rx_frame;
	} else if (f->csum_good && can) {
		h.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	return h;
}

/* Fills a buffer from the frame's byte `at` on, behind `skip` bytes. Returns how
 * much went in; less than there is room for: it is not shared. */
static uint32_t fill(struct vq *q, const struct vq_chain *c, uint32_t skip,
		     const struct net_frame *f, uint32_t at)
{
	uint64_t room = c->write_bytes - skip;
	uint32_t n = f->len - at < room ? f->len - at : (uint32_t)room;

	return vq_write(q, c, skip, f->data + at, n) == n ? n : UINT32_MAX;
}

static void frame_put(struct vdev *v, struct net_frame f, int buffers)
{
	struct vq *q = &v->q[VNET_RX];
	struct virtio_net_hdr h = hdr_of(v, &f, buffers);
	uint32_t at = 0;
	uint32_t skip = HDR;

	if (vq_write(q, &rx_chain[0], 0, &h, HDR) != HDR) {
		vdev_break(v);
		return;
	}
	for (int i = 0; i < buffers; i++, skip = 0) {
		uint32_t n = fill(q, &rx_chain[i], skip, &f, at);

		if (n == UINT32_MAX) {
			vdev_break(v);
			return;
		}
		vdev_push(v, VNET_RX, rx_chain[i].head, skip + n);
		at += n;
	}
}

static void deliver(struct netswitch_port *p, const struct net_frame *f)
{
	struct vnet *n = p->arg;
	struct vdev *v = &n->dev;
	int buffers;

	if (!vdev_live(v, VNET_RX))
		return;
	buffers = buffers_take(v, HDR + f->len);
	if (buffers < 0)
		vdev_break(v);
	else if (!buffers)
		n->rx_dropped++;
	else
		frame_put(v, *f, buffers);
}

/* ---- the device ---- */

static uint64_t features(const struct vdev *v)
{
	(void)v;
	return VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MTU |
	       VIRTIO_NET_F_MAC | VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_STATUS;
}

static void configuration(const struct vdev *v, uint8_t bytes[VDEV_CONFIG])
{
	const struct vnet *n = (const struct vnet *)v;

	memcpy(bytes + VIRTIO_NET_CONFIG_MAC, n->port.mac, NET_MAC);
	put_le16(bytes + VIRTIO_NET_CONFIG_STATUS, VIRTIO_NET_S_LINK_UP);
	put_le16(bytes + VIRTIO_NET_CONFIG_MTU, NET_MTU);
}

bool vnet_init(struct vnet *n)
{
	static const struct vdev_ops ops = {
		.id = VIRTIO_ID_NET,
		.nr_queues = 2,
		.queue_max = VNET_QUEUE,
		.features = features,
		.config = configuration,
		.run = run,
		.free = vnet_free,
	};

	n->dev.ops = &ops;
	n->tx_bad = n->rx_dropped = 0;
	n->port.send = deliver;
	n->port.arg = n;
	n->port.max_macs = NETSWITCH_PORT_MACS;
	n->port.has_mac = true;
	return netswitch_attach(n->sw, &n->port);
}
