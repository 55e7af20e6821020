/* SPDX-License-Identifier: BSD-2-Clause */
/* 9P messages to a shared folder. No guest includes it. */
#ifndef KIT_P9_H
#define KIT_P9_H

#include "kit/folder.h"
#include "virtio.h"

#define P9_MSIZE 32768u
#define P9_HEADER 7u
#define P9_IO_HEAD 24u
#define P9_FIDS 32u
#define P9_ROOT 0u

#define P9_EIO 5
#define P9_LOST 1000 /* not Linux's: the session is a new one, do it again */
#define P9_ENFILE 23

enum {
	P9_LOPEN = 12,
	P9_LCREATE = 14,
	P9_GETATTR = 24,
	P9_SETATTR = 26,
	P9_READDIR = 40,
	P9_FSYNC = 50,
	P9_MKDIR = 72,
	P9_RENAMEAT = 74,
	P9_VERSION = 100,
	P9_ATTACH = 104,
	P9_WALK = 110,
	P9_READ = 116,
	P9_WRITE = 118,
	P9_CLUNK = 120,
	P9_REMOVE = 122,
};

struct kit_folder {
	struct kit_virtio v;
	uint8_t *out, *in; /* a message each, shared */
	uint32_t len, at;  /* of `out`; what of `in` has been read */
	uint32_t got;	   /* bytes of `in` */
	uint32_t msize;
	uint32_t fids; /* a bit each */
	bool dead, renews;
	struct kit_file *files; /* that are open */
};

/*
 * A request: begun, then put together, then sent. 0, or the error. Where the host
 * partition has died meanwhile there is a new session behind it, in which the open
 * files have their fids, and no other fid is: -P9_LOST. A request that cannot be
 * repeated, and may have been served, ends with -P9_EIO then.
 */
void kit_p9_begin(struct kit_folder *d, unsigned type);
void kit_p9_put(struct kit_folder *d, uint64_t value, unsigned bytes);
void kit_p9_put_text(struct kit_folder *d, const char *text, size_t n);
int kit_p9_send(struct kit_folder *d);

/* file.c: gives the open files their fids in a new session. */
void kit_p9_reopen(struct kit_folder *d);

/* Does it until it was done in one session: all that it needs, from the first
 * request on. */
#define P9_AGAIN(what)                      \
	({                                  \
		int64_t error_;             \
		do                          \
			error_ = (what);    \
		while (error_ == -P9_LOST); \
		error_;                     \
	})

/* ---- folder.c ---- */

/* The NUL of a text. */
const char *kit_p9_text_end(const char *s);
void kit_p9_put_name(struct kit_folder *d, const char *name);
/* The fid stands for the path up to `end` then, or for nothing. */
int kit_p9_walk_to(struct kit_folder *d, const char *path, const char *end,
		   uint32_t fid);
/* A fid for the folder, and where the last name is. */
int kit_p9_walk_parent(struct kit_folder *d, const char *path, uint32_t *fid,
		       const char **name);
int kit_p9_fid_open(struct kit_folder *d, uint32_t fid, uint32_t flags);
/* Both; flags are Linux's. */
int kit_p9_open_fid(struct kit_folder *d, const char *path, uint32_t flags,
		    uint32_t *fid);
/* Closes it, and its number is free. */
void kit_p9_drop(struct kit_folder *d, uint32_t fid);

/* Of the reply; zeros behind its end. */
uint64_t kit_p9_get(struct kit_folder *d, unsigned bytes);
/* Null: the reply has not so many. */
const uint8_t *kit_p9_get_bytes(struct kit_folder *d, uint32_t n);

#endif
