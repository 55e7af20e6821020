/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio-net device for its driver's tests, and what they do with the driver. */
#ifndef TESTS_UNIT_DRIVERS_FAKE_VIRTIO_NET_H
#define TESTS_UNIT_DRIVERS_FAKE_VIRTIO_NET_H

#include "drivers/fake_virtio.h"
#include "virtio_net.h"

#define RX 0
#define TX 1

static const uint8_t mac[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

static struct virtio_net net;
static struct pci_dev pci;

/* ---- the device's end ---- */

static uint8_t wire[4096]; /* what was sent last */
static uint32_t wire_len;
static struct virtio_net_hdr wire_hdr;
static unsigned wire_frames;

static void serve(unsigned queue, uint16_t head)
{
	struct virtq_desc *d = desc_at(queue, head);

	assert_int_equal(queue, TX);
	assert_int_equal(d->len, sizeof(wire_hdr));
	memcpy(&wire_hdr, fake_dma_at(d->addr, d->len), d->len);
	wire_len = 0;
	do {
		d = desc_at(queue, d->next);
		assert_non_null(fake_dma_at(d->addr, d->len));
		assert_false(d->flags & VIRTQ_DESC_WRITE);
		memcpy(wire + wire_len, fake_dma_at(d->addr, d->len), d->len);
		wire_len += d->len;
	} while (d->flags & VIRTQ_DESC_NEXT);
	wire_frames++;
	used_put(queue, head, 0);
}

static uint8_t frame_byte(unsigned i) { return (uint8_t)(i * 7 + 1); }

/* A frame comes, of which the used ring says that it has `len` bytes. */
static void arrive_as(struct virtio_net_hdr h, uint32_t bytes, uint32_t len)
{
	int head = avail_next(RX);
	struct virtq_desc *d;
	uint8_t *p;

	assert_true(head >= 0);
	d = desc_at(RX, (uint16_t)head);
	assert_int_equal(d->len, NET_BUFFER);
	assert_int_equal(d->flags, VIRTQ_DESC_WRITE);
	p = fake_dma_at(d->addr, d->len);
	assert_non_null(p);
	memcpy(p, &h, sizeof(h));
	for (unsigned i = 0; i < bytes; i++)
		p[sizeof(h) + i] = frame_byte(i);
	used_put(RX, (uint32_t)head, len);
}

static inline void arrive(uint32_t bytes)
{
	struct virtio_net_hdr h = { .num_buffers = 1 };

	arrive_as(h, bytes, bytes + (uint32_t)sizeof(h));
}

/* ---- the driver's end ---- */

static unsigned received, received_len, dues;
static struct net_frame last;

static inline void rx(struct net_dev *d, const struct net_frame *f)
{
	assert_ptr_equal(d, &net.net);
	received++;
	received_len = f->len;
	last = *f;
	for (unsigned i = 0; i < f->len; i++)
		assert_int_equal(f->data[i], frame_byte(i));
}

static inline void due(struct net_dev *d)
{
	(void)d;
	dues++;
}

static int setup(void **state)
{
	(void)state;
	pci = fake_virtio_reset(VIRTIO_PCI_NET_MODERN);
	dev.serve = serve;
	dev.kept = 1u << RX; /* until a frame comes */
	dev.offered |= VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS;
	memcpy(dev.config, mac, 6);
	dev.config[VIRTIO_NET_CONFIG_STATUS] = VIRTIO_NET_S_LINK_UP;
	received = dues = wire_frames = 0;
	return 0;
}

static uint8_t *data;
static struct net_seg seg[NET_SEGS + 1];

static inline const char *start(void)
{
	const char *why = virtio_net_start(&net, &fake_env, &pci);
	dev_addr_t at;

	data = fake_env.dma_alloc(&fake_env, 4096, &at);
	net.net.rx = rx;
	for (unsigned i = 0; i <= NET_SEGS && data; i++)
		seg[i] = (struct net_seg){ data + 100 * i,
					   dev_addr(at.v + 100 * i), 100 };
	return why;
}

static unsigned ended;
static enum net_status end;

static void done(struct net_tx *tx, enum net_status status)
{
	(void)tx;
	ended++;
	end = status;
}

static inline struct net_tx tx_of(unsigned nsegs)
{
	ended = 0;
	return (struct net_tx){ .nsegs = nsegs, .seg = seg, .done = done };
}

#endif
