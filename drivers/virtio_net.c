/* SPDX-License-Identifier: BSD-2-Clause */
/* Driver of virtio-net over modern PCI; the device may write anything. A frame
 * fits in one buffer, so that buffers need not be merged. */
#include "virtio_net.h"

#define RX VIRTIO_NET_RX
#define TX VIRTIO_NET_TX
#define HDR ((uint32_t)sizeof(struct virtio_net_hdr))

static struct virtio_net *net_of(struct net_dev *dev)
{
	return (struct virtio_net *)dev;
}

static void kick(struct virtio_net *d, unsigned queue)
{
	if (virtq_kick_wanted(&d->q[queue]))
		virtio_pci_kick(&d->pci, queue);
}

/* ---- sending ---- */

static void hdr_fill(volatile struct virtio_net_hdr *h,
		     const struct net_csum *c)
{
	h->flags = c->needed ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0;
	h->gso_type = VIRTIO_NET_HDR_GSO_NONE;
	h->hdr_len = h->gso_size = h->num_buffers = 0;
	h->csum_start = c->needed ? c->start : 0;
	h->csum_offset = c->needed ? c->offset : 0;
}

/* Ends what the device has sent; false: it lies. */
static bool reap(struct virtio_net *d)
{
	uint16_t head;
	int got;

	while ((got = virtq_take(&d->q[TX], &head)) > 0) {
		struct net_tx *tx = d->tx[head];

		d->tx[head] = NULL;
		if (tx)
			net_sent(&d->net, tx, NET_OK);
		if (!d->running)
			return true; /* done() has sent, and broke it */
	}
	return got == 0;
}

static enum net_status send(struct net_dev *dev, struct net_tx *tx)
{
	struct virtio_net *d = net_of(dev);
	struct virtq_buf buf[NET_SEGS + 1];
	uint16_t head = virtq_next_head(&d->q[TX]);

	if (d->q[TX].free_count <= tx->nsegs)
		return NET_EBUSY;
	hdr_fill(&d->tx_hdr[head], &tx->csum);
	buf[0] = (struct virtq_buf){ dev_addr(d->tx_hdr_dev.v + head * HDR),
				     HDR, false };
	for (uint32_t i = 0; i < tx->nsegs; i++)
		buf[i + 1] = (struct virtq_buf){ tx->seg[i].dev, tx->seg[i].len,
						 false };
	if (virtq_add(&d->q[TX], buf, tx->nsegs + 1) < 0)
		return NET_EBUSY;
	d->tx[head] = tx;
	return NET_OK;
}

static void flush(struct net_dev *dev) { kick(net_of(dev), TX); }

/* ---- receiving ---- */

static void rx_post(struct virtio_net *d, uint16_t buffer)
{
	struct virtq_buf b = { dev_addr(d->rx_dev.v + buffer * NET_BUFFER),
			       NET_BUFFER, true };
	int head = virtq_add(&d->q[RX], &b, 1);

	if (head >= 0)
		d->rx_of[head] = buffer;
}

