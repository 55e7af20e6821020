/* SPDX-License-Identifier: BSD-2-Clause */
/* Driver of the 82540EM with legacy descriptors (section numbers: Intel 317453).
 * What the card writes into memory and registers may be anything. */
#include "e1000.h"

/* Registers (13.4). */
#define CTRL 0x0000u
#define STATUS 0x0008u
#define EERD 0x0014u
#define ICR 0x00c0u
#define IMS 0x00d0u
#define IMC 0x00d8u
#define RCTL 0x0100u
#define TCTL 0x0400u
#define TIPG 0x0410u
#define RDBAL 0x2800u
#define RDBAH 0x2804u
#define RDLEN 0x2808u
#define RDH 0x2810u
#define RDT 0x2818u
#define TDBAL 0x3800u
#define TDBAH 0x3804u
#define TDLEN 0x3808u
#define TDH 0x3810u
#define TDT 0x3818u
#define MTA 0x5200u
#define MTA_WORDS 128u
#define RAL 0x5400u
#define RAH 0x5404u
#define REGS_BYTES 0x20000u

#define CTRL_ASDE (1u << 5)
#define CTRL_SLU (1u << 6)
#define CTRL_RST (1u << 26)
#define STATUS_LU (1u << 1)
#define EERD_START (1u << 0)
#define EERD_DONE (1u << 4)
#define RAH_VALID (1u << 31)

#define INT_TXDW (1u << 0)
#define INT_LSC (1u << 2)
#define INT_RXDMT0 (1u << 4)
#define INT_RXO (1u << 6)
#define INT_RXT0 (1u << 7)
#define INTS (INT_TXDW | INT_LSC | INT_RXDMT0 | INT_RXO | INT_RXT0)

#define RCTL_EN (1u << 1)
#define RCTL_UPE (1u << 3) /* all addresses: the card is a switch's uplink */
#define RCTL_MPE (1u << 4)
#define RCTL_BAM (1u << 15)
#define RCTL_SECRC (1u << 26) /* buffers of 2048 bytes: BSIZE and BSEX 0 */
#define TCTL_EN (1u << 1)
#define TCTL_PSP (1u << 3)
#define TCTL_CT (0x0fu << 4) /* 13.4.33 has these two for full duplex */
#define TCTL_COLD (0x40u << 12)
#define TIPG_COPPER (10u | 8u << 10 | 6u << 20) /* 13.4.34 */

#define RX_DD 1u
#define RX_EOP 2u
#define TX_EOP 1u
#define TX_IFCS 2u
#define TX_RS 8u
#define TX_DD 1u

#define NOTHING 0xffffffffu /* as a card that is gone reads */
#define RESET_MS 100u
#define EEPROM_MS 100u

static struct e1000 *card_of(struct net_dev *dev)
{
	return (struct e1000 *)dev;
}

static uint32_t reg(struct e1000 *d, uint32_t off)
{
	return (uint32_t)d->net.env->mmio_read(d->net.env, d->regs + off, 4);
}

static void reg_set(struct e1000 *d, uint32_t off, uint32_t v)
{
	d->net.env->mmio_write(d->net.env, d->regs + off, 4, v);
}

static void barrier(void)
{
	__asm__ volatile("" ::: "memory"); /* x86 keeps the order */
}

static unsigned after(unsigned i) { return (i + 1) % E1000_RING; }

/* ---- sending ---- */

/* One descriptor stays free: a full ring would look like an empty one. */
static unsigned tx_room(const struct e1000 *d)
{
	return (d->tx_oldest - d->tx_next - 1) % E1000_RING;
}

static enum net_status send(struct net_dev *dev, struct net_tx *tx)
{
	struct e1000 *d = card_of(dev);

	if (tx_room(d) < tx->nsegs)
		return NET_EBUSY;
	for (uint32_t i = 0; i < tx->nsegs; i++) {
		volatile struct e1000_tx_desc *t = &d->tx[d->tx_next];
		bool last = i + 1 == tx->nsegs;

		t->addr = tx->seg[i].dev.v;
		t->len = (uint16_t)tx->seg[i].len;
		t->cso = t->css = t->status = 0;
		t->special = 0;
		t->cmd = TX_IFCS | (last ? TX_EOP | TX_RS : 0);
		d->frame[d->tx_next] = last ? tx : NULL;
		d->tx_next = after(d->tx_next);
	}
	return NET_OK;
}

static void flush(struct net_dev *dev)
{
	struct e1000 *d = card_of(dev);

	if (d->tx_told == d->tx_next)
		return;
	d->tx_told = d->tx_next;
	barrier(); /* the descriptors before the tail that gives them away */
	reg_set(d, TDT, d->tx_next);
}

