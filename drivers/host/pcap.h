/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes captured frames as a pcapng file (draft-ietf-opsawg-pcapng), version 1.0,
 * little-endian; pure. */
#ifndef HOST_PCAP_H
#define HOST_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCAP_ORDER 0x1a2b3c4du /* of its bytes */
#define PCAP_ETHERNET 1u       /* LINKTYPE_ETHERNET */
#define PCAP_SECTION 28u       /* bytes of the section header block (4.1) */
#define PCAP_INTERFACE 36u     /* of each interface's description (4.2) */
#define PCAP_PACKET 32u	       /* of a block around a frame (4.3) */
#define PCAP_WHOLE 65535u
#define PCAP_NETS_MOST 10u /* their names have one digit */

struct pcap {
	/* Takes bytes of the file; false: it has no room. */
	bool (*write)(void *arg, const void *bytes, size_t n);
	void *arg;
	uint32_t most; /* bytes that are kept of a frame */
	unsigned nets; /* interfaces, named switch0 and so on */
	bool failed;   /* the sink has refused something: nothing follows */
	uint64_t frames;
};

/* Begins a file; write, arg, most and nets are set. False: the sink refused. */
bool pcap_begin(struct pcap *p);

/* Adds a frame that came so many microseconds after 1970, on interface net. */
bool pcap_frame(struct pcap *p, unsigned net, uint64_t us, const void *frame,
		uint32_t len);

#endif
