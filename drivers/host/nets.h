/* SPDX-License-Identifier: BSD-2-Clause */
/* The physical network cards, and the switches: card N is the uplink of switch N,
 * if there is one. */
#ifndef HOST_NETS_H
#define HOST_NETS_H

#include "config.h"
#include "netswitch.h"

/* Starts all cards there are drivers for, but those that guests get, and prints
 * them. Asks for the address that the configuration says. */
void nets_init(const struct config *c);

/* Takes what has come, and sends what is queued. */
void nets_run(void);

/* Restarts cards that do not send, gives up those that are gone; sets the time of the next look. */
void nets_check(void);

/* The i-th card, and where it is; null behind the last. */
const struct net_dev *nets_nth(unsigned i, uint16_t *bdf);

struct netswitch *nets_switch(unsigned n);

/* The first card's address; null: there is none. */
const uint8_t *nets_uplink_mac(void);

#endif