/* The frame that is to be ended next, if the card says that it is sent. */
static struct net_tx *sent_take(struct e1000 *d)
{
	unsigned i = d->tx_oldest;
	struct net_tx *tx;

	while (i != d->tx_told && !d->frame[i])
		i = after(i);
	if (i == d->tx_told || !(d->tx[i].status & TX_DD))
		return NULL;
	tx = d->frame[i];
	d->frame[i] = NULL;
	d->tx_oldest = after(i);
	return tx;
}

static void reap(struct e1000 *d)
{
	struct net_tx *tx;

	while (d->running && (tx = sent_take(d)) != NULL)
		net_sent(&d->net, tx, NET_OK);
}

/* ---- receiving ---- */

static void rx_post(struct e1000 *d, unsigned i)
{
	d->rx[i].addr = d->buffer_dev.v + i * NET_BUFFER;
	d->rx[i].errors = 0;
	d->rx[i].status = 0;
}

/* A frame that does not end in its buffer is too long: all of it is dropped. */
static void frame_take(struct e1000 *d, unsigned i, uint8_t status)
{
	struct net_frame f = { .data = d->buffer + i * NET_BUFFER,
			       .len = d->rx[i].len };
	bool whole = (status & RX_EOP) && !d->skipping;

	d->skipping = !(status & RX_EOP);
	if (whole && !d->rx[i].errors)
		net_receive(&d->net, &f);
	else if (!d->skipping)
		d->net.count.rx_errors++;
}

/* False: nothing is there. */
static bool receive(struct e1000 *d)
{
	unsigned i = d->rx_next;
	uint8_t status = d->rx[i].status;

	if (!(status & RX_DD))
		return false;
	barrier(); /* the status before the rest */
	if (d->rx[i].len > NET_BUFFER) {
		net_break(&d->net, "the card says it has overrun a buffer");
		return false;
	}
	frame_take(d, i, status);
	if (!d->running)
		return false;
	rx_post(d, i);
	d->rx_next = after(i);
	return true;
}

/* The card may fill all but one: a full ring would look like an empty one. */
static void rx_give(struct e1000 *d)
{
	unsigned tail = (d->rx_next + E1000_RING - 1) % E1000_RING;

	if (tail == d->rx_tail)
		return;
	d->rx_tail = tail;
	barrier(); /* the descriptors before the tail that gives them away */
	reg_set(d, RDT, tail);
}

static bool poll(struct net_dev *dev, unsigned budget)
{
	struct e1000 *d = card_of(dev);
	bool more = true;

	reap(d);
	while (d->running && budget-- && (more = receive(d)))
		;
	if (!d->running)
		return true;
	rx_give(d);
	if (more)
		return false;
	/* what has come meanwhile is in ICR, and interrupts now */
	reg_set(d, IMS, INTS);
	return true;
}

/* ---- interrupts ---- */

static void link_read(struct e1000 *d)
{
	d->net.link = reg(d, STATUS) & STATUS_LU;
}

static void interrupt(void *arg)
{
	struct e1000 *d = arg;
	struct env *e = d->net.env;
	uint32_t cause = 0;

	if (d->running) {
		cause = reg(d, ICR); /* to read it clears it */
		if (cause & INTS && cause != NOTHING)
			reg_set(d, IMC, NOTHING);
	}
	e->irq_ack(e, &d->irq);
	if (cause == NOTHING)
		net_break(&d->net, "is gone");
	if (!d->running || !(cause & INTS))
		return; /* given up, or the line is shared */
	if (cause & INT_LSC)
		link_read(d);
	net_interrupt(&d->net);
}

/* ---- start ---- */

/* It touches no memory any more; false: it does not answer. */
static bool stop(struct e1000 *d)
{
	struct env *e = d->net.env;
	uint64_t end = e->now_ns(e) + RESET_MS * ENV_MS;
	uint32_t ctrl = reg(d, CTRL);

	d->running = false;
	reg_set(d, IMC, NOTHING);
	reg_set(d, RCTL, 0);
	reg_set(d, TCTL, 0);
	reg_set(d, CTRL, ctrl | CTRL_RST);
	do {
		if (ctrl == NOTHING || e->now_ns(e) >= end)
			return false;
		e->wait(e, e->now_ns(e) + ENV_MS); /* 13.4.1: not at once */
		ctrl = reg(d, CTRL);
	} while (ctrl & CTRL_RST);
	reg_set(d, IMC, NOTHING);
	reg(d, ICR);
	return true;
}

