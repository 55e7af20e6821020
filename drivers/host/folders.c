/* SPDX-License-Identifier: BSD-2-Clause */
/* Mounts FAT32 volumes; their sectors go through a buffer for DMA. */
#include "folders.h"

#include <string.h>

#include "host.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "vdisk_make.h"

#define BOUNCE (64u * 1024)
#define VOLUMES 4u
#define PAGES(bytes) (((bytes) + KIT_PAGE_SIZE - 1) / KIT_PAGE_SIZE)
#define IDLE_NS (1000 * ENV_MS)

struct volume {
	unsigned users; /* folders; 0: unused */
	char part[CFG_SOURCE];
	struct vdisk disk;
	struct fat_vol *fat;
	uint64_t used_at; /* kit_time_ns: when it was read or written */
	/* for DMA; kept for the next volume here */
	uint8_t *bounce;
	dev_addr_t bounce_dev;
};

static struct volume volumes[VOLUMES];

/* ---- sectors ---- */

struct answer {
	bool done;
	enum blk_status status;
};

static void answered(struct blk_req *req, enum blk_status status)
{
	struct answer *a = req->arg;

	a->status = status;
	a->done = true;
}

static bool transfer(struct volume *v, enum blk_op op, uint64_t sector,
		     uint32_t bytes)
{
	struct answer a = { false, BLK_OK };
	struct blk_seg seg = { v->bounce, v->bounce_dev, bytes };
	struct blk_req req = { .op = op,
			       .sector = sector,
			       .nsegs = op == BLK_FLUSH ? 0 : 1,
			       .seg = &seg,
			       .done = answered,
			       .arg = &a };

	v->used_at = kit_time_ns();
	vdisk_submit(&v->disk, &req);
	while (!a.done) {
		uint64_t next = v->disk.kind == VDISK_PART ?
					blk_check(v->disk.dev, kit_time_ns()) :
					0;

		if (!a.done)
			host_wait(next);
	}
	return a.status == BLK_OK;
}

static uint32_t piece(const struct volume *v, uint32_t sectors)
{
	uint32_t most = vdisk_max_bytes(&v->disk);

	most = (most < BOUNCE ? most : BOUNCE) / BLK_SECTOR;
	return sectors < most ? sectors : most;
}

static bool vol_read(void *ctx, uint64_t sector, void *to, uint32_t count)
{
	struct volume *v = ctx;
	uint8_t *at = to;

	while (count) {
		uint32_t n = piece(v, count);

		if (!transfer(v, BLK_READ, sector, n * BLK_SECTOR))
			return false;
		memcpy(at, v->bounce, n * BLK_SECTOR);
		at += n * BLK_SECTOR;
		sector += n;
		count -= n;
	}
	return true;
}

static bool vol_write(void *ctx, uint64_t sector, const void *from,
		      uint32_t count)
{
	struct volume *v = ctx;
	const uint8_t *at = from;

	while (count) {
		uint32_t n = piece(v, count);

		memcpy(v->bounce, at, n * BLK_SECTOR);
		if (!transfer(v, BLK_WRITE, sector, n * BLK_SECTOR))
			return false;
		at += n * BLK_SECTOR;
		sector += n;
		count -= n;
	}
	return true;
}

static bool vol_flush(void *ctx) { return transfer(ctx, BLK_FLUSH, 0, 0); }

static uint64_t vol_now(void *ctx)
{
	(void)ctx;
	return kit_utc_ns() / KIT_SECOND;
}

/* ---- volumes ---- */

static const char *mount(struct volume *v)
{
	struct fat_io io = { .read = vol_read,
			     .write = vol_write,
			     .flush = vol_flush,
			     .now = vol_now,
			     .ctx = v,
			     .sectors = v->disk.sectors };
	const char *why;

	if (!v->bounce)
		v->bounce =
			host_env.dma_alloc(&host_env, BOUNCE, &v->bounce_dev);
	v->fat = kit_pages_alloc(PAGES(sizeof(*v->fat)));
	if (!v->bounce || !v->fat)
		return "no memory for the volume";
	why = fat_mount(v->fat, &io, v->disk.read_only);
	if (!why)
		kit_printf("host: volume %s: FAT32, %u of %u MiB free%s\n",
			   v->part,
			   (unsigned)((uint64_t)v->fat->free *
					      v->fat->per_cluster >>
				      11),
			   (unsigned)(v->disk.sectors >> 11),
			   v->fat->was_dirty ?
				   "; it was not closed: fsck.fat would help" :
				   "");
	return why;
}

