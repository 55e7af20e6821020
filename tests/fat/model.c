/* SPDX-License-Identifier: BSD-2-Clause */
/* Random operations on a volume and on a model of it, and what is promised. */
#include "fat.h"

#define NAMES 24u
#define DIRS 4u

struct fat_vol *vol;
struct file files[FILES];

void vol_mount(void)
{
	struct fat_io io = disk_io();
	const char *why;

	if (!vol)
		vol = malloc(sizeof(*vol));
	why = fat_mount(vol, &io, false);
	if (why)
		printf("mount: %s\n", why);
	CHECK(!why);
}

/* ---- paths ---- */

static struct fat_node *step(struct fat_node *dir, const char *name)
{
	struct fat_node *n = NULL;

	if (fat_lookup(dir, name, &n) != FAT_OK)
		n = NULL;
	fat_put(dir);
	return n;
}

struct fat_node *walk(const char *path)
{
	char copy[PATH], *rest = copy, *name;
	struct fat_node *n;

	strcpy(copy, path);
	CHECK(fat_root(vol, &n) == FAT_OK);
	while (n && (name = strsep(&rest, "/")))
		if (*name)
			n = step(n, name);
	return n;
}

static struct fat_node *walk_dir(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH] = "";

	memcpy(dir, path, (size_t)(slash - path));
	*name = slash + 1;
	return walk(dir);
}

static struct file *file_of(const char *path)
{
	for (unsigned i = 0; i < FILES; i++)
		if (files[i].path[0] && !strcmp(files[i].path, path))
			return &files[i];
	return NULL;
}

static struct file *file_any(bool dir)
{
	for (unsigned tries = 0; tries < 100; tries++) {
		struct file *f = &files[rnd(FILES)];

		if (f->path[0] && f->dir == dir)
			return f;
	}
	return NULL;
}

static bool is_below(const struct file *f, const struct file *dir)
{
	size_t n = strlen(dir->path);

	return f->path[0] && !strncmp(f->path, dir->path, n) &&
	       f->path[n] == '/';
}

static bool has_files(const struct file *dir)
{
	for (unsigned i = 0; i < FILES; i++)
		if (is_below(&files[i], dir))
			return true;
	return false;
}

/* Names of all kinds, that differ in more than case. */
static void name_make(char *out)
{
	unsigned n = rnd(NAMES);

	switch (n % 5) {
	case 0:
		sprintf(out, "F%u.TXT", n);
		break;
	case 1:
		sprintf(out, "lower%u.c", n);
		break;
	case 2:
		sprintf(out, "A longer name with the number %u.text", n);
		break;
	case 3:
		sprintf(out,
			"gr\xc3\xbc\xc3\x9f"
			"e \xf0\x9f\x98\x80 %u",
			n);
		break;
	default:
		sprintf(out, "%u", n);
		while (strlen(out) < 60 + 27 * (n / 5) && strlen(out) < 195)
			strcat(out, "x");
	}
}

static void path_make(char *out)
{
	struct file *dir = rnd(2) ? file_any(true) : NULL;

	strcpy(out, dir ? dir->path : "");
	if (strlen(out) > 400)
		*out = 0;
	strcat(out, "/");
	name_make(out + strlen(out));
}

/* ---- operations ---- */

static void close_file(struct file *f)
{
	if (f->open)
		CHECK(fat_put(f->open) == FAT_OK);
	f->open = NULL;
}

static struct fat_node *opened(struct file *f)
{
	if (!f->open)
		f->open = walk(f->path);
	CHECK(f->open);
	return f->open;
}

static struct file *slot_free(void)
{
	for (unsigned i = 0; i < FILES; i++)
		if (!files[i].path[0])
			return &files[i];
	return NULL;
}

static void op_create(bool dir)
{
	struct file *f = slot_free();
	struct fat_node *at, *n;
	enum fat_status s;
	char path[PATH];
	const char *name;

	path_make(path);
	at = walk_dir(path, &name);
	CHECK(at);
	if (!f) {
		fat_put(at);
		return;
	}
	s = dir ? fat_mkdir(at, name, &n) : fat_create(at, name, &n);
	fat_put(at);
	if (s == FAT_ENOSPC && !file_of(path))
		return;
	CHECK(s == (file_of(path) ? FAT_EEXIST : FAT_OK));
	if (s != FAT_OK)
		return;
	*f = (struct file){ .dir = dir };
	strcpy(f->path, path);
	if (dir)
		fat_put(n);
	else
		f->open = n;
}

static void op_write(struct file *f)
{
	uint8_t data[5000];
	uint32_t n = 1 + rnd(rnd(4) ? 700 : sizeof(data));
	uint32_t at = rnd(3) ? f->size : rnd(f->size + 3000);
	enum fat_status s;

	if (at + n > SIZE_MOST)
		return;
	for (uint32_t i = 0; i < n; i++)
		data[i] = (uint8_t)rnd(256);
	promise_end(f);
	s = fat_write(opened(f), at, data, n);
	if (s == FAT_ENOSPC)
		return;
	CHECK(s == FAT_OK);
	if (at + n > f->size) {
		f->data = realloc(f->data, at + n);
		memset(f->data + f->size, 0, at + n - f->size);
		f->size = at + n;
	}
	memcpy(f->data + at, data, n);
}

