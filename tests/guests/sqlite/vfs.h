/* SPDX-License-Identifier: BSD-2-Clause */
/* SQLite's operating system: the files of a store, and nothing else. */
#ifndef SQLITE_VFS_H
#define SQLITE_VFS_H

#include "store.h"

#define VFS_DATABASE "db" /* the one name there is */

/* The store that all databases are in; before sqlite3_initialize(). */
void vfs_use(struct store *s);

#endif
