/* SPDX-License-Identifier: BSD-2-Clause */
/* Ethernet frames between lwIP and the kit's network front end. */
#include <string.h>

#include "lwip/dhcp.h"
#include "lwip/etharp.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"

#include "card.h"
#include "kit/console.h"
#include "kit/net.h"

#define CHECKED (NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP)

static struct kit_net *net;
static struct netif card;
static struct kit_net_frame frame; /* that is to be taken */
static bool has_frame;

/* ---- frames ---- */

static err_t card_send(struct netif *n, struct pbuf *p)
{
	static uint8_t buf[KIT_NET_FRAME];

	(void)n;
	if (p->tot_len > sizeof(buf))
		return ERR_BUF;
	pbuf_copy_partial(p, buf, p->tot_len, 0);
	if (kit_net_send(net, buf, p->tot_len, NULL))
		return ERR_OK;
	kit_net_kick(net);
	return kit_net_dead(net) ? ERR_IF : ERR_MEM; /* MEM: again, later */
}

bool card_pending(void)
{
	if (net && !has_frame)
		has_frame = kit_net_next(net, &frame);
	return has_frame;
}

/* A frame that has not been on a wire may have no checksum yet. */
static void frame_take(void)
{
	struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)frame.len, PBUF_POOL);

	if (!p)
		return; /* lost, as on a wire */
	pbuf_take(p, frame.data, (u16_t)frame.len);
	NETIF_SET_CHECKSUM_CTRL(
		&card, frame.csum_good ? NETIF_CHECKSUM_ENABLE_ALL & ~CHECKED :
					 NETIF_CHECKSUM_ENABLE_ALL);
	if (card.input(p, &card) != ERR_OK)
		pbuf_free(p);
}

void card_poll(void)
{
	for (; card_pending(); has_frame = false)
		frame_take();
	if (net)
		kit_net_kick(net);
}

/* ---- the interface ---- */

static err_t card_init(struct netif *n)
{
	n->name[0] = 'e';
	n->name[1] = 'n';
	n->output = etharp_output;
	n->linkoutput = card_send;
	n->mtu = (u16_t)kit_net_mtu(net);
	n->hwaddr_len = ETH_HWADDR_LEN;
	memcpy(n->hwaddr, kit_net_mac(net), ETH_HWADDR_LEN);
	n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP |
		   NETIF_FLAG_LINK_UP;
	netif_set_hostname(n, "parley");
	return ERR_OK;
}

static void address_tell(struct netif *n)
{
	if (!ip4_addr_isany(netif_ip4_addr(n)))
		kit_printf("http: address %s\n",
			   ip4addr_ntoa(netif_ip4_addr(n)));
}

/* false: the option is there, but no address. */
static bool address_option(const char *key, const char *otherwise,
			   ip4_addr_t *a)
{
	char text[20];

	return ip4addr_aton(
		kit_option(key, text, sizeof(text)) ? text : otherwise, a);
}

const char *card_start(const char *name)
{
	ip4_addr_t ip, mask, gw;
	const char *why;

	if (!address_option("ip", "0.0.0.0", &ip) ||
	    !address_option("mask", "255.255.255.0", &mask) ||
	    !address_option("gw", "0.0.0.0", &gw))
		return "ip=, mask= or gw= is no address";
	net = kit_net_open(name, &why);
	if (!net)
		return why;
	if (!netif_add(&card, &ip, &mask, &gw, NULL, card_init, netif_input))
		return "lwIP has no room for it";
	netif_set_default(&card);
	netif_set_status_callback(&card, address_tell);
	netif_set_up(&card);
	if (ip4_addr_isany_val(ip) && dhcp_start(&card) != ERR_OK)
		return "no memory for DHCP";
	return NULL;
}

bool card_ready(void) { return !net || !ip4_addr_isany(netif_ip4_addr(&card)); }