static void op_truncate(struct file *f)
{
	uint32_t size = rnd(4) ? rnd(f->size + 1) : rnd(SIZE_MOST);
	enum fat_status s;

	promise_end(f);
	s = fat_truncate(opened(f), size);
	if (s == FAT_ENOSPC)
		return;
	CHECK(s == FAT_OK);
	f->data = realloc(f->data, size + 1);
	if (size > f->size)
		memset(f->data + f->size, 0, size - f->size);
	f->size = size;
}

static void op_sync(struct file *f)
{
	CHECK(fat_sync(opened(f)) == FAT_OK);
	promise_make(f);
}

static void file_gone(struct file *f)
{
	promise_end(f);
	free(f->data);
	close_file(f);
	memset(f, 0, sizeof(*f));
}

static void op_remove(struct file *f)
{
	const char *name;
	struct fat_node *at = walk_dir(f->path, &name);
	enum fat_status s;

	CHECK(at);
	promise_end(f);
	s = fat_remove(at, name);
	fat_put(at);
	CHECK(s == (has_files(f) ? FAT_ENOTEMPTY : FAT_OK));
	if (s == FAT_OK)
		file_gone(f);
}

/* All below a folder that moves, or the file alone. */
static void paths_move(struct file *f, const char *to, bool done)
{
	size_t n = strlen(f->path);
	char path[2 * PATH];

	for (unsigned i = 0; i < FILES; i++) {
		struct file *g = &files[i];

		if (g == f || !is_below(g, f))
			continue;
		snprintf(path, sizeof(path), "%s%s", to, g->path + n);
		if (done)
			memcpy(g->path, path, strlen(path) + 1);
		else
			promise_moves(g, path);
	}
	if (done)
		strcpy(f->path, to);
	else if (!f->dir)
		promise_moves(f, to);
}

static enum fat_status expected(const struct file *f, const struct file *t)
{
	if (!t || t == f)
		return FAT_OK;
	if (f->dir != t->dir)
		return f->dir ? FAT_ENOTDIR : FAT_EISDIR;
	return has_files(t) ? FAT_ENOTEMPTY : FAT_OK;
}

/* What the target's name says is the old contents or the new. */
static void promise_replaces(struct file *f, struct file *t)
{
	bool both = f->promise && t->promise && !f->promise->path[1][0] &&
		    !t->promise->path[1][0];
	struct promise *p;

	promise_end(t);
	if (!both)
		return;
	p = promise_new();
	promise_or(p, 0, t->path, t);
	promise_or(p, 1, t->path, f);
	t->promise = p;
}

static void op_rename(struct file *f)
{
	struct fat_node *from, *to;
	const char *name, *new_name;
	struct file *t;
	enum fat_status s;
	char path[PATH];

	path_make(path);
	t = file_of(path);
	if (f->dir && !strncmp(path, f->path, strlen(f->path)))
		return; /* into itself */
	if (f->dir && strlen(path) > 400)
		return;
	from = walk_dir(f->path, &name);
	to = walk_dir(path, &new_name);
	CHECK(from && to);
	if (t && t != f && expected(f, t) == FAT_OK)
		promise_replaces(f, t);
	if (expected(f, t) == FAT_OK && t != f)
		paths_move(f, path, false);
	s = fat_rename(from, name, to, new_name);
	fat_put(from);
	fat_put(to);
	if (s == FAT_ENOSPC || (s == FAT_EXDEV && f->dir))
		return;
	CHECK(s == expected(f, t));
	if (s != FAT_OK)
		return;
	if (t && t != f)
		file_gone(t);
	paths_move(f, path, true);
}

static void op_clean(void)
{
	CHECK(fat_clean(vol) == FAT_OK);
	for (unsigned i = 0; i < FILES; i++)
		if (files[i].path[0])
			promise_make(&files[i]);
}

void model_step(void)
{
	unsigned op = rnd(100);
	struct file *f = file_any(op >= 82 && rnd(3) == 0);

	if (op < 14 || !f)
		op_create(rnd(5) == 0);
	else if (op < 45 && !f->dir)
		op_write(f);
	else if (op < 53 && !f->dir)
		op_truncate(f);
	else if (op < 65 && !f->dir)
		op_sync(f);
	else if (op < 70 && !f->dir)
		close_file(f);
	else if (op < 74)
		op_clean();
	else if (op < 81)
		op_remove(f);
	else
		op_rename(f);
}

void model_close(void)
{
	for (unsigned i = 0; i < FILES; i++)
		close_file(&files[i]);
	op_clean();
}
