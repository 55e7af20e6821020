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
	bool dead;
};

/* A request: begun, then put together, then sent. 0, or the error. */
void kit_p9_begin(struct kit_folder *d, unsigned type);
void kit_p9_put(struct kit_folder *d, uint64_t value, unsigned bytes);
void kit_p9_put_text(struct kit_folder *d, const char *text, size_t n);
int kit_p9_send(struct kit_folder *d);

/* Of the reply; zeros behind its end. */
uint64_t kit_p9_get(struct kit_folder *d, unsigned bytes);
/* Null: the reply has not so many. */
const uint8_t *kit_p9_get_bytes(struct kit_folder *d, uint32_t n);

#endif
