/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts the blocks of a capture file around its frames. */
#include "pcap.h"

#include <string.h>

#include "env.h"

/* Block types (11.1), and the options that are used. */
#define SECTION 0x0a0d0d0au
#define INTERFACE 1u
#define PACKET 6u
#define IF_NAME 2u
#define LENGTH_UNKNOWN 0xffu /* in each byte of it */

static const char if_name[] = "switch0";
#define NAME_BYTES (sizeof(if_name) - 1)

static bool put(struct pcap *p, const void *bytes, size_t n)
{
	if (!p->failed && !p->write(p->arg, bytes, n))
		p->failed = true; /* a part of a block ends the file */
	return !p->failed;
}

/* A block's type, and its length at both ends. */
static void frame_block(uint8_t *block, uint32_t type, uint32_t bytes)
{
	put_le32(block, type);
	put_le32(block + 4, bytes);
	put_le32(block + bytes - 4, bytes);
}

static bool section(struct pcap *p)
{
	uint8_t b[PCAP_SECTION] = { 0 };

	frame_block(b, SECTION, sizeof(b));
	put_le32(b + 8, PCAP_ORDER);
	put_le16(b + 12, 1);
	memset(b + 16, LENGTH_UNKNOWN, 8);
	return put(p, b, sizeof(b));
}

/* Its time stamps are in microseconds, as without an option. */
static bool interface(struct pcap *p, unsigned net)
{
	uint8_t b[PCAP_INTERFACE] = { 0 };

	frame_block(b, INTERFACE, sizeof(b));
	put_le16(b + 8, PCAP_ETHERNET);
	put_le32(b + 12, p->most);
	put_le16(b + 16, IF_NAME);
	put_le16(b + 18, NAME_BYTES);
	memcpy(b + 20, if_name, NAME_BYTES);
	b[20 + NAME_BYTES - 1] += (uint8_t)net;
	/* behind the name, and its padding, the end of the options: zeros */
	return put(p, b, sizeof(b));
}

bool pcap_begin(struct pcap *p)
{
	p->failed = false;
	p->frames = 0;
	section(p);
	for (unsigned i = 0; i < p->nets && i < PCAP_NETS_MOST; i++)
		interface(p, i);
	return !p->failed;
}

bool pcap_frame(struct pcap *p, unsigned net, uint64_t us, const void *frame,
		uint32_t len)
{
	uint32_t kept = len < p->most ? len : p->most;
	uint32_t pad = -kept & 3;
	uint8_t h[PCAP_PACKET - 4];
	uint8_t tail[3 + 4] = { 0 };

	put_le32(h, PACKET);
	put_le32(h + 4, PCAP_PACKET + kept + pad);
	put_le32(h + 8, net);
	put_le32(h + 12, (uint32_t)(us >> 32));
	put_le32(h + 16, (uint32_t)us);
	put_le32(h + 20, kept);
	put_le32(h + 24, len);
	put_le32(tail + pad, PCAP_PACKET + kept + pad);
	if (!put(p, h, sizeof(h)) || !put(p, frame, kept) ||
	    !put(p, tail, pad + 4))
		return false;
	p->frames++;
	return true;
}
