/* SPDX-License-Identifier: BSD-2-Clause */
/* 9P messages: taken apart, given to who serves them, put together. */
#include "p9_int.h"

#include <string.h>

/* ---- reading ---- */

const uint8_t *p9_get_bytes(struct p9_in *in, uint32_t n)
{
	const uint8_t *at = in->at;

	if (in->bad || n > in->left) {
		in->bad = true;
		return NULL;
	}
	in->at += n;
	in->left -= n;
	return at;
}

uint64_t p9_get(struct p9_in *in, unsigned bytes)
{
	const uint8_t *p = p9_get_bytes(in, bytes);
	uint64_t value = 0;

	for (unsigned i = 0; p && i < bytes; i++)
		value |= (uint64_t)p[i] << 8 * i;
	return value;
}

int p9_get_name(struct p9_in *in, char *out)
{
	uint32_t n = (uint32_t)p9_get(in, 2);
	const uint8_t *p = p9_get_bytes(in, n);

	out[0] = 0;
	if (!p)
		return P9_EINVAL;
	if (n >= FAT_NAME)
		return P9_ENAMETOOLONG;
	if (memchr(p, 0, n) || memchr(p, '/', n))
		return P9_EINVAL;
	memcpy(out, p, n);
	out[n] = 0;
	return 0;
}

/* ---- writing ---- */

void p9_put(struct p9_out *out, uint64_t value, unsigned bytes)
{
	if (bytes > out->room - out->len) {
		out->full = true;
		return;
	}
	for (unsigned i = 0; i < bytes; i++)
		out->start[out->len++] = (uint8_t)(value >> 8 * i);
}

void p9_put_text(struct p9_out *out, const char *text)
{
	size_t n = strlen(text);

	p9_put(out, n, 2);
	if (n > out->room - out->len) {
		out->full = true;
		return;
	}
	memcpy(out->start + out->len, text, n);
	out->len += (uint32_t)n;
}

void p9_put_qid_of(struct p9_out *out, bool folder, uint32_t version,
		   uint64_t path)
{
	p9_put(out, folder ? 0x80 : 0, 1);
	p9_put(out, version, 4);
	p9_put(out, path, 8);
}

void p9_put_qid(struct p9_out *out, const struct fat_node *n)
{
	p9_put_qid_of(out, fat_is_dir(n), (uint32_t)n->mtime, n->id);
}

int p9_error(enum fat_status s)
{
	static const uint8_t number[] = {
		[FAT_OK] = 0,
		[FAT_EIO] = P9_EIO,
		[FAT_ENOENT] = P9_ENOENT,
		[FAT_EEXIST] = P9_EEXIST,
		[FAT_ENOTDIR] = P9_ENOTDIR,
		[FAT_EISDIR] = P9_EISDIR,
		[FAT_ENOTEMPTY] = P9_ENOTEMPTY,
		[FAT_ENOSPC] = P9_ENOSPC,
		[FAT_EINVAL] = P9_EINVAL,
		[FAT_ENAMETOOLONG] = P9_ENAMETOOLONG,
		[FAT_EFBIG] = P9_EFBIG,
		[FAT_EROFS] = P9_EROFS,
		[FAT_ENFILE] = P9_ENFILE,
		[FAT_EXDEV] = P9_EXDEV,
		[FAT_EBUSY] = P9_EBUSY,
		[FAT_ECORRUPT] = P9_EUCLEAN,
	};

	return s < sizeof(number) ? number[s] : P9_EIO;
}

/* ---- serving ---- */

static int refuse(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	return P9_EOPNOTSUPP;
}

static int forbid(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	return P9_EPERM;
}

/* As clients expect it where they need not say who they are. */
static int no_auth(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	return P9_ENOENT;
}

static p9_call *const calls[P9_TYPES] = {
	[P9_TSTATFS] = p9_statfs,
	[P9_TLOPEN] = p9_lopen,
	[P9_TLCREATE] = p9_lcreate,
	[P9_TSYMLINK] = forbid, /* FAT has neither these ... */
	[P9_TMKNOD] = p9_mknod,
	[P9_TLINK] = forbid,
	[P9_TREADLINK] = refuse,
	[P9_TXATTRWALK] = refuse, /* ... nor those */
	[P9_TXATTRCREATE] = refuse,
	[P9_TAUTH] = no_auth,
	[P9_TRENAME] = p9_rename,
	[P9_TGETATTR] = p9_getattr,
	[P9_TSETATTR] = p9_setattr,
	[P9_TREADDIR] = p9_readdir,
	[P9_TFSYNC] = p9_fsync,
	[P9_TLOCK] = p9_lock,
	[P9_TGETLOCK] = p9_getlock,
	[P9_TMKDIR] = p9_mkdir,
	[P9_TRENAMEAT] = p9_renameat,
	[P9_TUNLINKAT] = p9_unlinkat,
	[P9_TVERSION] = p9_version,
	[P9_TATTACH] = p9_attach,
	[P9_TFLUSH] = p9_flush,
	[P9_TWALK] = p9_walk,
	[P9_TREAD] = p9_read,
	[P9_TWRITE] = p9_write,
	[P9_TCLUNK] = p9_clunk,
	[P9_TREMOVE] = p9_remove,
};

static int call(struct p9 *p, unsigned type, struct p9_in *in,
		struct p9_out *out)
{
	p9_call *fn = type < P9_TYPES ? calls[type] : NULL;

	if (!fn)
		return P9_EOPNOTSUPP;
	if (!p->msize && type != P9_TVERSION)
		return P9_EPROTO;
	return fn(p, in, out);
}

static uint32_t finish(struct p9_out *out, unsigned type, unsigned tag)
{
	uint32_t len = out->len;

	out->len = 0;
	p9_put(out, len, 4);
	p9_put(out, type, 1);
	p9_put(out, tag, 2);
	return len;
}

uint32_t p9_serve(struct p9 *p, const uint8_t *request, uint32_t n,
		  uint8_t *reply, uint32_t room)
{
	struct p9_in in = { request, n, false };
	struct p9_out out = { reply, P9_HEADER, room, false };
	uint32_t size = (uint32_t)p9_get(&in, 4);
	unsigned type = (unsigned)p9_get(&in, 1);
	unsigned tag = (unsigned)p9_get(&in, 2);
	int error;

	if (in.bad || room < P9_HEADER + 4)
		return 0;
	/* what is behind the message is not looked at */
	if (size < P9_HEADER || size - P9_HEADER > in.left) {
		error = P9_EINVAL;
	} else {
		in.left = size - P9_HEADER;
		if (p->msize && p->msize < out.room)
			out.room = p->msize;
		error = call(p, type, &in, &out);
	}
	if (!error && out.full)
		error = P9_EINVAL;
	if (!error)
		return finish(&out, type + 1, tag);
	out = (struct p9_out){ reply, P9_HEADER, room, false };
	p9_put(&out, (unsigned)error, 4);
	return finish(&out, P9_RLERROR, tag);
}
