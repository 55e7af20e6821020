/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's console in a file of a FAT32 volume, which it is appended to. */
#ifndef HOST_CONLOG_H
#define HOST_CONLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fat/fat.h"

#define CONLOG_RING 32768u
/* So much of it may wait: behind that is room for what a guest that ends has
 * written and nobody has taken. */
#define CONLOG_FULL 8192u
#define CONLOG_WRITE 4096u /* bytes that are worth a write */

struct conlog {
	struct fat_node *file, *dir; /* file null: there is no log */
	const char *name;	     /* the guest's, for messages */
	char *ring;
	uint64_t head, tail; /* bytes ever put, and written */
	uint64_t due_ns;     /* when what waits is written at the latest */
	uint64_t lost;
	bool failed; /* the volume refused: nothing follows */
	struct conlog *next;
};

/*
 * Opens PARTITION/[DIR/]FILE, and makes the file, not the folder, where there is
 * none. Null, or what is wrong. This, conlog_close and conlogs_run wait for the disk:
 * not from an event's handler.
 */
const char *conlog_open(struct conlog *l, const char *source,
			const char *guest);
/* Writes what waits; does nothing without a log. */
void conlog_close(struct conlog *l);

/* Nothing is lost as long as no more than CONLOG_FULL bytes are put behind this
 * being true. Both in any context. */
void conlog_put(struct conlog *l, const char *text, size_t n);
static inline bool conlog_full(const struct conlog *l)
{
	return l->head - l->tail >= CONLOG_FULL;
}

/* Writes what is due, of all logs; sets the time of the next look. */
void conlogs_run(void);

#endif
