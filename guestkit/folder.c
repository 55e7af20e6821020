/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared folders: fids, paths, and what is done with names. */
#include "kit/mm.h"
#include "p9.h"

#define STEPS 16u /* names of one walk */
#define O_DIRECTORY 0x10000u
#define QID 13u
#define DIR_TYPE 4u
#define ENOENT 2
#define EINVAL 22

/* ---- fids ---- */

static int fid_new(struct kit_folder *d, uint32_t *fid)
{
	for (*fid = 0; *fid < P9_FIDS; ++*fid) {
		if (d->fids >> *fid & 1)
			continue;
		d->fids |= 1u << *fid;
		return 0;
	}
	return -P9_ENFILE;
}

static void fid_free(struct kit_folder *d, uint32_t fid)
{
	d->fids &= ~(1u << fid);
}

/* A new session does not know it anyway. */
static void fid_clunk(struct kit_folder *d, uint32_t fid)
{
	kit_p9_begin(d, P9_CLUNK);
	kit_p9_put(d, fid, 4);
	kit_p9_send(d);
}

void kit_p9_drop(struct kit_folder *d, uint32_t fid)
{
	fid_clunk(d, fid);
	fid_free(d, fid);
}

/* ---- paths ---- */

static const char *name_end(const char *path, const char *end)
{
	while (path < end && *path != '/')
		path++;
	return path;
}

static const char *name_start(const char *path, const char *end)
{
	while (path < end && *path == '/')
		path++;
	return path;
}

const char *kit_p9_text_end(const char *s)
{
	while (*s)
		s++;
	return s;
}

/* Puts as many names as a walk takes; returns what is left of the path. */
static const char *names_put(struct kit_folder *d, const char *path,
			     const char *end, unsigned *nr)
{
	uint32_t count_at = d->len;

	kit_p9_put(d, 0, 2);
	*nr = 0;
	while (path < end && *nr < STEPS) {
		const char *stop = name_end(path, end);

		kit_p9_put_text(d, path, (size_t)(stop - path));
		path = name_start(stop, end);
		++*nr;
	}
	d->out[count_at] = (uint8_t)*nr;
	return path;
}

/* The fid stands for the path up to `end` then, or for nothing. */
int kit_p9_walk_to(struct kit_folder *d, const char *path, const char *end,
		   uint32_t fid)
{
	uint32_t from = P9_ROOT;
	int error = 0;

	path = name_start(path, end);
	while (!error) {
		unsigned nr;

		kit_p9_begin(d, P9_WALK);
		kit_p9_put(d, from, 4);
		kit_p9_put(d, fid, 4);
		path = names_put(d, path, end, &nr);
		error = kit_p9_send(d);
		if (!error && kit_p9_get(d, 2) != nr)
			error = -ENOENT;
		if (!error && path == end)
			return 0;
		if (!error)
			from = fid;
	}
	if (from == fid && error != -P9_LOST)
		fid_clunk(d, fid);
	return error;
}

/* A fid for the path up to `end`. */
static int walk(struct kit_folder *d, const char *path, const char *end,
		uint32_t *fid)
{
	int error = fid_new(d, fid);

	if (error)
		return error;
	error = kit_p9_walk_to(d, path, end, *fid);
	if (error)
		fid_free(d, *fid);
	return error;
}

/* A fid for the folder, and where the last name is. */
int kit_p9_walk_parent(struct kit_folder *d, const char *path, uint32_t *fid,
		       const char **name)
{
	const char *end = kit_p9_text_end(path);
	const char *at = end;

	while (at > path && at[-1] != '/')
		at--;
	*name = at;
	return at == end ? -EINVAL : walk(d, path, at, fid);
}

void kit_p9_put_name(struct kit_folder *d, const char *name)
{
	kit_p9_put_text(d, name, (size_t)(kit_p9_text_end(name) - name));
}

int kit_p9_fid_open(struct kit_folder *d, uint32_t fid, uint32_t flags)
{
	kit_p9_begin(d, P9_LOPEN);
	kit_p9_put(d, fid, 4);
	kit_p9_put(d, flags, 4);
	return kit_p9_send(d);
}

int kit_p9_open_fid(struct kit_folder *d, const char *path, uint32_t flags,
		    uint32_t *fid)
{
	int error = walk(d, path, kit_p9_text_end(path), fid);

	if (error)
		return error;
	error = kit_p9_fid_open(d, *fid, flags);
	if (error)
		kit_p9_drop(d, *fid);
	return error;
}

