/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk in memory that keeps its writes, to be cut at any of them. */
#include "fat.h"

#define LOG_MAX 200000u

struct write {
	uint64_t sector;
	uint8_t *data; /* null: a barrier */
};

struct disk disk;
static struct write log_of[LOG_MAX];
static unsigned logged;
static uint8_t *base;
static uint64_t state;

void rnd_seed(uint64_t seed)
{
	state = seed * 2654435769u + 88172645463325252u;
}

uint32_t rnd(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % below;
}

void disk_load(const char *file)
{
	FILE *f = fopen(file, "rb");
	long size;

	CHECK(f && !fseek(f, 0, SEEK_END));
	size = ftell(f);
	rewind(f);
	disk.sectors = (uint64_t)size / 512;
	disk.data = malloc((size_t)size);
	CHECK(disk.data && fread(disk.data, 512, disk.sectors, f));
	fclose(f);
}

void disk_save(const char *file)
{
	FILE *f = fopen(file, "wb");

	CHECK(f);
	CHECK(fwrite(disk.data, 512, disk.sectors, f) == disk.sectors);
	CHECK(!fclose(f));
}

static bool disk_read(void *ctx, uint64_t sector, void *to, uint32_t count)
{
	if (sector > disk.sectors || count > disk.sectors - sector)
		return false;
	memcpy(to, disk.data + sector * 512, count * 512ul);
	return true;
}

static void log_add(uint64_t sector, const uint8_t *from)
{
	struct write *w = &log_of[logged++];

	CHECK(logged < LOG_MAX);
	*w = (struct write){ sector, from ? malloc(512) : NULL };
	if (from)
		memcpy(w->data, from, 512);
}

static bool disk_write(void *ctx, uint64_t sector, const void *from,
		       uint32_t count)
{
	if (sector > disk.sectors || count > disk.sectors - sector)
		return false;
	memcpy(disk.data + sector * 512, from, count * 512ul);
	for (uint32_t i = 0; disk.record && i < count; i++)
		log_add(sector + i, (const uint8_t *)from + 512 * i);
	return true;
}

static bool disk_flush(void *ctx)
{
	if (disk.record)
		log_add(0, NULL);
	return true;
}

static uint64_t disk_now(void *ctx) { return 1700000000; }

struct fat_io disk_io(void)
{
	return (struct fat_io){ disk_read, disk_write, disk_flush,
				disk_now,  NULL,       disk.sectors };
}

void disk_record(void)
{
	disk.record = true;
	base = malloc(disk.sectors * 512);
	memcpy(base, disk.data, disk.sectors * 512);
}

unsigned disk_position(void) { return logged; }

void disk_cut(unsigned position, bool any)
{
	unsigned kept = position;

	disk.record = false;
	while (kept && log_of[kept - 1].data)
		kept--;
	memcpy(disk.data, base, disk.sectors * 512);
	for (unsigned i = 0; i < position; i++)
		if (log_of[i].data && (i < kept || !any || rnd(2)))
			memcpy(disk.data + log_of[i].sector * 512,
			       log_of[i].data, 512);
}
