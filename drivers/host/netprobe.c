/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks for an address, as a port of the switch with the card's own. */
#include "netprobe.h"

#include <string.h>

#include "arp.h"
#include "host.h"
#include "kit/console.h"
#include "kit/time.h"
#include "nets.h"

#define TRIES 10u
#define TRY_NS (500 * ENV_MS)

struct probe {
	struct netswitch_port port; /* first */
	uint32_t ip;
	bool answered;
	uint8_t mac[NET_MAC];
};

static void receive(struct netswitch_port *port, const struct net_frame *f)
{
	struct probe *p = (struct probe *)port;
	const uint8_t *mac = arp_answer(f->data, f->len, p->ip);

	if (!mac || p->answered)
		return;
	memcpy(p->mac, mac, NET_MAC);
	p->answered = true;
}

static void ask(struct probe *p)
{
	uint8_t bytes[ARP_FRAME];
	struct net_frame f = { .data = bytes, .len = sizeof(bytes) };
	uint64_t now = kit_time_ns();
	uint64_t end = now + TRY_NS;

	arp_question(bytes, p->port.mac, p->ip);
	netswitch_input(nets_switch(0), &p->port, &f, now);
	for (; now < end; now = kit_time_ns()) {
		nets_run();
		if (p->answered)
			return;
		host_wait(end);
	}
}

static const char *search(struct probe *p)
{
	const uint8_t *m = nets_uplink_mac();

	if (!m)
		return "cannot be reached: there is no network card";
	p->port.has_mac = true;
	memcpy(p->port.mac, m, NET_MAC);
	if (netswitch_attach(nets_switch(0), &p->port))
		for (unsigned i = 0; i < TRIES && !p->answered; i++)
			ask(p);
	netswitch_detach(nets_switch(0), &p->port);
	return p->answered ? NULL : "does not answer";
}

void netprobe_run(uint32_t ip)
{
	struct probe p = { .port = { .send = receive, .name = "netprobe" },
			   .ip = ip };
	const char *why = search(&p);
	const uint8_t *m = p.mac;

	kit_printf("host: netprobe: %u.%u.%u.%u ", ip >> 24, ip >> 16 & 255,
		   ip >> 8 & 255, ip & 255);
	if (why)
		kit_printf("%s\n", why);
	else
		kit_printf("is at %02x:%02x:%02x:%02x:%02x:%02x\n", m[0], m[1],
			   m[2], m[3], m[4], m[5]);
}
