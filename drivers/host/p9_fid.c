/* SPDX-License-Identifier: BSD-2-Clause */
/* A client's fids: what it names files by; sessions and walks. */
#include "p9_int.h"

#include <string.h>

#define WALK_MOST 16u
#define MSIZE_LEAST 4096u
#define NO_FID 0xffffffffu

struct p9_fid *p9_fid(struct p9 *p, uint32_t number)
{
	for (unsigned i = 0; i < p->nr_fids; i++)
		if (p->fid[i].node && p->fid[i].number == number)
			return &p->fid[i];
	return NULL;
}

/* A node keeps those of the folders above it. */
static unsigned weight_of(const struct fat_node *n)
{
	unsigned weight = 0;

	for (; n; n = n->up)
		weight++;
	return weight;
}

void p9_fid_close(struct p9_fid *f)
{
	if (f->opened && p9_writes(f->flags))
		fat_writer_end(f->node);
	f->opened = false;
}

int p9_fid_set(struct p9 *p, struct p9_fid *f, struct fat_node *n)
{
	unsigned weight = weight_of(n);

	if (p->weight - f->weight + weight > P9_NODES) {
		fat_put(n);
		return P9_EMFILE;
	}
	p->weight += weight - f->weight;
	p9_fid_close(f);
	if (f->node)
		fat_put(f->node);
	f->node = n;
	f->weight = weight;
	return 0;
}

int p9_fid_new(struct p9 *p, uint32_t number, struct fat_node *n)
{
	int error = number == NO_FID || p9_fid(p, number) ? P9_EINVAL :
							    P9_EMFILE;

	for (unsigned i = 0; error == P9_EMFILE && i < P9_FIDS; i++) {
		struct p9_fid *f = &p->fid[i];

		if (f->node)
			continue;
		*f = (struct p9_fid){ .number = number };
		if (i == p->nr_fids)
			p->nr_fids++;
		return p9_fid_set(p, f, n);
	}
	fat_put(n);
	return error;
}

int p9_fid_drop(struct p9 *p, struct p9_fid *f)
{
	enum fat_status s;

	p9_fid_close(f);
	s = fat_put(f->node);
	p->weight -= f->weight;
	*f = (struct p9_fid){ .node = NULL };
	while (p->nr_fids && !p->fid[p->nr_fids - 1].node)
		p->nr_fids--;
	return p9_error(s);
}

void p9_weigh(struct p9 *p)
{
	p->weight = 0;
	for (unsigned i = 0; i < p->nr_fids; i++) {
		struct p9_fid *f = &p->fid[i];

		f->weight = weight_of(f->node);
		p->weight += f->weight;
	}
}

void p9_init(struct p9 *p, struct fat_node *base)
{
	memset(p, 0, sizeof(*p));
	p->base = base;
}

void p9_reset(struct p9 *p)
{
	for (unsigned i = p->nr_fids; i--;)
		if (p->fid[i].node)
			p9_fid_drop(p, &p->fid[i]);
	p->msize = 0;
}

int p9_version(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	uint32_t msize = (uint32_t)p9_get(in, 4);
	char text[FAT_NAME];
	bool known;

	if (p9_get_name(in, text) || msize < MSIZE_LEAST)
		return P9_EINVAL;
	p9_reset(p);
	known = !strcmp(text, "9P2000.L");
	if (msize > P9_MSIZE)
		msize = P9_MSIZE;
	if (known)
		p->msize = msize;
	p9_put(out, msize, 4);
	p9_put_text(out, known ? "9P2000.L" : "unknown");
	return 0;
}

int p9_attach(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	uint32_t number = (uint32_t)p9_get(in, 4);
	uint32_t n;
	int error;

	p9_get(in, 4);				   /* no authentication */
	p9_get_bytes(in, (uint32_t)p9_get(in, 2)); /* all users are one */
	n = (uint32_t)p9_get(in, 2);
	if (!in->bad && n == 1 && *in->at == '/')
		p9_get_bytes(in, n);
	else if (n)
		return P9_ENOENT;
	if (in->bad)
		return P9_EINVAL;
	fat_get(p->base);
	error = p9_fid_new(p, number, p->base);
	if (!error)
		p9_put_qid(out, p->base);
	return error;
}

/* One step; takes *n over, and gives its successor. */
static int step(struct p9 *p, struct fat_node **n, const char *name)
{
	struct fat_node *next = NULL;
	enum fat_status s;

	if (!strcmp(name, "."))
		return 0;
	if (!strcmp(name, ".."))
		s = *n == p->base ? FAT_OK : fat_parent(*n, &next);
	else
		s = fat_lookup(*n, name, &next);
	if (s != FAT_OK)
		return p9_error(s);
	if (!next)
		return 0;
	fat_put(*n);
	*n = next;
	return 0;
}

/* Walks as far as it goes; *done: how many steps. */
static int steps(struct p9 *p, struct p9_in *in, struct p9_out *out,
		 unsigned nr, struct fat_node **n, unsigned *done)
{
	char name[FAT_NAME];
	int error = 0;

	for (*done = 0; *done < nr; ++*done) {
		error = p9_get_name(in, name);
		if (!error && !fat_is_dir(*n))
			error = P9_ENOTDIR;
		if (!error)
			error = step(p, n, name);
		if (error)
			break;
		p9_put_qid(out, *n);
	}
	return error;
}

int p9_walk(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));
	uint32_t number = (uint32_t)p9_get(in, 4);
	unsigned nr = (unsigned)p9_get(in, 2);
	uint32_t at = out->len;
	struct fat_node *n;
	unsigned done;
	int error;

	if (in->bad || nr > WALK_MOST)
		return P9_EINVAL;
	if (!f)
		return P9_EBADF;
	n = f->node;
	fat_get(n);
	p9_put(out, nr, 2);
	error = steps(p, in, out, nr, &n, &done);
	if (done < nr || in->bad) {
		/* part of the way: no fid is made of it */
		fat_put(n);
		out->start[at] = (uint8_t)done;
		return done && !in->bad ? 0 : error;
	}
	return number == f->number ? p9_fid_set(p, f, n) :
				     p9_fid_new(p, number, n);
}

int p9_clunk(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid(p, (uint32_t)p9_get(in, 4));

	return in->bad ? P9_EINVAL : f ? p9_fid_drop(p, f) : P9_EBADF;
}

/* Requests are served one after the other: there is none to be flushed. */
int p9_flush(struct p9 *p, struct p9_in *in, struct p9_out *out)
{
	p9_get(in, 2);
	return in->bad ? P9_EINVAL : 0;
}
