/* SPDX-License-Identifier: BSD-2-Clause */
/* 9P requests on folders: their list, and what makes and removes names. */
#include "p9_int.h"

#include <string.h>

#define REMOVE_DIR 0x200u
#define S_TYPE 0170000u /* of a mode: those of Linux */
#define S_FILE 0100000u
#define DT_DIR 4u
#define DT_REG 8u
#define DOTS 2u /* "." and ".." come first: positions 0 and 1 */

static const char *const dots[DOTS] = { ".", ".." };

/* An entry of Rreaddir; false: there is no room for it. */
static bool item_put(struct p9_out *out, const struct fat_item *item,
		     uint64_t next)
{
	uint32_t start = out->len;

	p9_put_qid_of(out, item->folder, 0, item->id);
	p9_put(out, next, 8);
	p9_put(out, item->folder ? DT_DIR : DT_REG, 1);
	p9_put_text(out, item->name);
	if (!out->full)
		return true;
	out->len = start;
	out->full = false;
	return false;
}

static enum fat_status item_get(struct p9 *p, struct fat_node *dir, uint64_t at,
				struct fat_item *item)
{
	const struct fat_node *n = dir;

	if (at >= DOTS)
		return at - DOTS > UINT32_MAX ?
			       FAT_ENOENT :
			       fat_list(dir, (uint32_t)(at - DOTS), item);
	if (at == 1 && dir != p->base && dir->up)
		n = dir->up;
	strcpy(item->name, dots[at]);
	item->id = n->id;
	item->folder = true;
	return FAT_OK;
}

static int list(struct p9 *p, struct fat_node *dir, uint64_t at,
		struct p9_out *out)
{
	struct fat_item item;
	enum fat_status s;

	while ((s = item_get(p, dir, at, &item)) == FAT_OK) {
		uint64_t next = at < DOTS ? at + 1 : item.next + DOTS;

		if (!item_put(out, &item, next))
			return 0;
		at = next;
	}
	return s == FAT_ENOENT ? 0 : p9_error(s);
}

int p9_readdir(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));
	uint64_t at = p9_get(in, 8);
	uint32_t count = (uint32_t)p9_get(in, 4);
	uint32_t start = out->len;
	struct p9_out part;
	int error;

	if (in->bad || out->room - start < 4)
		return P9_EINVAL;
	if (!f || !f->opened)
		return P9_EBADF;
	if (!fat_is_dir(f->node))
		return P9_ENOTDIR;
	p9_put(out, 0, 4);
	part = *out;
	if (count < part.room - part.len)
		part.room = part.len + count;
	error = list(p, f->node, at, &part);
	p9_put(&(struct p9_out){ out->start, start, out->room, false },
	       part.len - out->len, 4);
	out->len = part.len;
	return error;
}

int p9_mkdir(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));
	char name[FAT_NAME];
	int error = p9_get_name(in, name);
	struct fat_node *n;

	if (in->bad || !f || error)
		return in->bad ? P9_EINVAL : !f ? P9_EBADF : error;
	error = p9_error(fat_mkdir(f->node, name, &n));
	if (error)
		return error;
	p9_put_qid(out, n);
	return p9_error(fat_put(n));
}

/* A file that nobody opens; FAT has no other nodes. */
int p9_mknod(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));
	char name[FAT_NAME];
	int error = p9_get_name(in, name);
	uint32_t type = (uint32_t)p9_get(in, 4) & S_TYPE;
	struct fat_node *n;

	p9_get_bytes(in, 12); /* major, minor, group */
	if (in->bad || !f || error)
		return in->bad ? P9_EINVAL : !f ? P9_EBADF : error;
	if (type && type != S_FILE)
		return P9_EPERM;
	error = p9_error(fat_create(f->node, name, &n));
	if (error)
		return error;
	p9_put_qid(out, n);
	return p9_error(fat_put(n));
}

/* Is it a folder, as the request says? */
static int kind_check(struct fat_node *dir, const char *name, bool folder)
{
	struct fat_node *n;
	enum fat_status s = fat_lookup(dir, name, &n);
	int error = p9_error(s);

	if (s != FAT_OK)
		return error;
	if (fat_is_dir(n) != folder)
		error = folder ? P9_ENOTDIR : P9_EISDIR;
	fat_put(n);
	return error;
}

int p9_unlinkat(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));
	char name[FAT_NAME];
	int error = p9_get_name(in, name);
	uint32_t flags = (uint32_t)p9_get(in, 4);

	if (in->bad || !f || error)
		return in->bad ? P9_EINVAL : !f ? P9_EBADF : error;
	error = kind_check(f->node, name, flags & REMOVE_DIR);
	return error ? error : p9_error(fat_remove(f->node, name));
}

/* What moved keeps other folders now. */
static int moved(struct p9 *p, enum fat_status s)
{
	if (s == FAT_OK)
		p9_weigh(p);
	return p9_error(s);
}

int p9_renameat(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *from = p9_fid(p, (uint32_t)p9_get(in, 4));
	char name[FAT_NAME], new_name[FAT_NAME];
	int error = p9_get_name(in, name);
	struct p9_fid *to = p9_fid(p, (uint32_t)p9_get(in, 4));

	if (!error)
		error = p9_get_name(in, new_name);
	if (in->bad || error)
		return in->bad ? P9_EINVAL : error;
	if (!from || !to)
		return P9_EBADF;
	return moved(p, fat_rename(from->node, name, to->node, new_name));
}

/* By the fid of what is renamed. */
int p9_rename(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));
	struct p9_fid *to = p9_fid(p, (uint32_t)p9_get(in, 4));
	char name[FAT_NAME], new_name[FAT_NAME];
	int error = p9_get_name(in, new_name);
	enum fat_status s;

	if (in->bad || error)
		return in->bad ? P9_EINVAL : error;
	if (!f || !to)
		return P9_EBADF;
	s = f->node == p->base ? FAT_EINVAL : fat_name(f->node, name);
	if (s == FAT_OK)
		s = fat_rename(f->node->up, name, to->node, new_name);
	return moved(p, s);
}

/* The fid ends in any case. */
int p9_remove(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));
	char name[FAT_NAME];
	enum fat_status s;
	int error;

	if (in->bad || !f)
		return in->bad ? P9_EINVAL : P9_EBADF;
	s = f->node == p->base ? FAT_EINVAL : fat_name(f->node, name);
	if (s == FAT_OK)
		s = fat_remove(f->node->up, name);
	error = p9_fid_drop(p, f);
	return s == FAT_OK ? error : p9_error(s);
}