static void volume_close(struct volume *v)
{
	if (v->fat)
		kit_pages_free(v->fat, PAGES(sizeof(*v->fat)));
	v->fat = NULL;
	vdisk_close(&v->disk);
}

static const char *volume_open(struct volume *v, const char *part)
{
	struct cfg_vdev c = { .kind = DISK_PART };
	const char *why;

	strcpy(v->part, part);
	strcpy(c.source, part);
	why = vdisk_open(&v->disk, &c, true);
	if (why)
		return why;
	why = mount(v);
	if (why)
		volume_close(v);
	return why;
}

static struct volume *volume_get(const char *part, const char **why)
{
	struct volume *unused = NULL;

	for (unsigned i = 0; i < VOLUMES; i++) {
		struct volume *v = &volumes[i];

		if (v->users && !strcmp(v->part, part)) {
			v->users++;
			return v;
		}
		if (!v->users)
			unused = v;
	}
	*why = "too many volumes";
	if (!unused)
		return NULL;
	*why = volume_open(unused, part);
	if (*why)
		return NULL;
	unused->users = 1;
	return unused;
}

static void volume_put(struct volume *v)
{
	if (--v->users)
		return;
	if (fat_clean(v->fat) != FAT_OK)
		kit_printf("host: volume %s could not be closed\n", v->part);
	volume_close(v);
}

/* ---- folders ---- */

/* Parts PARTITION/DIR; null: the volume's root. */
static char *dir_of(char *source)
{
	char *slash = strchr(source, '/');

	if (slash)
		*slash++ = 0;
	return slash;
}

static char *next_name(char **rest)
{
	char *name = *rest;
	char *slash = strchr(name, '/');

	if (slash)
		*slash++ = 0;
	*rest = slash;
	return name;
}

static enum fat_status walk(struct fat_vol *v, char *path, struct fat_node **n)
{
	enum fat_status s = fat_root(v, n);

	while (s == FAT_OK && path) {
		const char *name = next_name(&path);
		struct fat_node *dir = *n;

		if (!*name)
			continue;
		s = fat_lookup(dir, name, n);
		fat_put(dir);
	}
	return s;
}

/* What PARTITION[/PATH] names: a folder, or a file. */
static struct fat_node *node_open(const char *from, bool folder,
				  const char **why)
{
	char source[CFG_SOURCE];
	struct fat_node *n;
	struct volume *v;
	enum fat_status s;
	char *path;

	strcpy(source, from);
	path = dir_of(source);
	v = volume_get(source, why);
	if (!v)
		return NULL;
	s = walk(v->fat, path, &n);
	if (s == FAT_OK && fat_is_dir(n) != folder) {
		fat_put(n);
		s = folder ? FAT_ENOTDIR : FAT_EISDIR;
	}
	if (s == FAT_OK)
		return n;
	volume_put(v);
	*why = fat_strerror(s);
	return NULL;
}

struct fat_node *folders_open(const struct cfg_vdev *c, const char **why)
{
	return node_open(c->source, true, why);
}

struct fat_node *folders_file(const char *source, const char **why)
{
	return node_open(source, false, why);
}

const struct vdisk *folders_disk(const struct fat_node *n)
{
	return &((const struct volume *)n->v->io.ctx)->disk;
}

void folders_close(struct fat_node *n)
{
	struct volume *v = n->v->io.ctx;

	fat_put(n);
	volume_put(v);
}

void folders_check(void)
{
	uint64_t now = 0;

	for (unsigned i = 0; i < VOLUMES; i++) {
		struct volume *v = &volumes[i];

		if (!v->users || !v->fat->dirty || v->fat->failed ||
		    v->fat->was_dirty)
			continue;
		if (!now)
			now = kit_time_ns();
		if (now < v->used_at + IDLE_NS)
			host_wake_at(v->used_at + IDLE_NS);
		else
			fat_clean(v->fat);
	}
}
