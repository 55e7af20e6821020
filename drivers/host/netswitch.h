/* SPDX-License-Identifier: BSD-2-Clause */
/* A learning Ethernet switch (IEEE 802.1D, 7.7 to 7.9); pure. */
#ifndef HOST_NETSWITCH_H
#define HOST_NETSWITCH_H

#include "net.h"

#define NETSWITCH_BUCKETS 128u /* power of two */
#define NETSWITCH_WAYS 8u
#define NETSWITCH_AGE_NS (300ull * 1000 * ENV_MS) /* 802.1D, table 7-5 */
#define NETSWITCH_SWEEP_NS (60ull * 1000 * ENV_MS)
#define NETSWITCH_PORT_MACS 32u /* learnt of a guest at most */

struct netswitch;

struct netswitch_port {
	/* Set by the owner. send must not attach, detach or call input; the
	 * frame is valid until it returns. */
	void (*send)(struct netswitch_port *p, const struct net_frame *f);
	void *arg;
	char name[24];
	unsigned max_macs; /* that are learnt */
	/* An address that is this port's alone: frames from other ports that
	 * have it as their source are refused. */
	bool has_mac;
	uint8_t mac[NET_MAC];
	struct {
		uint64_t in_frames, in_bytes, out_frames, out_bytes;
		uint64_t refused;  /* malformed, or with a forged source */
		uint64_t filtered; /* for nobody else */
		uint64_t flooded;
	} count;
	/* private */
	unsigned nr_macs;
	struct netswitch_port *next;
};

struct netswitch_mac {
	struct netswitch_port *port; /* null: free */
	uint64_t seen_ns;
	uint8_t mac[NET_MAC];
};

struct netswitch {
	/* Told of each frame that is accepted; may be null. */
	void (*tap)(void *arg, const struct net_frame *f, uint64_t now_ns);
	void *tap_arg;
	struct netswitch_port *first;
	uint64_t swept_ns;
	struct netswitch_mac table[NETSWITCH_BUCKETS][NETSWITCH_WAYS];
};

/* A zeroed switch is one without ports. False: another port has that
 * address. */
bool netswitch_attach(struct netswitch *s, struct netswitch_port *p);

/* Forgets the port, and what was learnt of it. */
void netswitch_detach(struct netswitch *s, struct netswitch_port *p);

/* A frame comes from a port: to the one port that its destination was seen at,
 * else to all others. */
void netswitch_input(struct netswitch *s, struct netswitch_port *from,
		     const struct net_frame *f, uint64_t now_ns);

#endif
