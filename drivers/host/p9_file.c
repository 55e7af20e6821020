/* SPDX-License-Identifier: BSD-2-Clause */
/* 9P requests on files: open, read, write, attributes. */
#include "p9_int.h"

#include <string.h>

#define MAGIC 0x4d44u /* of MS-DOS, in Rstatfs */
#define MODE_DIR 040755u
#define MODE_FILE 0100755u /* as of Linux' vfat: programs can be run */
#define GETATTR_BASIC 0x7ffu
#define SETATTR_SIZE 8u
#define SETATTR_MTIME 0x20u
#define SETATTR_MTIME_SET 0x100u
#define UNLOCKED 2u

int p9_statfs(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));
	const struct fat_vol *v = p->base->v;

	if (in->bad || !f)
		return in->bad ? P9_EINVAL : P9_EBADF;
	p9_put(out, MAGIC, 4);
	p9_put(out, v->per_cluster * FAT_SECTOR, 4);
	p9_put(out, v->clusters, 8);
	p9_put(out, v->free, 8);
	p9_put(out, v->free, 8);
	p9_put(out, 0, 8); /* files: there is no bound */
	p9_put(out, 0, 8);
	p9_put(out, 0, 8);
	p9_put(out, FAT_NEW_UNITS, 4);
	return 0;
}

static void opened(struct p9 *p, struct p9_fid *f, uint32_t flags,
		   struct p9_out *out)
{
	f->opened = true;
	f->flags = flags;
	if (p9_writes(flags))
		fat_writer_begin(f->node); /* open_check has been asked */
	p9_put_qid(out, f->node);
	p9_put(out, p->msize - P9_IO_HEAD, 4);
}

static int open_check(const struct fat_node *n, uint32_t flags)
{
	if (fat_is_dir(n))
		return p9_writes(flags) || flags & P9_TRUNC ? P9_EISDIR : 0;
	if (flags & P9_DIRECTORY)
		return P9_ENOTDIR;
	return p9_writes(flags) && n->held ? P9_EBUSY : 0;
}

int p9_lopen(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));
	uint32_t flags = (uint32_t)p9_get(in, 4);
	int error;

	if (in->bad || !f)
		return in->bad ? P9_EINVAL : P9_EBADF;
	if (f->opened)
		return P9_EINVAL;
	error = open_check(f->node, flags);
	if (!error && flags & P9_TRUNC && p9_writes(flags))
		error = p9_error(fat_truncate(f->node, 0));
	if (!error)
		opened(p, f, flags, out);
	return error;
}

/* The node to open: one that is there, or a new one. */
static int create(struct fat_node *dir, const char *name, uint32_t flags,
		  struct fat_node **n)
{
	enum fat_status s = fat_lookup(dir, name, n);
	int error;

	if (s == FAT_ENOENT)
		return p9_error(fat_create(dir, name, n));
	if (s != FAT_OK)
		return p9_error(s);
	error = flags & P9_EXCL ? P9_EEXIST : open_check(*n, flags);
	if (!error && flags & P9_TRUNC && p9_writes(flags))
		error = p9_error(fat_truncate(*n, 0));
	if (error)
		fat_put(*n);
	return error;
}

int p9_lcreate(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));
	char name[FAT_NAME];
	int error = p9_get_name(in, name);
	uint32_t flags = (uint32_t)p9_get(in, 4);
	struct fat_node *n;

	p9_get(in, 8); /* mode and group: FAT has none */
	if (in->bad || error)
		return in->bad ? P9_EINVAL : error;
	if (!f || f->opened)
		return P9_EBADF;
	error = create(f->node, name, flags, &n);
	if (!error)
		error = p9_fid_set(p, f, n);
	if (!error)
		opened(p, f, flags, out);
	return error;
}