/* ---- folders ---- */

/* The next entry of a reply to readdir; false: that was all of it. */
static bool item_get(struct kit_folder *d, uint64_t *next,
		     struct kit_item *item)
{
	const uint8_t *name;
	uint32_t n;

	if (!kit_p9_get_bytes(d, QID))
		return false;
	*next = kit_p9_get(d, 8);
	item->folder = kit_p9_get(d, 1) == DIR_TYPE;
	n = (uint32_t)kit_p9_get(d, 2);
	name = n < KIT_NAME_MAX ? kit_p9_get_bytes(d, n) : NULL;
	if (!name)
		return false;
	__builtin_memcpy(item->name, name, n);
	item->name[n] = 0;
	return true;
}

static bool is_dots(const struct kit_item *item)
{
	const char *n = item->name;

	return n[0] == '.' && (!n[1] || (n[1] == '.' && !n[2]));
}

static bool is_listed(const struct kit_item *item,
		      bool (*fn)(const struct kit_item *item, void *arg),
		      void *arg)
{
	return is_dots(item) || fn(item, arg);
}

/* Entries from *at on, which is where the next ones are. */
static int list_from(struct kit_folder *d, const char *path, uint64_t *at,
		     bool (*fn)(const struct kit_item *item, void *arg),
		     void *arg)
{
	static struct kit_item item;
	uint32_t fid;
	int error = kit_p9_open_fid(d, path, O_DIRECTORY, &fid);
	bool more = !error;

	while (more) {
		uint64_t before = *at;

		kit_p9_begin(d, P9_READDIR);
		kit_p9_put(d, fid, 4);
		kit_p9_put(d, *at, 8);
		kit_p9_put(d, d->msize - P9_IO_HEAD, 4);
		error = kit_p9_send(d);
		more = !error && kit_p9_get(d, 4);
		while (more && item_get(d, at, &item))
			more = is_listed(&item, fn, arg);
		more &= *at != before;
		if (!more)
			kit_p9_drop(d, fid);
	}
	return error;
}

int kit_folder_list(struct kit_folder *d, const char *path,
		    bool (*fn)(const struct kit_item *item, void *arg),
		    void *arg)
{
	uint64_t at = 0;

	return (int)P9_AGAIN(list_from(d, path, &at, fn, arg));
}

static int try_make(struct kit_folder *d, const char *path)
{
	const char *name;
	uint32_t fid;
	int error = kit_p9_walk_parent(d, path, &fid, &name);

	if (error)
		return error;
	kit_p9_begin(d, P9_MKDIR);
	kit_p9_put(d, fid, 4);
	kit_p9_put_name(d, name);
	kit_p9_put(d, 0755, 4);
	kit_p9_put(d, 0, 4);
	error = kit_p9_send(d);
	kit_p9_drop(d, fid);
	return error;
}

int kit_folder_make(struct kit_folder *d, const char *path)
{
	return (int)P9_AGAIN(try_make(d, path));
}

static int try_remove(struct kit_folder *d, const char *path)
{
	uint32_t fid;
	int error = walk(d, path, kit_p9_text_end(path), &fid);

	if (error)
		return error;
	kit_p9_begin(d, P9_REMOVE);
	kit_p9_put(d, fid, 4);
	error = kit_p9_send(d);
	fid_free(d, fid);
	return error;
}

int kit_folder_remove(struct kit_folder *d, const char *path)
{
	return (int)P9_AGAIN(try_remove(d, path));
}

static int try_rename(struct kit_folder *d, const char *path,
		      const char *new_path)
{
	const char *name, *new_name;
	uint32_t from, to;
	int error = kit_p9_walk_parent(d, path, &from, &name);

	if (error)
		return error;
	error = kit_p9_walk_parent(d, new_path, &to, &new_name);
	if (!error) {
		kit_p9_begin(d, P9_RENAMEAT);
		kit_p9_put(d, from, 4);
		kit_p9_put_name(d, name);
		kit_p9_put(d, to, 4);
		kit_p9_put_name(d, new_name);
		error = kit_p9_send(d);
		kit_p9_drop(d, to);
	}
	kit_p9_drop(d, from);
	return error;
}

int kit_folder_rename(struct kit_folder *d, const char *path,
		      const char *new_path)
{
	return (int)P9_AGAIN(try_rename(d, path, new_path));
}
