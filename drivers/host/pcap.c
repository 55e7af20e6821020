/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts the headers of a capture file before its frames. */
#include "pcap.h"

#include "env.h"

#define SECOND_US 1000000u

static bool put(struct pcap *p, const void *bytes, size_t n)
{
	if (!p->failed && !p->write(p->arg, bytes, n))
		p->failed = true; /* a part of a record ends the file */
	return !p->failed;
}

bool pcap_begin(struct pcap *p)
{
	uint8_t h[PCAP_HEADER] = { 0 };

	p->failed = false;
	p->frames = 0;
	put_le32(h, PCAP_MAGIC);
	put_le16(h + 4, 2);
	put_le16(h + 6, 4);
	/* 8: zone and accuracy, which are always 0 */
	put_le32(h + 16, p->most);
	put_le32(h + 20, PCAP_ETHERNET);
	return put(p, h, sizeof(h));
}

bool pcap_frame(struct pcap *p, uint64_t us, const void *frame, uint32_t len)
{
	uint32_t kept = len < p->most ? len : p->most;
	uint8_t h[PCAP_RECORD];

	put_le32(h, (uint32_t)(us / SECOND_US));
	put_le32(h + 4, (uint32_t)(us % SECOND_US));
	put_le32(h + 8, kept);
	put_le32(h + 12, len);
	if (!put(p, h, sizeof(h)) || !put(p, frame, kept))
		return false;
	p->frames++;
	return true;
}