int p9_getattr(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));
	const struct fat_node *n;

	p9_get(in, 8);
	if (in->bad || !f)
		return in->bad ? P9_EINVAL : P9_EBADF;
	n = f->node;
	p9_put(out, GETATTR_BASIC, 8);
	p9_put_qid(out, n);
	p9_put(out, fat_is_dir(n) ? MODE_DIR : MODE_FILE, 4);
	p9_put(out, 0, 4); /* user */
	p9_put(out, 0, 4); /* group */
	p9_put(out, fat_is_dir(n) ? 2 : n->removed ? 0 : 1, 8);
	p9_put(out, 0, 8);
	p9_put(out, n->size, 8);
	p9_put(out, n->v->per_cluster * FAT_SECTOR, 8);
	p9_put(out, ((uint64_t)n->size + FAT_SECTOR - 1) / FAT_SECTOR, 8);
	for (unsigned i = 0; i < 3; i++) { /* access, change, status */
		p9_put(out, n->mtime, 8);
		p9_put(out, 0, 8);
	}
	for (unsigned i = 0; i < 4; i++) /* birth, generation, version */
		p9_put(out, 0, 8);
	return 0;
}

/* What FAT does not keep (mode, owner, access) is accepted and dropped. */
int p9_setattr(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));
	uint32_t valid = (uint32_t)p9_get(in, 4);
	enum fat_status s = FAT_OK;
	uint64_t size, mtime;

	p9_get(in, 4);
	p9_get(in, 8);
	size = p9_get(in, 8);
	p9_get_bytes(in, 16);
	mtime = p9_get(in, 8);
	p9_get(in, 8);
	if (in->bad || !f)
		return in->bad ? P9_EINVAL : P9_EBADF;
	if (valid & SETATTR_SIZE)
		s = fat_truncate(f->node, size);
	if (s == FAT_OK && valid & SETATTR_MTIME)
		s = fat_set_mtime(f->node, valid & SETATTR_MTIME_SET ?
						   mtime :
						   fat_now(f->node->v));
	return p9_error(s);
}

int p9_fsync(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));

	if (in->bad || !f)
		return in->bad ? P9_EINVAL : P9_EBADF;
	return p9_error(fat_sync(f->node));
}

int p9_read(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));
	uint64_t at = p9_get(in, 8);
	uint32_t count = (uint32_t)p9_get(in, 4);
	uint32_t room = out->room - P9_HEADER;
	uint32_t done;
	int error;

	if (in->bad || room < 4)
		return P9_EINVAL;
	if (!f || !f->opened || (f->flags & P9_ACCESS) == P9_WRONLY)
		return P9_EBADF;
	if (count > room - 4)
		count = room - 4;
	error = p9_error(fat_read(f->node, at, out->start + P9_HEADER + 4,
				  count, &done));
	p9_put(out, done, 4);
	out->len += done;
	return error;
}

int p9_write(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));
	uint64_t at = p9_get(in, 8);
	uint32_t count = (uint32_t)p9_get(in, 4);
	const uint8_t *data = p9_get_bytes(in, count);
	int error;

	if (in->bad || !data)
		return P9_EINVAL;
	if (!f || !f->opened || !p9_writes(f->flags))
		return P9_EBADF;
	if (f->flags & P9_APPEND)
		at = f->node->size;
	error = p9_error(fat_write(f->node, at, data, count));
	p9_put(out, count, 4);
	return error;
}

/* Clients keep the locks of their own; between clients there are none. */
int p9_lock(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));

	if (in->bad || !f)
		return in->bad ? P9_EINVAL : P9_EBADF;
	p9_put(out, 0, 1); /* success */
	return 0;
}

int p9_getlock(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));
	uint64_t start, length;
	uint32_t pid;

	p9_get(in, 1);
	start = p9_get(in, 8);
	length = p9_get(in, 8);
	pid = (uint32_t)p9_get(in, 4);
	if (in->bad || !f)
		return in->bad ? P9_EINVAL : P9_EBADF;
	p9_put(out, UNLOCKED, 1);
	p9_put(out, start, 8);
	p9_put(out, length, 8);
	p9_put(out, pid, 4);
	p9_put_text(out, "");
	return 0;
}
