/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions for an IPv4 address's owner (RFC 826); pure. */
#ifndef HOST_ARP_H
#define HOST_ARP_H

#include "net.h"

#define ARP_FRAME 60u /* the least that a wire takes */

/* Who has `ip`? From `mac`, which has no address itself (RFC 5227, 2.1.1). */
void arp_question(uint8_t frame[ARP_FRAME], const uint8_t mac[NET_MAC],
		  uint32_t ip);

/* Where that address is, by a frame that says so; null: it does not. */
const uint8_t *arp_answer(const uint8_t *frame, uint32_t len, uint32_t ip);

#endif
