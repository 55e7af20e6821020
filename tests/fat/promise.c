/* SPDX-License-Identifier: BSD-2-Clause */
/* What the model promises of a volume, whole or after a cut. */
#include "fat.h"

static struct promise *promises;

static uint8_t *copy_of(const uint8_t *data, uint32_t n)
{
	uint8_t *p = malloc(n + 1u);

	if (n)
		memcpy(p, data, n);
	return p;
}

void promise_end(struct file *f)
{
	if (f->promise)
		f->promise->until = disk_position();
	f->promise = NULL;
}

struct promise *promise_new(void)
{
	struct promise *p = calloc(1, sizeof(*p));

	p->from = disk_position();
	p->until = UINT32_MAX;
	p->next = promises;
	promises = p;
	return p;
}

void promise_or(struct promise *p, unsigned way, const char *path,
		const struct file *f)
{
	strcpy(p->path[way], path);
	p->data[way] = copy_of(f->data, f->size);
	p->size[way] = f->size;
}

/* The file is on the volume as it is now. */
void promise_make(struct file *f)
{
	promise_end(f);
	if (f->dir)
		return;
	f->promise = promise_new();
	promise_or(f->promise, 0, f->path, f);
}

/* The file moves: from now on it is at one of the paths. */
void promise_moves(struct file *f, const char *path)
{
	if (!f->promise)
		return;
	if (f->promise->path[1][0]) {
		promise_end(f); /* twice since it was synced */
		return;
	}
	promise_end(f);
	f->promise = promise_new();
	promise_or(f->promise, 0, f->path, f);
	promise_or(f->promise, 1, path, f);
}

static bool way_holds(const struct promise *p, unsigned way)
{
	static uint8_t data[2 * SIZE_MOST];
	struct fat_node *n;
	uint32_t done;
	bool good;

	if (!p->path[way][0] || !(n = walk(p->path[way])))
		return false;
	good = n->size == p->size[way] &&
	       fat_read(n, 0, data, sizeof(data), &done) == FAT_OK &&
	       done == n->size && !memcmp(data, p->data[way], p->size[way]);
	fat_put(n);
	return good;
}

void promises_verify(unsigned position)
{
	for (struct promise *p = promises; p; p = p->next) {
		if (position < p->from || position > p->until ||
		    way_holds(p, 0) || way_holds(p, 1))
			continue;
		printf("lost after a cut at %u: %s (%u to %u)\n", position,
		       p->path[0], p->from, p->until);
		exit(1);
	}
}

/* ---- comparing ---- */

static unsigned count_in(struct fat_node *dir)
{
	struct fat_item item = { .next = 0 };
	enum fat_status s;
	unsigned n = 0;

	while ((s = fat_list(dir, item.next, &item)) == FAT_OK)
		n++;
	CHECK(s == FAT_ENOENT);
	return n;
}

static unsigned verify_one(const struct file *f)
{
	static uint8_t data[SIZE_MOST];
	struct fat_node *n = walk(f->path);
	uint32_t done;
	unsigned in = 0;

	if (!n)
		printf("not there: %s\n", f->path);
	CHECK(n && fat_is_dir(n) == f->dir && n->size == f->size);
	if (f->dir) {
		in = count_in(n);
	} else {
		CHECK(fat_read(n, 0, data, sizeof(data), &done) == FAT_OK);
		CHECK(done == f->size);
		CHECK(!done || !memcmp(data, f->data, done));
	}
	fat_put(n);
	return in;
}

void model_verify(void)
{
	struct fat_node *root = walk("");
	unsigned listed = count_in(root);
	unsigned nr = 0;

	fat_put(root);
	for (unsigned i = 0; i < FILES; i++) {
		if (!files[i].path[0])
			continue;
		nr++;
		listed += verify_one(&files[i]);
	}
	CHECK(listed == nr);
}

static uint32_t sum(const struct file *f)
{
	uint32_t a = 2166136261u;

	for (uint32_t i = 0; i < f->size; i++)
		a = (a ^ f->data[i]) * 16777619u;
	return a;
}

void model_list(void)
{
	for (unsigned i = 0; i < FILES; i++) {
		const struct file *f = &files[i];

		if (f->path[0])
			printf("%c\t%u\t%u\t%s\n", f->dir ? 'd' : 'f', f->size,
			       sum(f), f->path);
	}
}