static void rings_start(struct e1000 *d)
{
	for (unsigned i = 0; i < E1000_RING; i++) {
		rx_post(d, i);
		d->frame[i] = NULL;
	}
	d->rx_next = d->tx_next = d->tx_oldest = d->tx_told = 0;
	d->rx_tail = 0;
	d->skipping = false;
	reg_set(d, RDBAL, (uint32_t)d->rx_dev.v);
	reg_set(d, RDBAH, (uint32_t)(d->rx_dev.v >> 32));
	reg_set(d, RDLEN, E1000_RING * sizeof(*d->rx));
	reg_set(d, RDH, 0);
	reg_set(d, RDT, 0);
	reg_set(d, TDBAL, (uint32_t)d->tx_dev.v);
	reg_set(d, TDBAH, (uint32_t)(d->tx_dev.v >> 32));
	reg_set(d, TDLEN, E1000_RING * sizeof(*d->tx));
	reg_set(d, TDH, 0);
	reg_set(d, TDT, 0);
}

static void bring_up(struct e1000 *d)
{
	const uint8_t *m = d->net.mac;

	reg_set(d, CTRL, reg(d, CTRL) | CTRL_SLU | CTRL_ASDE);
	for (unsigned i = 0; i < MTA_WORDS; i++)
		reg_set(d, MTA + 4 * i, 0);
	reg_set(d, RAL, le32(m));
	reg_set(d, RAH, le16(m + 4) | RAH_VALID);
	rings_start(d);
	reg_set(d, TIPG, TIPG_COPPER);
	reg_set(d, TCTL, TCTL_EN | TCTL_PSP | TCTL_CT | TCTL_COLD);
	reg_set(d, RCTL, RCTL_EN | RCTL_UPE | RCTL_MPE | RCTL_BAM | RCTL_SECRC);
	rx_give(d);
	d->running = true;
	link_read(d);
	reg_set(d, IMS, INTS);
}

static bool restart(struct net_dev *dev)
{
	struct e1000 *d = card_of(dev);

	if (!stop(d)) {
		/* it could still write to our memory: cut it off the bus */
		pci_command(dev->env, d->bdf, 0, PCI_COMMAND_MASTER);
		return false;
	}
	if (!dev->lost)
		bring_up(d);
	return true;
}

static const struct net_ops e1000_ops = { send, flush, poll, restart };

/* A word of the EEPROM (13.4.4); false: it does not answer. */
static bool eeprom_read(struct e1000 *d, unsigned word, uint16_t *to)
{
	struct env *e = d->net.env;
	uint64_t end = e->now_ns(e) + EEPROM_MS * ENV_MS;
	uint32_t v;

	reg_set(d, EERD, word << 8 | EERD_START);
	do {
		v = reg(d, EERD);
		*to = (uint16_t)(v >> 16);
		if (v == NOTHING)
			return false;
		if (v & EERD_DONE)
			return true;
	} while (e->now_ns(e) < end);
	return false;
}

static const char *address_read(struct e1000 *d)
{
	for (unsigned i = 0; i < NET_MAC / 2; i++) {
		uint16_t word;

		if (!eeprom_read(d, i, &word))
			return "its EEPROM does not answer";
		put_le16(d->net.mac + 2 * i, word);
	}
	return net_mac_usable(d->net.mac) ? NULL : "has no usable address";
}

static bool memory(struct e1000 *d, struct env *e)
{
	d->rx = e->dma_alloc(e, E1000_RING * sizeof(*d->rx), &d->rx_dev);
	d->tx = e->dma_alloc(e, E1000_RING * sizeof(*d->tx), &d->tx_dev);
	d->buffer = e->dma_alloc(e, E1000_RING * NET_BUFFER, &d->buffer_dev);
	return d->rx && d->tx && d->buffer && net_init(&d->net);
}

bool e1000_matches(const struct pci_dev *pci)
{
	return pci->vendor == E1000_VENDOR && pci->device == E1000_82540EM;
}

const char *e1000_start(struct e1000 *d, struct env *e,
			const struct pci_dev *pci)
{
	const struct pci_bar *bar = &pci->bar[0];
	const char *why;

	*d = (struct e1000){ .net = { .ops = &e1000_ops,
				      .env = e,
				      .driver = "e1000",
				      .mtu = NET_MTU },
			     .regs = bar->base,
			     .bdf = pci->bdf,
			     .irq = { .kind = ENV_IRQ_LINE,
				      .device = pci->handle } };
	if (bar->io || bar->size < REGS_BYTES ||
	    !e->mmio_map(e, bar->base, bar->size))
		return "its registers cannot be mapped";
	if (!memory(d, e))
		return "no memory";
	pci_command(e, pci->bdf, PCI_COMMAND_MEM | PCI_COMMAND_MASTER,
		    PCI_COMMAND_INTX_OFF);
	if (!stop(d))
		return "does not come out of reset";
	why = address_read(d);
	if (why)
		return why;
	if (!e->irq_attach(e, &d->irq, interrupt, d))
		return "its interrupt is refused";
	bring_up(d);
	return NULL;
}
