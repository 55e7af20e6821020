/* SPDX-License-Identifier: BSD-2-Clause */
/* The VFS that SQLITE_OS_OTHER asks for (USES_FPU: its time is a double). */
#include <string.h>

#include "sqlite3.h"

#include "compat/unistd.h"
#include "vfs.h"
#include "check.h"
#include "kit/time.h"

#define JULIAN_2024 212570827200000ll /* 2024-01-01, in ms: no clock is here */
#define DAY_MS 86400000.0

struct vfs_file {
	sqlite3_file base;
	struct store_file *file;
};

static struct store *store;

void vfs_use(struct store *s) { store = s; }

static struct store_file *file_of(sqlite3_file *f)
{
	return ((struct vfs_file *)f)->file;
}

static struct store_file *file_named(const char *name)
{
	static const char *const names[STORE_FILES] = { VFS_DATABASE,
							VFS_DATABASE
							"-journal" };

	for (unsigned i = 0; name && i < STORE_FILES; i++)
		if (!strcmp(name, names[i]))
			return &store->file[i];
	return NULL;
}

/* ---- files ---- */

static int file_close(sqlite3_file *f) { return SQLITE_OK; }

static int file_read(sqlite3_file *f, void *buf, int n, sqlite3_int64 at)
{
	struct store_file *file = file_of(f);

	if (!store_read(store, file, (uint64_t)at, buf, (size_t)n))
		return SQLITE_IOERR_READ;
	return (uint64_t)at + (uint64_t)n > file->size ?
		       SQLITE_IOERR_SHORT_READ :
		       SQLITE_OK;
}

static int file_write(sqlite3_file *f, const void *buf, int n, sqlite3_int64 at)
{
	struct store_file *file = file_of(f);

	if ((uint64_t)at + (uint64_t)n > file->room)
		return SQLITE_FULL;
	return store_write(store, file, (uint64_t)at, buf, (size_t)n) ?
		       SQLITE_OK :
		       SQLITE_IOERR_WRITE;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	store_truncate(file_of(f), (uint64_t)size);
	return SQLITE_OK;
}

static int file_sync(sqlite3_file *f, int flags)
{
	return store_sync(store, file_of(f)) ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
	*size = (sqlite3_int64)file_of(f)->size;
	return SQLITE_OK;
}

/* One connection in one guest: nobody else could hold a lock. */
static int file_lock(sqlite3_file *f, int level) { return SQLITE_OK; }

static int file_reserved(sqlite3_file *f, int *held)
{
	*held = 0;
	return SQLITE_OK;
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
	return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *f) { return KIT_SECTOR; }

/* A write changes no byte beside it: sectors are written as a whole. */
static int file_traits(sqlite3_file *f)
{
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_lock,
	.xCheckReservedLock = file_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_traits,
};

/* ---- the system ---- */

static int vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *f,
		    int flags, int *got)
{
	struct store_file *file = file_named(name);

	f->pMethods = NULL;
	if (!file || (!file->exists && !(flags & SQLITE_OPEN_CREATE)))
		return SQLITE_CANTOPEN;
	if (!file->exists && !store_create(store, file))
		return SQLITE_IOERR_WRITE;
	((struct vfs_file *)f)->file = file;
	f->pMethods = &methods;
	if (got)
		*got = flags;
	return SQLITE_OK;
}

/* Durable at once, whatever `sync` says: the end of a transaction is this. */
static int vfs_delete(sqlite3_vfs *v, const char *name, int sync)
{
	struct store_file *file = file_named(name);

	if (!file || !file->exists)
		return SQLITE_IOERR_DELETE_NOENT;
	return store_delete(store, file) ? SQLITE_OK : SQLITE_IOERR_DELETE;
}

int unlink(const char *path)
{
	return vfs_delete(NULL, path, 1) == SQLITE_OK ? 0 : -1;
}

static int vfs_access(sqlite3_vfs *v, const char *name, int flags, int *has)
{
	struct store_file *file = file_named(name);

	*has = file && file->exists;
	return SQLITE_OK;
}

static int vfs_path(sqlite3_vfs *v, const char *name, int n, char *out)
{
	sqlite3_snprintf(n, out, "%s", name);
	return SQLITE_OK;
}

static int vfs_random(sqlite3_vfs *v, int n, char *out)
{
	uint64_t state = kit_tsc() | 1;

	for (int i = 0; i < n; i++)
		out[i] = (char)(rand_next(&state) >> 32);
	return n;
}

static int vfs_sleep(sqlite3_vfs *v, int us)
{
	kit_sleep_ns((uint64_t)us * 1000);
	return us;
}

static int vfs_time_ms(sqlite3_vfs *v, sqlite3_int64 *ms)
{
	*ms = JULIAN_2024 + (sqlite3_int64)(kit_time_ns() / KIT_MS);
	return SQLITE_OK;
}

static int vfs_time(sqlite3_vfs *v, double *days)
{
	sqlite3_int64 ms;

	vfs_time_ms(v, &ms);
	*days = (double)ms / DAY_MS;
	return SQLITE_OK;
}

int sqlite3_os_init(void)
{
	static sqlite3_vfs vfs = {
		.iVersion = 2,
		.szOsFile = sizeof(struct vfs_file),
		.mxPathname = 32,
		.zName = "parley",
		.xOpen = vfs_open,
		.xDelete = vfs_delete,
		.xAccess = vfs_access,
		.xFullPathname = vfs_path,
		.xRandomness = vfs_random,
		.xSleep = vfs_sleep,
		.xCurrentTime = vfs_time,
		.xCurrentTimeInt64 = vfs_time_ms,
	};

	return sqlite3_vfs_register(&vfs, 1);
}

int sqlite3_os_end(void) { return SQLITE_OK; }
