/* SPDX-License-Identifier: BSD-2-Clause */
/* The table at a disk's beginning, and reading what it names. */
#include <stdlib.h>
#include <string.h>

#include "files.h"

#define HEAD "parley-files\n"

static bool file_add(struct files *f, const char *name, const char *type,
		     uint64_t sector, uint64_t size)
{
	uint64_t sectors = kit_block_sectors(f->disk);
	struct file *file = &f->file[f->n];

	if (f->n == FILES_MAX || sector > sectors ||
	    size > (sectors - sector) * KIT_SECTOR ||
	    strlen(name) >= sizeof(file->name) ||
	    strlen(type) >= sizeof(file->type))
		return false;
	strcpy(file->name, name);
	strcpy(file->type, type);
	file->sector = sector;
	file->size = size;
	f->n++;
	return true;
}

/* Splits a line in place; false: it is none. */
static bool line_take(struct files *f, char *line)
{
	char *save, *name = strtok_r(line, " ", &save), *sector, *size, *type;

	sector = name ? strtok_r(NULL, " ", &save) : NULL;
	size = sector ? strtok_r(NULL, " ", &save) : NULL;
	type = size ? strtok_r(NULL, " ", &save) : NULL;
	return type && file_add(f, name, type, strtoull(sector, NULL, 10),
				strtoull(size, NULL, 10));
}

static void table_take(struct files *f, char *text)
{
	char *end;

	if (strncmp(text, HEAD, strlen(HEAD)) != 0)
		return;
	for (text += strlen(HEAD); (end = strchr(text, '\n')); text = end + 1) {
		*end = 0;
		if (!line_take(f, text))
			return;
	}
}

bool files_mount(struct files *f, struct kit_block *disk)
{
	static char table[FILES_TABLE + 1];
	uint64_t bytes = kit_block_sectors(disk) * KIT_SECTOR;

	memset(f, 0, sizeof(*f));
	f->disk = disk;
	if (!kit_block_read(disk, 0, table,
			    bytes < FILES_TABLE ? bytes : FILES_TABLE))
		return false;
	file_add(f, "disk", "application/octet-stream", 0, bytes);
	table_take(f, table);
	return true;
}

const struct file *files_find(const struct files *f, const char *name,
			      size_t len)
{
	for (unsigned i = 0; i < f->n; i++)
		if (strlen(f->file[i].name) == len &&
		    !memcmp(f->file[i].name, name, len))
			return &f->file[i];
	return NULL;
}

bool files_read(const struct files *f, const struct file *file, uint64_t at,
		void *buf, size_t n)
{
	static uint8_t sectors[FILES_CHUNK];
	size_t whole = (n + KIT_SECTOR - 1) / KIT_SECTOR * KIT_SECTOR;

	if (at % KIT_SECTOR || at > file->size || n > file->size - at ||
	    n > FILES_CHUNK)
		return false;
	if (!n)
		return true;
	if (!kit_block_read(f->disk, file->sector + at / KIT_SECTOR, sectors,
			    whole))
		return false;
	memcpy(buf, sectors, n);
	return true;
}
