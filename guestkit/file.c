/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of a shared folder. When the host partition has died and is back the open
 * files are walked to and opened again, by their paths; what was under way begins
 * again from the first request on (P9_AGAIN), or ends with EIO where that could do it
 * twice. What was written and not synced may be gone then, so the next sync fails.
 */
#include "kit/mm.h"
#include "p9.h"

#define O_RDWR 2u
#define O_TRUNC 0x200u
#define GETATTR_SIZE 0x200u
#define SETATTR_SIZE 8u
#define QID 13u

struct kit_file {
	struct kit_folder *d;
	struct kit_file *next;
	uint32_t fid, flags;
	bool written; /* since it was last synced */
	bool lost;    /* some of that, perhaps */
	int gone;     /* the error that it could not be opened again with */
	char path[];
};

static uint32_t open_flags(unsigned flags)
{
	return (flags & (KIT_FILE_WRITE | KIT_FILE_CREATE) ? O_RDWR : 0) |
	       (flags & KIT_FILE_TRUNC ? O_TRUNC : 0);
}

static int create(struct kit_folder *d, const char *path, unsigned flags,
		  uint32_t *fid)
{
	const char *name;
	int error = kit_p9_walk_parent(d, path, fid, &name);

	if (error)
		return error;
	kit_p9_begin(d, P9_LCREATE);
	kit_p9_put(d, *fid, 4);
	kit_p9_put_name(d, name);
	kit_p9_put(d, open_flags(flags), 4);
	kit_p9_put(d, 0644, 4);
	kit_p9_put(d, 0, 4);
	error = kit_p9_send(d);
	if (error)
		kit_p9_drop(d, *fid);
	return error;
}

static int file_open(struct kit_file *f)
{
	if (f->flags & KIT_FILE_CREATE)
		return create(f->d, f->path, f->flags, &f->fid);
	return kit_p9_open_fid(f->d, f->path, open_flags(f->flags), &f->fid);
}

int kit_file_open(struct kit_folder *d, const char *path, unsigned flags,
		  struct kit_file **file)
{
	size_t n = (size_t)(kit_p9_text_end(path) - path);
	struct kit_file *f = kit_calloc(1, sizeof(*f) + n + 1);
	int error;

	if (!f)
		return -P9_ENFILE;
	f->d = d;
	f->flags = flags;
	__builtin_memcpy(f->path, path, n);
	error = (int)P9_AGAIN(file_open(f));
	if (error) {
		kit_free(f);
		return error;
	}
	f->next = d->files;
	d->files = f;
	*file = f;
	return 0;
}

/* Without making it or making it empty: that has been done. */
static int file_reopen(struct kit_file *f)
{
	uint32_t flags = open_flags(f->flags & ~KIT_FILE_TRUNC);
	int error =
		kit_p9_walk_to(f->d, f->path, kit_p9_text_end(f->path), f->fid);

	if (!error)
		error = kit_p9_fid_open(f->d, f->fid, flags);
	return error;
}

void kit_p9_reopen(struct kit_folder *d)
{
	for (struct kit_file *f = d->files; f; f = f->next) {
		f->lost |= f->written;
		f->gone = file_reopen(f);
	}
}

void kit_file_close(struct kit_file *f)
{
	struct kit_file **at = &f->d->files;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	kit_p9_drop(f->d, f->fid);
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

static int64_t piece_read(struct kit_file *f, uint64_t at, uint8_t *to,
			  size_t want)
{
	const uint8_t *data;
	uint32_t got;
	int error = f->gone;

	if (error)
		return error;
	io_begin(f, P9_READ, at, want);
	error = kit_p9_send(f->d);
	if (error)
		return error;
	got = (uint32_t)kit_p9_get(f->d, 4);
	data = kit_p9_get_bytes(f->d, got);
	if (got > want || !data)
		return -P9_EIO;
	__builtin_memcpy(to, data, got);
	return got;
}

int64_t kit_file_read(struct kit_file *f, uint64_t at, void *buf, size_t n)
{
	uint8_t *to = buf;
	size_t done = 0;

	while (done < n) {
		size_t want = piece(f, n - done);
		int64_t got =
			P9_AGAIN(piece_read(f, at + done, to + done, want));

		if (got < 0)
			return got;
		done += (size_t)got;
		if ((size_t)got < want)
			break;
	}
	return (int64_t)done;
}

static int piece_write(struct kit_file *f, uint64_t at, const uint8_t *from,
		       size_t n)
{
	if (f->gone)
		return f->gone;
	f->written = true;
	io_begin(f, P9_WRITE, at, n);
	__builtin_memcpy(f->d->out + f->d->len, from, n);
	f->d->len += (uint32_t)n;
	return kit_p9_send(f->d);
}

int64_t kit_file_write(struct kit_file *f, uint64_t at, const void *buf,
		       size_t n)
{
	const uint8_t *from = buf;
	size_t done = 0;

	while (done < n) {
		size_t now = piece(f, n - done);
		int error = (int)P9_AGAIN(
			piece_write(f, at + done, from + done, now));

		if (error)
			return error;
		done += now;
	}
	return (int64_t)done;
}

/* A request that is about the file alone. */
static int file_ask(struct kit_file *f, unsigned type, uint64_t arg,
		    unsigned arg_bytes)
{
	if (f->gone)
		return f->gone;
	kit_p9_begin(f->d, type);
	kit_p9_put(f->d, f->fid, 4);
	kit_p9_put(f->d, arg, arg_bytes);
	return kit_p9_send(f->d);
}

int64_t kit_file_size(struct kit_file *f)
{
	int64_t error = P9_AGAIN(file_ask(f, P9_GETATTR, GETATTR_SIZE, 8));

	if (error)
		return error;
	/* valid, qid, mode, user, group, links, device */
	kit_p9_get_bytes(f->d, 8 + QID + 12 + 16);
	return (int64_t)kit_p9_get(f->d, 8);
}

static int try_truncate(struct kit_file *f, uint64_t size)
{
	if (f->gone)
		return f->gone;
	f->written = true;
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

int kit_file_truncate(struct kit_file *f, uint64_t size)
{
	return (int)P9_AGAIN(try_truncate(f, size));
}

int kit_file_sync(struct kit_file *f)
{
	int error = (int)P9_AGAIN(file_ask(f, P9_FSYNC, 0, 4));

	if (!error && f->lost)
		error = -P9_EIO;
	f->written = f->lost = false;
	return error;
}
