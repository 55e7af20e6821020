/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds network cards, and lets them work. */
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

#define CARDS 4u
#define UPLINK_MACS (NETSWITCH_BUCKETS * NETSWITCH_WAYS / 2)

static struct net_dev *cards[CARDS];
static uint16_t places[CARDS];
static char names[CARDS][24];
static bool is_due[CARDS];
static unsigned nr_cards;
static bool flush; /* the uplink has frames that it was not told of */
static struct netswitch the_switch;
static struct netswitch_port uplink;

struct netswitch *nets_switch(void) { return &the_switch; }

const uint8_t *nets_uplink_mac(void) { return nr_cards ? cards[0]->mac : NULL; }

/* ---- the uplink ---- */

/* What the card has no room for is lost, as on any wire. */
static void uplink_send(struct netswitch_port *p, const struct net_frame *f)
{
	if (net_send_copy(p->arg, f) != NET_OK || flush)
		return;
	flush = true;
	host_again();
}

static void uplink_rx(struct net_dev *dev, const struct net_frame *f)
{
	(void)dev;
	netswitch_input(&the_switch, &uplink, f, kit_time_ns());
}

static void uplink_attach(struct net_dev *dev)
{
	dev->rx = uplink_rx;
	uplink = (struct netswitch_port){ .send = uplink_send,
					  .arg = dev,
					  .name = "uplink",
					  .max_macs = UPLINK_MACS };
	netswitch_attach(&the_switch, &uplink);
}

/* ---- cards ---- */

static void due(struct net_dev *dev)
{
	*(bool *)dev->arg = true;
	host_again();
}

static void say(const struct pci_dev *pci, const char *driver, const char *why)
{
	kit_printf("host: %s at %02x:%02x.%x: %s\n", driver, pci->bdf >> 8,
		   pci->bdf >> 3 & 31, pci->bdf & 7, why);
}

static void card_add(struct net_dev *dev, const struct pci_dev *pci)
{
	const uint8_t *m = dev->mac;

	cards[nr_cards] = dev;
	places[nr_cards] = pci->bdf;
	kit_format(names[nr_cards], sizeof(names[0]), "net %u (%s)", nr_cards,
		   dev->driver);
	dev->name = names[nr_cards];
	dev->arg = &is_due[nr_cards];
	dev->due = due;
	kit_printf("host: net %u: %s at %02x:%02x.%x, "
		   "%02x:%02x:%02x:%02x:%02x:%02x, link %s%s\n",
		   nr_cards, dev->driver, pci->bdf >> 8, pci->bdf >> 3 & 31,
		   pci->bdf & 7, m[0], m[1], m[2], m[3], m[4], m[5],
		   dev->link ? "up" : "down",
		   nr_cards ? ", not used" : ", the switch's uplink");
	if (!nr_cards++)
		uplink_attach(dev);
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
	*bdf = places[i];
	return cards[i];
}

void nets_run(void)
{
	for (unsigned i = 0; i < nr_cards; i++) {
		if (!is_due[i])
			continue;
		is_due[i] = false;
		if (!net_poll(cards[i], NET_BUDGET))
			due(cards[i]);
	}
	if (flush)
		net_flush(cards[0]);
	flush = false;
}

void nets_check(void)
{
	uint64_t now = 0;

	for (unsigned i = 0; i < nr_cards; i++) {
		if (!cards[i]->first)
			continue;
		if (!now)
			now = kit_time_ns();
		host_wake_at(net_check(cards[i], now));
	}
}
