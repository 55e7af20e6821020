/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of a shared folder. */
#include "kit/mm.h"
#include "p9.h"

#define STEPS 16u /* names of one walk */
#define O_RDWR 2u
#define O_TRUNC 0x200u
#define O_DIRECTORY 0x10000u
#define GETATTR_SIZE 0x200u
#define SETATTR_SIZE 8u
#define QID 13u
#define DIR_TYPE 4u
#define ENOENT 2
#define EINVAL 22

struct kit_file {
	struct kit_folder *d;
	uint32_t fid;
};

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

static void fid_drop(struct kit_folder *d, uint32_t fid)
{
	kit_p9_begin(d, P9_CLUNK);
	kit_p9_put(d, fid, 4);
	kit_p9_send(d);
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

static const char *text_end(const char *s)
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

/* A fid for the path up to `end`. */
static int walk(struct kit_folder *d, const char *path, const char *end,
		uint32_t *fid)
{
	uint32_t from = P9_ROOT;
	int error = fid_new(d, fid);

	path = name_start(path, end);
	while (!error) {
		unsigned nr;

		kit_p9_begin(d, P9_WALK);
		kit_p9_put(d, from, 4);
		kit_p9_put(d, *fid, 4);
		path = names_put(d, path, end, &nr);
		error = kit_p9_send(d);
		if (!error && kit_p9_get(d, 2) != nr)
			error = -ENOENT;
		if (!error && path == end)
			return 0;
		if (!error)
			from = *fid;
	}
	if (from == *fid)
		fid_drop(d, *fid);
	else if (*fid < P9_FIDS)
		fid_free(d, *fid);
	return error;
}

/* A fid for the folder, and where the last name is. */
static int walk_parent(struct kit_folder *d, const char *path, uint32_t *fid,
		       const char **name)
{
	const char *end = text_end(path);
	const char *at = end;

	while (at > path && at[-1] != '/')
		at--;
	*name = at;
	return at == end ? -EINVAL : walk(d, path, at, fid);
}

static void name_put(struct kit_folder *d, const char *name)
{
	kit_p9_put_text(d, name, (size_t)(text_end(name) - name));
}

/* ---- files ---- */

static uint32_t open_flags(unsigned flags)
{
	return (flags & (KIT_FILE_WRITE | KIT_FILE_CREATE) ? O_RDWR : 0) |
	       (flags & KIT_FILE_TRUNC ? O_TRUNC : 0);
}

static int fid_open(struct kit_folder *d, uint32_t fid, uint32_t flags)
{
	kit_p9_begin(d, P9_LOPEN);
	kit_p9_put(d, fid, 4);
	kit_p9_put(d, flags, 4);
	return kit_p9_send(d);
}

static int create(struct kit_folder *d, const char *path, unsigned flags,
		  uint32_t *fid)
{
	const char *name;
	int error = walk_parent(d, path, fid, &name);

	if (error)
		return error;
	kit_p9_begin(d, P9_LCREATE);
	kit_p9_put(d, *fid, 4);
	name_put(d, name);
	kit_p9_put(d, open_flags(flags), 4);
	kit_p9_put(d, 0644, 4);
	kit_p9_put(d, 0, 4);
	error = kit_p9_send(d);
	if (error)
		fid_drop(d, *fid);
	return error;
}

static int open_fid(struct kit_folder *d, const char *path, uint32_t flags,
		    uint32_t *fid)
{
	int error = walk(d, path, text_end(path), fid);

	if (error)
		return error;
	error = fid_open(d, *fid, flags);
	if (error)
		fid_drop(d, *fid);
	return error;
}

int kit_file_open(struct kit_folder *d, const char *path, unsigned flags,
		  struct kit_file **file)
{
	struct kit_file *f = kit_calloc(1, sizeof(*f));
	int error;

	if (!f)
		return -P9_ENFILE;
	f->d = d;
	if (flags & KIT_FILE_CREATE)
		error = create(d, path, flags, &f->fid);
	else
		error = open_fid(d, path, open_flags(flags), &f->fid);
	if (error)
		kit_free(f);
	else
		*file = f;
	return error;
}

void kit_file_close(struct kit_file *f)
{
	fid_drop(f->d, f->fid);
	kit_free(f);
}

static void io_begin(struct kit_file *f, unsigned type, uint64_t at, size_t n)
{
	kit_p9_begin(f->d, type);
	kit_p9_put(f->d, f->fid, 4);
	kit_p9_put(f->d, at, 8);
	kit_p9_put(f->d, n, 4);
}

static size_t piece(const struct kit_file *f, size_t n)
{
	size_t most = f->d->msize - P9_IO_HEAD;

	return n < most ? n : most;
}

int64_t kit_file_read(struct kit_file *f, uint64_t at, void *buf, size_t n)
{
	uint8_t *to = buf;
	size_t done = 0;

	while (done < n) {
		size_t want = piece(f, n - done);
		const uint8_t *data;
		uint32_t got;
		int error;

		io_begin(f, P9_READ, at + done, want);
		error = kit_p9_send(f->d);
		got = error ? 0 : (uint32_t)kit_p9_get(f->d, 4);
		data = kit_p9_get_bytes(f->d, got);
		if (error || got > want || !data)
			return error ? error : -P9_EIO;
		__builtin_memcpy(to + done, data, got);
		done += got;
		if (got < want)
			break;
	}
	return (int64_t)done;
}

int64_t kit_file_write(struct kit_file *f, uint64_t at, const void *buf,
		       size_t n)
{
	const uint8_t *from = buf;
	size_t done = 0;

	while (done < n) {
		size_t now = piece(f, n - done);
		int error;

		io_begin(f, P9_WRITE, at + done, now);
		__builtin_memcpy(f->d->out + f->d->len, from + done, now);
		f->d->len += (uint32_t)now;
		error = kit_p9_send(f->d);
		if (error)
			return error;
		done += now;
	}
	return (int64_t)done;
}

int64_t kit_file_size(struct kit_file *f)
{
	int error;

	kit_p9_begin(f->d, P9_GETATTR);
	kit_p9_put(f->d, f->fid, 4);
	kit_p9_put(f->d, GETATTR_SIZE, 8);
	error = kit_p9_send(f->d);
	if (error)
		return error;
	/* valid, qid, mode, user, group, links, device */
	kit_p9_get_bytes(f->d, 8 + QID + 12 + 16);
	return (int64_t)kit_p9_get(f->d, 8);
}

int kit_file_truncate(struct kit_file *f, uint64_t size)
{
	kit_p9_begin(f->d, P9_SETATTR);
	kit_p9_put(f->d, f->fid, 4);
	kit_p9_put(f->d, SETATTR_SIZE, 4);
	kit_p9_put(f->d, 0, 4);
	kit_p9_put(f->d, 0, 8);
	kit_p9_put(f->d, size, 8);
	for (unsigned i = 0; i < 4; i++)
		kit_p9_put(f->d, 0, 8);
	return kit_p9_send(f->d);
}

int kit_file_sync(struct kit_file *f)
{
	kit_p9_begin(f->d, P9_FSYNC);
	kit_p9_put(f->d, f->fid, 4);
	kit_p9_put(f->d, 0, 4);
	return kit_p9_send(f->d);
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

int kit_folder_list(struct kit_folder *d, const char *path,
		    bool (*fn)(const struct kit_item *item, void *arg),
		    void *arg)
{
	static struct kit_item item;
	uint64_t at = 0;
	uint32_t fid;
	int error = open_fid(d, path, O_DIRECTORY, &fid);
	bool more = !error;

	while (more) {
		uint64_t before = at;

		kit_p9_begin(d, P9_READDIR);
		kit_p9_put(d, fid, 4);
		kit_p9_put(d, at, 8);
		kit_p9_put(d, d->msize - P9_IO_HEAD, 4);
		error = kit_p9_send(d);
		more = !error && kit_p9_get(d, 4);
		while (more && item_get(d, &at, &item))
			more = is_dots(&item) || fn(&item, arg);
		more &= at != before;
		if (!more)
			fid_drop(d, fid);
	}
	return error;
}

int kit_folder_make(struct kit_folder *d, const char *path)
{
	const char *name;
	uint32_t fid;
	int error = walk_parent(d, path, &fid, &name);

	if (error)
		return error;
	kit_p9_begin(d, P9_MKDIR);
	kit_p9_put(d, fid, 4);
	name_put(d, name);
	kit_p9_put(d, 0755, 4);
	kit_p9_put(d, 0, 4);
	error = kit_p9_send(d);
	fid_drop(d, fid);
	return error;
}

int kit_folder_remove(struct kit_folder *d, const char *path)
{
	uint32_t fid;
	int error = walk(d, path, text_end(path), &fid);

	if (error)
		return error;
	kit_p9_begin(d, P9_REMOVE);
	kit_p9_put(d, fid, 4);
	error = kit_p9_send(d);
	fid_free(d, fid);
	return error;
}

int kit_folder_rename(struct kit_folder *d, const char *path,
		      const char *new_path)
{
	const char *name, *new_name;
	uint32_t from, to;
	int error = walk_parent(d, path, &from, &name);

	if (error)
		return error;
	error = walk_parent(d, new_path, &to, &new_name);
	if (!error) {
		kit_p9_begin(d, P9_RENAMEAT);
		kit_p9_put(d, from, 4);
		name_put(d, name);
		kit_p9_put(d, to, 4);
		name_put(d, new_name);
		error = kit_p9_send(d);
		fid_drop(d, to);
	}
	fid_drop(d, from);
	return error;
}
