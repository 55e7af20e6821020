/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the 9P server know of each other. */
#ifndef HOST_P9_INT_H
#define HOST_P9_INT_H

#include "env.h"
#include "p9.h"

/* Requests; a reply has the number behind its request's. */
enum p9_type {
	P9_RLERROR = 7,
	P9_TSTATFS = 8,
	P9_TLOPEN = 12,
	P9_TLCREATE = 14,
	P9_TSYMLINK = 16,
	P9_TMKNOD = 18,
	P9_TRENAME = 20,
	P9_TREADLINK = 22,
	P9_TGETATTR = 24,
	P9_TSETATTR = 26,
	P9_TXATTRWALK = 30,
	P9_TXATTRCREATE = 32,
	P9_TREADDIR = 40,
	P9_TFSYNC = 50,
	P9_TLOCK = 52,
	P9_TGETLOCK = 54,
	P9_TLINK = 70,
	P9_TMKDIR = 72,
	P9_TRENAMEAT = 74,
	P9_TUNLINKAT = 76,
	P9_TVERSION = 100,
	P9_TAUTH = 102,
	P9_TATTACH = 104,
	P9_TFLUSH = 108,
	P9_TWALK = 110,
	P9_TREAD = 116,
	P9_TWRITE = 118,
	P9_TCLUNK = 120,
	P9_TREMOVE = 122,
	P9_TYPES = 128,
};

/* Errors of Rlerror: those of Linux. */
enum p9_error {
	P9_EPERM = 1,
	P9_ENOENT = 2,
	P9_EIO = 5,
	P9_EBADF = 9,
	P9_EBUSY = 16,
	P9_EEXIST = 17,
	P9_EXDEV = 18,
	P9_ENOTDIR = 20,
	P9_EISDIR = 21,
	P9_EINVAL = 22,
	P9_ENFILE = 23,
	P9_EMFILE = 24,
	P9_EFBIG = 27,
	P9_ENOSPC = 28,
	P9_EROFS = 30,
	P9_ENAMETOOLONG = 36,
	P9_ENOTEMPTY = 39,
	P9_EPROTO = 71,
	P9_EOPNOTSUPP = 95,
	P9_EUCLEAN = 117,
};

#define P9_HEADER 7u   /* size[4] type[1] tag[2] */
#define P9_IO_HEAD 24u /* room for the head of Twrite, Rread, Rreaddir */
#define P9_QID 13u

/* Open flags: those of Linux. */
#define P9_WRONLY 1u
#define P9_RDWR 2u
#define P9_ACCESS 3u
#define P9_EXCL 0x80u
#define P9_TRUNC 0x200u
#define P9_APPEND 0x400u
#define P9_DIRECTORY 0x10000u

/* A message that is taken apart; once something is missing all reads 0. */
struct p9_in {
	const uint8_t *at;
	uint32_t left;
	bool bad;
};

/* A reply that is put together; once it is full nothing is added. */
struct p9_out {
	uint8_t *start;
	uint32_t len, room;
	bool full;
};

uint64_t p9_get(struct p9_in *in, unsigned bytes);
/* A string that can be a name; else an error. out: FAT_NAME bytes. */
int p9_get_name(struct p9_in *in, char *out);
const uint8_t *p9_get_bytes(struct p9_in *in, uint32_t n);
void p9_put(struct p9_out *out, uint64_t value, unsigned bytes);
void p9_put_text(struct p9_out *out, const char *text);
void p9_put_qid(struct p9_out *out, const struct fat_node *n);
void p9_put_qid_of(struct p9_out *out, bool folder, uint32_t version,
		   uint64_t path);

/* The error number for a status; 0 for FAT_OK. */
int p9_error(enum fat_status s);

/* The fid that a request names; null: none. */
struct p9_fid *p9_fid(struct p9 *p, uint32_t number);
/* A new fid for a node, which it takes over, also when it fails. */
int p9_fid_new(struct p9 *p, uint32_t number, struct fat_node *n);
/* The fid names another node, which it takes over, also when it fails. */
int p9_fid_set(struct p9 *p, struct p9_fid *f, struct fat_node *n);
int p9_fid_drop(struct p9 *p, struct p9_fid *f);
/* Counts anew what the fids keep. */
void p9_weigh(struct p9 *p);

/* The fid's file is not open any more. */
void p9_fid_close(struct p9_fid *f);

static inline bool p9_writes(uint32_t flags) { return flags & P9_ACCESS; }

/* Each serves a request; 0 or the error's number. */
typedef int p9_call(struct p9 *p, struct p9_in *in, struct p9_out *out);

p9_call p9_statfs, p9_lopen, p9_lcreate, p9_getattr, p9_setattr, p9_fsync,
	p9_read, p9_write, p9_lock, p9_getlock; /* p9_file.c */
p9_call p9_readdir, p9_mkdir, p9_mknod, p9_unlinkat, p9_renameat, p9_rename,
	p9_remove;					    /* p9_dir.c */
p9_call p9_version, p9_attach, p9_walk, p9_clunk, p9_flush; /* p9_fid.c */

#endif
