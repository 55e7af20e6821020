/* SPDX-License-Identifier: BSD-2-Clause */
/* Mounts a FAT32 volume: whatever does not fit together is refused. */
#include "fat/fat_int.h"

#define SIGNATURE_AT 510u
#define CLUSTERS_MAX 0x0ffffff5u /* FAT, 3.5 */

/* Offsets in the boot sector (FAT, 3.1 and 3.3) and in FSInfo (FAT, 5). */
enum {
	BPB_BYTES_PER_SECTOR = 11,
	BPB_SECTORS_PER_CLUSTER = 13,
	BPB_RESERVED = 14,
	BPB_FATS = 16,
	BPB_ROOT_ENTRIES = 17,
	BPB_TOTAL16 = 19,
	BPB_FAT_SIZE16 = 22,
	BPB_TOTAL32 = 32,
	BPB_FAT_SIZE32 = 36,
	BPB_FLAGS = 40,
	BPB_VERSION = 42,
	BPB_ROOT = 44,
	BPB_FSINFO = 48,
	BS_STATE = 65,
	FSI_LEAD = 0,
	FSI_STRUCT = 484,
	FSI_NEXT = 492
};

#define LEAD 0x41615252u
#define STRUCT 0x61417272u

/* Which copies of the table are in use (FAT, 3.3: BPB_ExtFlags). */
static bool copies_parse(struct fat_vol *v, const uint8_t *b)
{
	unsigned flags = le16(b + BPB_FLAGS);
	unsigned nr = b[BPB_FATS];

	v->copies = nr;
	if (!(flags & 0x80))
		return nr >= 1 && nr <= 4;
	v->copies = 1;
	v->fat_start += (uint64_t)(flags & 15) * v->fat_sectors;
	return nr <= 4 && (flags & 15) < nr;
}

static const char *clusters_parse(struct fat_vol *v, const uint8_t *b)
{
	uint64_t total = le16(b + BPB_TOTAL16);
	uint64_t clusters;

	if (!total)
		total = le32(b + BPB_TOTAL32);
	v->fat_sectors = le32(b + BPB_FAT_SIZE32);
	v->fat_start = le16(b + BPB_RESERVED);
	v->data_start = v->fat_start + (uint64_t)b[BPB_FATS] * v->fat_sectors;
	if (!v->fat_start || !v->fat_sectors || v->data_start >= total)
		return "its parts do not fit into it";
	if (total > v->io.sectors)
		return "it is larger than the partition";
	clusters = (total - v->data_start) / v->per_cluster;
	if (!clusters || clusters > CLUSTERS_MAX ||
	    (clusters + 2 + FAT_PER_SECTOR - 1) / FAT_PER_SECTOR >
		    v->fat_sectors)
		return "its table is too small";
	v->clusters = (uint32_t)clusters;
	return copies_parse(v, b) ? NULL : "its number of tables is odd";
}

static const char *boot_parse(struct fat_vol *v, const uint8_t *b)
{
	const char *why;

	if (b[SIGNATURE_AT] != 0x55 || b[SIGNATURE_AT + 1] != 0xaa)
		return "there is no boot sector";
	if (le16(b + BPB_FAT_SIZE16) || le16(b + BPB_ROOT_ENTRIES) ||
	    le16(b + BPB_VERSION))
		return "it is not FAT32";
	if (le16(b + BPB_BYTES_PER_SECTOR) != FAT_SECTOR)
		return "its sectors are not of 512 bytes";
	v->per_cluster = b[BPB_SECTORS_PER_CLUSTER];
	if (!v->per_cluster || v->per_cluster & (v->per_cluster - 1))
		return "its clusters have a size out of bounds";
	why = clusters_parse(v, b);
	if (why)
		return why;
	v->root = le32(b + BPB_ROOT) & FAT_MASK;
	if (!fat_cluster_ok(v, v->root))
		return "its root is out of bounds";
	v->fsinfo = le16(b + BPB_FSINFO);
	if (v->fsinfo >= le16(b + BPB_RESERVED))
		v->fsinfo = 0;
	v->was_dirty = b[BS_STATE] & 1;
	return NULL;
}

/* FSInfo is a hint: where to look for free clusters first. */
static enum fat_status fsinfo_read(struct fat_vol *v)
{
	uint8_t *data;

	v->next_free = 2;
	if (!v->fsinfo)
		return FAT_OK;
	FAT_TRY(fat_meta(v, v->fsinfo, &data));
	if (le32(data + FSI_LEAD) != LEAD || le32(data + FSI_STRUCT) != STRUCT)
		v->fsinfo = 0;
	else if (fat_cluster_ok(v, le32(data + FSI_NEXT)))
		v->next_free = le32(data + FSI_NEXT);
	return FAT_OK;
}

static enum fat_status table_read(struct fat_vol *v)
{
	uint8_t *data;

	FAT_TRY(fat_meta(v, v->fat_start, &data));
	if (!(le32(data + 4) & FAT_CLEAN_BIT))
		v->was_dirty = true;
	FAT_TRY(fsinfo_read(v));
	return fat_count_free(v);
}

const char *fat_mount(struct fat_vol *v, const struct fat_io *io,
		      bool read_only)
{
	const char *why;
	uint8_t *boot;

	fat_fill(v, 0, offsetof(struct fat_vol, node));
	v->io = *io;
	v->read_only = read_only;
	for (unsigned i = 0; i < FAT_BUFS; i++)
		v->buf[i].sector = FAT_NO_SECTOR;
	if (fat_meta(v, 0, &boot) != FAT_OK)
		return "its first sector cannot be read";
	why = boot_parse(v, boot);
	if (why)
		return why;
	return table_read(v) == FAT_OK ? NULL : "its table cannot be read";
}

const char *fat_strerror(enum fat_status s)
{
	static const char *const text[] = {
		[FAT_OK] = "no error",
		[FAT_EIO] = "the device failed",
		[FAT_ENOENT] = "there is no such file",
		[FAT_EEXIST] = "it is there already",
		[FAT_ENOTDIR] = "it is no folder",
		[FAT_EISDIR] = "it is a folder",
		[FAT_ENOTEMPTY] = "the folder is not empty",
		[FAT_ENOSPC] = "the volume is full",
		[FAT_EINVAL] = "that is no name",
		[FAT_ENAMETOOLONG] = "the name is too long",
		[FAT_EFBIG] = "the file is too large",
		[FAT_EROFS] = "the volume is read-only",
		[FAT_ENFILE] = "too many files are in use",
		[FAT_EXDEV] = "it cannot be renamed in one write",
		[FAT_EBUSY] = "the file is in use",
		[FAT_ECORRUPT] = "the volume is damaged",
	};

	return s <= FAT_ECORRUPT ? text[s] : "an error";
}
