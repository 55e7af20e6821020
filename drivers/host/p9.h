/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server of 9P2000.L (Linux: fs/9p, net/9p; "Plan 9 File Protocol, 9P2000.L"
 * of diod) for a folder of a FAT32 volume. Pure: a request's bytes in, the
 * reply's bytes out; whatever they hold is survived.
 */
#ifndef HOST_P9_H
#define HOST_P9_H

#include "fat/fat.h"

#define P9_MSIZE (128u * 1024) /* bytes of the largest message */
#define P9_FIDS 4096u
#define P9_NODES 8192u /* of files and the folders above them, of a client */

struct p9_fid {
	struct fat_node *node; /* null: unused */
	uint32_t number;
	unsigned weight; /* nodes it may keep */
	bool opened;
	uint32_t flags; /* of Tlopen */
};

/* A client and what it has open. */
struct p9 {
	struct fat_node *base; /* the folder: its root */
	uint32_t msize;	       /* 0: no Tversion as yet */
	unsigned weight;
	unsigned nr_fids; /* none behind is in use */
	struct p9_fid fid[P9_FIDS];
};

/* base is counted for as long as the client is there. */
void p9_init(struct p9 *p, struct fat_node *base);

/* Forgets all that is open, as Tversion does. */
void p9_reset(struct p9 *p);

/* Serves the request of n bytes. Returns the reply's length, at most `room`; 0:
 * there is none, as the request has no header or the reply no room. */
uint32_t p9_serve(struct p9 *p, const uint8_t *request, uint32_t n,
		  uint8_t *reply, uint32_t room);

#endif
