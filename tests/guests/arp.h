/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guests on a network share: a question by ARP (RFC 826). */
#ifndef GUESTS_ARP_H
#define GUESTS_ARP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kit/net.h"

#define ARP_BYTES 60u

/* An IPv4 address; false: it is none. */
static inline bool arp_address(const char *s, uint8_t *to)
{
	for (unsigned i = 0; i < 4; i++, s++) {
		to[i] = 0;
		for (; *s >= '0' && *s <= '9'; s++)
			to[i] = (uint8_t)(to[i] * 10 + *s - '0');
		if (*s != (i < 3 ? '.' : 0))
			return false;
	}
	return true;
}

/* The frame that asks who has that address; false: it is none. */
static inline bool arp_question(uint8_t q[ARP_BYTES], const uint8_t *mac,
				const char *address)
{
	static const uint8_t head[] = { 8, 6, 0, 1, 8, 0, 6, 4, 0, 1 };

	memset(q, 0, ARP_BYTES);
	memset(q, 0xff, KIT_NET_MAC);
	memcpy(q + 6, mac, KIT_NET_MAC);
	memcpy(q + 12, head, sizeof(head));
	memcpy(q + 22, mac, KIT_NET_MAC);
	return arp_address(address, q + 38);
}

/* Is that frame the answer? */
static inline bool arp_answers(const uint8_t q[ARP_BYTES],
			       const struct kit_net_frame *f)
{
	return f->len >= 42 && f->data[12] == 8 && f->data[13] == 6 &&
	       f->data[21] == 2 && !memcmp(f->data + 28, q + 38, 4);
}

#endif
