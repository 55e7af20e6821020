/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes a guest's network device, and gives it back. */
#include "vnet.h"

#include <string.h>

#include "kit/mm.h"
#include "kit/time.h"
#include "nets.h"
#include "vdevs.h"

/* Locally administered; not that of a guest of another machine on the wire, as
 * far as the cards' last bytes differ. */
static void mac_make(uint8_t mac[NET_MAC], const struct cfg_vdev *c)
{
	static const uint8_t none[NET_MAC];
	const uint8_t *card = nets_uplink_mac();

	if (c->has_mac) {
		memcpy(mac, c->mac, NET_MAC);
		return;
	}
	if (!card)
		card = none;
	mac[0] = 0x02;
	mac[1] = 0x50;
	mac[2] = card[4];
	mac[3] = card[5];
	mac[4] = (uint8_t)c->guest;
	mac[5] = (uint8_t)c->index;
}

struct vdev *vnet_make(const struct cfg_vdev *c, const char **why)
{
	struct vnet *n = kit_calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->sw = nets_switch(c->sw);
	n->now_ns = kit_time_ns;
	mac_make(n->port.mac, c);
	strcpy(n->port.name, c->name);
	if (vnet_init(n))
		return &n->dev;
	*why = "its address is taken";
	kit_free(n);
	return NULL;
}

void vnet_free(struct vdev *v)
{
	struct vnet *n = (struct vnet *)v;

	netswitch_detach(n->sw, &n->port);
	kit_free(n);
}
