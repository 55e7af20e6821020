/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds network cards, and lets them work, each as the uplink of a switch. */
#include "nets.h"

#include <string.h>

#include "e1000.h"
#include "host.h"
#include "kit/console.h"
#include "kit/device.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "netprobe.h"
#include "virtio_net.h"

#define CARDS CFG_SWITCHES
#define UPLINK_MACS (NETSWITCH_BUCKETS * NETSWITCH_WAYS / 2)

static struct card {
	struct net_dev *dev;
	uint16_t place;
	char name[24];
	bool due;
	bool flush; /* it has frames that it was not told of */
	struct netswitch_port port;
} cards[CARDS];
static unsigned nr_cards;
static struct netswitch switches[CFG_SWITCHES];

struct netswitch *nets_switch(unsigned n) { return &switches[n]; }

const uint8_t *nets_uplink_mac(void)
{
	return nr_cards ? cards[0].dev->mac : NULL;
}

/* ---- the uplink ---- */

/* What the card has no room for is lost, as on any wire. */
static void uplink_send(struct netswitch_port *p, const struct net_frame *f)
{
	struct card *c = p->arg;

	if (net_send_copy(c->dev, f) != NET_OK || c->flush)
		return;
	c->flush = true;
	host_again();
}

static void uplink_rx(struct net_dev *dev, const struct net_frame *f)
{
	struct card *c = dev->arg;

	netswitch_input(&switches[c - cards], &c->port, f, kit_time_ns());
}

static void uplink_attach(struct card *c)
{
	c->dev->rx = uplink_rx;
	c->port = (struct netswitch_port){ .send = uplink_send,
					   .arg = c,
					   .name = "uplink",
					   .max_macs = UPLINK_MACS };
	netswitch_attach(&switches[c - cards], &c->port);
}

/* ---- cards ---- */

static void due(struct net_dev *dev)
{
	struct card *c = dev->arg;

	c->due = true;
	host_again();
}

static void say(const struct pci_dev *pci, const char *driver, const char *why)
{
	kit_printf("host: %s at %02x:%02x.%x: %s\n", driver, pci->bdf >> 8,
		   pci->bdf >> 3 & 31, pci->bdf & 7, why);
}

/* A function that was pulled out answers to nobody. */
static bool present(struct net_dev *dev)
{
	const struct card *c = dev->arg;

	return pci_read(&host_env, c->place, PCI_VENDOR, 2) != 0xffff;
}

static void card_add(struct net_dev *dev, const struct pci_dev *pci)
{
	struct card *c = &cards[nr_cards];
	const uint8_t *m = dev->mac;

	c->dev = dev;
	c->place = pci->bdf;
	kit_format(c->name, sizeof(c->name), "net %u (%s)", nr_cards,
		   dev->driver);
	dev->name = c->name;
	dev->arg = c;
	dev->due = due;
	dev->present = present;
	kit_printf("host: net %u: %s at %02x:%02x.%x, "
		   "%02x:%02x:%02x:%02x:%02x:%02x, link %s, "
		   "uplink of switch %u\n",
		   nr_cards, dev->driver, pci->bdf >> 8, pci->bdf >> 3 & 31,
		   pci->bdf & 7, m[0], m[1], m[2], m[3], m[4], m[5],
		   dev->link ? "up" : "down", nr_cards);
	nr_cards++;
	uplink_attach(c);
	due(dev); /* what has come before there was anybody to tell */
}

static void try_virtio(const struct pci_dev *pci)
{
	struct virtio_net *d = kit_calloc(1, sizeof(*d));
	const char *why = d ? virtio_net_start(d, &host_env, pci) : "no memory";

	if (why)
		say(pci, "virtio-net", why); /* its memory stays, as that of
						disks does */
	else
		card_add(&d->net, pci);
}

static void try_e1000(const struct pci_dev *pci)
{
	struct e1000 *d = kit_calloc(1, sizeof(*d));
	const char *why = d ? e1000_start(d, &host_env, pci) : "no memory";

	if (why)
		say(pci, "e1000", why);
	else
		card_add(&d->net, pci);
}

void nets_init(const struct config *c)
{
	const struct pv_device *d = NULL;
	struct pci_dev pci;

	while ((d = kit_device(d, PV_DEV_PCI, NULL)) && nr_cards < CARDS) {
		if (config_assigns(c, d->bdf))
			continue;
		kit_pci_dev(&pci, d);
		if (virtio_net_matches(&pci))
			try_virtio(&pci);
		else if (e1000_matches(&pci))
			try_e1000(&pci);
	}
	if (c->netprobe)
		netprobe_run(c->netprobe);
}

const struct net_dev *nets_nth(unsigned i, uint16_t *bdf)
{
	if (i >= nr_cards)
		return NULL;
	*bdf = cards[i].place;
	return cards[i].dev;
}

void nets_run(void)
{
	for (struct card *c = cards; c < cards + nr_cards; c++) {
		if (!c->due)
			continue;
		c->due = false;
		if (!net_poll(c->dev, NET_BUDGET))
			due(c->dev);
	}
	for (struct card *c = cards; c < cards + nr_cards; c++) {
		if (c->flush)
			net_flush(c->dev);
		c->flush = false;
	}
}

void nets_check(void)
{
	uint64_t now = nr_cards ? kit_time_ns() : 0;

	for (unsigned i = 0; i < nr_cards; i++)
		host_wake_at(net_check(cards[i].dev, now));
}
