/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes captured frames in libpcap's file format, version 2.4; pure. */
#ifndef HOST_PCAP_H
#define HOST_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCAP_MAGIC 0xa1b2c3d4u /* time stamps in microseconds */
#define PCAP_ETHERNET 1u       /* LINKTYPE_ETHERNET */
#define PCAP_HEADER 24u	       /* bytes before the first record */
#define PCAP_RECORD 16u	       /* bytes before each frame */
#define PCAP_WHOLE 65535u

struct pcap {
	/* Takes bytes of the file; false: it has no room. */
	bool (*write)(void *arg, const void *bytes, size_t n);
	void *arg;
	uint32_t most; /* bytes that are kept of a frame */
	bool failed;   /* the sink has refused something: nothing follows */
	uint64_t frames;
};

/* Begins a file; write, arg and most are set. False: the sink refused. */
bool pcap_begin(struct pcap *p);

/* Adds a frame that came so many microseconds after 1970. */
bool pcap_frame(struct pcap *p, uint64_t us, const void *frame, uint32_t len);

#endif