static void frame_take(struct virtio_net *d, const uint8_t *bytes, uint32_t len)
{
	const volatile struct virtio_net_hdr *h = (const void *)bytes;
	uint8_t flags = h->flags;
	struct net_frame f = { .data = bytes + HDR, .len = len - HDR };

	if (len < HDR || h->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		d->net.count.rx_errors++;
		return;
	}
	f.csum_good = flags & VIRTIO_NET_HDR_F_DATA_VALID;
	if (flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		f.csum = (struct net_csum){ true, h->csum_start,
					    h->csum_offset };
	net_receive(&d->net, &f);
}

/* One frame: 1, 0 none, -1 the device lies. */
static int receive(struct virtio_net *d)
{
	uint16_t head, buffer;
	uint32_t len;
	int got = virtq_take_len(&d->q[RX], &head, &len);

	if (got <= 0)
		return got;
	if (len > NET_BUFFER)
		return -1;
	buffer = d->rx_of[head];
	frame_take(d, d->rx_buffer + buffer * NET_BUFFER, len);
	if (d->running)
		rx_post(d, buffer);
	return 1;
}

static bool poll(struct net_dev *dev, unsigned budget)
{
	struct virtio_net *d = net_of(dev);
	int got = 0;

	if (!d->running)
		return true;
	if (!reap(d)) {
		net_break(dev, "device wrote a wrong used ring");
		return true;
	}
	while (d->running && budget-- && (got = receive(d)) > 0)
		;
	if (got < 0)
		net_break(dev, "device wrote a wrong used ring");
	if (!d->running)
		return true;
	kick(d, RX);
	/* neither may be left out */
	return !(virtq_arm(&d->q[RX]) | virtq_arm_last(&d->q[TX]));
}

/* ---- interrupts ---- */

static void link_read(struct virtio_net *d)
{
	d->net.link = !(d->pci.features & VIRTIO_NET_F_STATUS) ||
		      (virtio_pci_config(&d->pci, VIRTIO_NET_CONFIG_STATUS, 2) &
		       VIRTIO_NET_S_LINK_UP);
}

/* The configuration has changed, or so it says. */
static void changed(void *arg)
{
	struct virtio_net *d = arg;
	uint8_t status;

	if (!d->running)
		return;
	status = virtio_pci_status(&d->pci);
	if (status == VIRTIO_PCI_GONE)
		net_break(&d->net, "is gone");
	else if (status & VIRTIO_STATUS_NEEDS_RESET)
		net_restart(&d->net, "asks for a reset");
	else
		link_read(d);
}

static void interrupt(void *arg)
{
	struct virtio_net *d = arg;
	struct env *e = d->net.env;
	bool line = d->pci.irq.kind == ENV_IRQ_LINE;
	uint8_t isr = line ? virtio_pci_isr(&d->pci) : 0; /* lowers it */

	e->irq_ack(e, &d->pci.irq);
	if (!d->running || (line && !isr))
		return; /* given up, or not started; or the line is shared */
	if (line ? isr & VIRTIO_PCI_ISR_CONFIG : !d->pci.config_apart)
		changed(d);
	if (!d->running)
		return;
	virtq_disarm(&d->q[RX]);
	virtq_disarm(&d->q[TX]);
	net_interrupt(&d->net);
}

/* ---- start ---- */

static void rx_fill(struct virtio_net *d)
{
	for (uint16_t i = 0; i < d->q[RX].size; i++)
		rx_post(d, i);
	kick(d, RX);
}

static const char *bring_up(struct virtio_net *d)
{
	struct virtio_pci *p = &d->pci;
	const char *why = virtio_pci_begin(
		p,
		VIRTIO_F_EVENT_IDX | VIRTIO_F_ACCESS_PLATFORM |
			VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM |
			VIRTIO_NET_F_MTU | VIRTIO_NET_F_STATUS,
		VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MAC);

	for (unsigned i = 0; i < VIRTIO_NET_QUEUES && !why; i++)
		why = virtio_pci_queue(p, i, &d->q[i], d->ring_page[i],
				       d->ring_dev[i]);
	if (why)
		return why;
	if (d->q[TX].size < 2)
		return "has no room for a frame";
	d->net.csum = p->features & VIRTIO_NET_F_CSUM;
	virtio_pci_ready(p);
	d->running = true;
	link_read(d);
	rx_fill(d);
	virtq_arm(&d->q[RX]);
	virtq_arm(&d->q[TX]);
	return NULL;
}

static bool restart(struct net_dev *dev)
{
	struct virtio_net *d = net_of(dev);

	d->running = false;
	for (unsigned i = 0; i < VIRTQ_SIZE_MAX; i++)
		d->tx[i] = NULL;
	if (!virtio_pci_reset(&d->pci)) {
		/* it could still write to our memory: cut it off the bus */
		pci_command(dev->env, d->pci.bdf, 0, PCI_COMMAND_MASTER);
		return false;
	}
	return dev->lost || !bring_up(d);
}

static const struct net_ops virtio_net_ops = { send, flush, poll, restart };

/* Reads what holds after the features were agreed on. */
static const char *identity(struct virtio_net *d)
{
	uint64_t mac = virtio_pci_config(&d->pci, VIRTIO_NET_CONFIG_MAC, 4);
	uint64_t mtu = NET_MTU;

	mac |= virtio_pci_config(&d->pci, VIRTIO_NET_CONFIG_MAC + 4, 2) << 32;
	for (unsigned i = 0; i < NET_MAC; i++)
		d->net.mac[i] = (uint8_t)(mac >> 8 * i);
	if (!net_mac_usable(d->net.mac))
		return "has no usable address";
	if (d->pci.features & VIRTIO_NET_F_MTU)
		mtu = virtio_pci_config(&d->pci, VIRTIO_NET_CONFIG_MTU, 2);
	if (mtu < NET_MTU_MIN)
		return "has an MTU that is too small";
	d->net.mtu = (uint16_t)(mtu < NET_MTU ? mtu : NET_MTU);
	return NULL;
}

static bool memory(struct virtio_net *d, struct env *e)
{
	for (unsigned i = 0; i < VIRTIO_NET_QUEUES; i++)
		d->ring_page[i] = e->dma_alloc(e, VIRTQ_PAGE, &d->ring_dev[i]);
	d->rx_buffer = e->dma_alloc(e, VIRTQ_SIZE_MAX * NET_BUFFER, &d->rx_dev);
	d->tx_hdr = e->dma_alloc(e, VIRTQ_SIZE_MAX * HDR, &d->tx_hdr_dev);
	return d->ring_page[RX] && d->ring_page[TX] && d->rx_buffer &&
	       d->tx_hdr && net_init(&d->net);
}

bool virtio_net_matches(const struct pci_dev *pci)
{
	return pci->vendor == VIRTIO_PCI_VENDOR &&
	       (pci->device == VIRTIO_PCI_NET_MODERN ||
		pci->device == VIRTIO_PCI_NET_TRANSITIONAL);
}

const char *virtio_net_start(struct virtio_net *d, struct env *e,
			     const struct pci_dev *pci)
{
	const char *why;

	*d = (struct virtio_net){ .net = { .ops = &virtio_net_ops,
					   .env = e,
					   .driver = "virtio-net" } };
	if (!memory(d, e))
		return "no memory";
	why = virtio_pci_find(&d->pci, e, pci);
	if (why)
		return why;
	if (!virtio_pci_irq(&d->pci, pci, interrupt, d))
		return "its interrupt is refused";
	virtio_pci_config_irq(&d->pci, pci, changed, d);
	why = bring_up(d);
	if (!why)
		why = identity(d);
	if (why) {
		d->running = false;
		d->net.lost = true;
		virtio_pci_reset(&d->pci);
	}
	return why;
}
