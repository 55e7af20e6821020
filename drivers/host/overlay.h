/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sectors that were written over a read-only disk, in memory: a radix tree
 * of pages, of which a mask says which sectors count. It grows with what is
 * written; making one costs the same whatever the size of the disk.
 */
#ifndef HOST_OVERLAY_H
#define HOST_OVERLAY_H

#include <stdbool.h>
#include <stdint.h>

#define OVERLAY_PAGE 4096u
#define OVERLAY_SECTORS 8u /* of a page */
/* Pages of this program that no overlay takes: guests must not starve it. */
#define OVERLAY_SPARE 256u

struct overlay {
	uint64_t root; /* a node; 0: none */
	unsigned levels;
	uint64_t pages, limit; /* of data and of the tree */
	bool full;	       /* it was, once at least */
	/* Runs when it becomes so for the first time. */
	void (*on_full)(struct overlay *o);
};

/* `limit` pages at most. o->on_full is set. */
void overlay_init(struct overlay *o, uint64_t sectors, uint64_t limit);
/* Gives all pages back. */
void overlay_end(struct overlay *o);

/* How many of `count` sectors, 1 at least, are alike: all of them written, or
 * none. Sectors are those of the disk, here and below. */
uint32_t overlay_run(struct overlay *o, uint64_t sector, uint32_t count,
		     bool *written);

/* The bytes of a sector that was written. Those of the rest of its page follow. */
const uint8_t *overlay_data(struct overlay *o, uint64_t sector);

/* Where a sector is to be written, and the rest of its page; null: there is no
 * room. Then overlay_written: they count from now on. All are of one page. */
uint8_t *overlay_room(struct overlay *o, uint64_t sector);
void overlay_written(struct overlay *o, uint64_t sector, uint32_t count);

/* Sectors read as zeroes from now on; whole pages are given back. What has no
 * node of the tree: `all`: gets one, false: there is no room; else it stays. */
bool overlay_zero(struct overlay *o, uint64_t sector, uint64_t count, bool all);

#endif
