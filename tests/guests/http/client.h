/* SPDX-License-Identifier: BSD-2-Clause */
/* Fetching one file by HTTP, and asking for an echo. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

struct ip4_addr; /* lwIP's ip_addr_t */

struct fetch {
	bool done, ok;	    /* ok: the server has sent all and closed */
	int status;	    /* of HTTP */
	uint64_t bytes;	    /* of the body */
	uint32_t crc;	    /* CRC-32 of them */
	const char *why;    /* not ok */
	unsigned head_seen; /* bytes of the blank line */
	char line[16];	    /* the beginning of the first line */
	unsigned line_n;
	char request[160];
};

/* Begins; f is done some time later. path without the first slash. */
void fetch_start(struct fetch *f, const struct ip4_addr *from, uint16_t port,
		 const char *path);

struct ping {
	unsigned sent, answered;
};

/* Sends one ICMP echo request more; answers are counted as they come. */
bool ping_send(struct ping *p, const struct ip4_addr *to);

#endif
