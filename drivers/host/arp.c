/* SPDX-License-Identifier: BSD-2-Clause */
/* ARP over Ethernet, for IPv4. */
#include "arp.h"

#include <string.h>

#define KIND NET_HEADER /* hardware, protocol, and their lengths: 6 bytes */
#define OPERATION (NET_HEADER + 6u)
#define SENDER_MAC (NET_HEADER + 8u)
#define SENDER_IP (NET_HEADER + 14u)
#define TARGET_IP (NET_HEADER + 24u)
#define END (NET_HEADER + 28u)

#define REQUEST 1u
#define REPLY 2u

static const uint8_t type[] = { 0x08, 0x06 };
static const uint8_t kind[] = { 0, 1, 0x08, 0, 6, 4 };

static void ip_put(uint8_t *to, uint32_t ip)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(ip >> (24 - 8 * i));
}

void arp_question(uint8_t frame[ARP_FRAME], const uint8_t mac[NET_MAC],
		  uint32_t ip)
{
	memset(frame, 0, ARP_FRAME);
	memset(frame, 0xff, NET_MAC);
	memcpy(frame + NET_MAC, mac, NET_MAC);
	memcpy(frame + 2 * NET_MAC, type, sizeof(type));
	memcpy(frame + KIND, kind, sizeof(kind));
	frame[OPERATION + 1] = REQUEST;
	memcpy(frame + SENDER_MAC, mac, NET_MAC);
	ip_put(frame + TARGET_IP, ip);
}

const uint8_t *arp_answer(const uint8_t *frame, uint32_t len, uint32_t ip)
{
	static const uint8_t reply[] = { 0, REPLY };
	uint8_t from[4];

	ip_put(from, ip);
	if (len < END || memcmp(frame + 2 * NET_MAC, type, sizeof(type)) ||
	    memcmp(frame + KIND, kind, sizeof(kind)) ||
	    memcmp(frame + OPERATION, reply, sizeof(reply)) ||
	    memcmp(frame + SENDER_IP, from, sizeof(from)))
		return NULL;
	return frame + SENDER_MAC;
}
