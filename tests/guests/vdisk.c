/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The disk `data` against a copy in memory. It begins as the test data, of which
 * `crc=` tells; `rounds=` times something is written and something is read, then
 * some of it is zeroed or discarded.
 * mode=ro: it cannot be written; mode=full: at some point it cannot any more;
 * mode=make: it is copied to frag.img of the folder `share`, into many pieces.
 * file=F: it is the file F of that folder, which nobody writes to that way.
 */
#include "check.h"
#include "kit/block.h"
#include "kit/folder.h"
#include "kit/mm.h"

#define SIZE 0x100000u
#define SECTORS (SIZE / KIT_SECTOR)
#define MOST 64u /* sectors of one request */
#define STEP 8192u
#define EBUSY (-16)

static struct kit_block *disk;
static uint8_t *model, *buf;
static uint64_t seed;

static uint32_t below(uint32_t n)
{
	return (uint32_t)(rand_next(&seed) >> 33) % n;
}

static bool read_all(uint8_t *to)
{
	for (uint32_t at = 0; at < SECTORS; at += MOST) {
		if (!kit_block_read(disk, at, buf, MOST * KIT_SECTOR))
			return false;
		memcpy(to + at * KIT_SECTOR, buf, MOST * KIT_SECTOR);
	}
	return true;
}

static bool write_some(uint32_t at, uint32_t n)
{
	for (uint32_t i = 0; i < n * KIT_SECTOR; i += 8) {
		uint64_t word = rand_next(&seed);

		memcpy(buf + i, &word, 8);
	}
	if (!kit_block_write(disk, at, buf, n * KIT_SECTOR))
		return false;
	memcpy(model + at * KIT_SECTOR, buf, n * KIT_SECTOR);
	return true;
}

static bool same(uint32_t at, uint32_t n)
{
	memset(buf, 0xcc, n * KIT_SECTOR);
	return kit_block_read(disk, at, buf, n * KIT_SECTOR) &&
	       !memcmp(buf, model + at * KIT_SECTOR, n * KIT_SECTOR);
}

static bool all_same(void)
{
	for (uint32_t at = 0; at < SECTORS; at += MOST)
		if (!same(at, MOST))
			return false;
	return true;
}

/* Zeroes; what was discarded may also be what it was. */
static bool forget_some(bool discard, uint32_t at, uint32_t n)
{
	uint8_t *old = model + at * KIT_SECTOR, zero[KIT_SECTOR] = { 0 };

	if (!(discard ? kit_block_discard(disk, at, n) :
			kit_block_write_zeroes(disk, at, n)) ||
	    !kit_block_read(disk, at, buf, n * KIT_SECTOR))
		return false;
	for (uint32_t i = 0; i < n; i++, old += KIT_SECTOR) {
		uint8_t *now = buf + i * KIT_SECTOR;

		if (memcmp(now, zero, KIT_SECTOR) &&
		    (!discard || memcmp(now, old, KIT_SECTOR)))
			return false;
		memcpy(old, now, KIT_SECTOR);
	}
	return true;
}

static void forgets(void)
{
	char id[KIT_BLOCK_ID + 1] = "";
	unsigned wrong = 0;

	for (unsigned i = 0; i < 16; i++) {
		uint32_t n = 1 + below(MOST);

		wrong += !forget_some(i % 2, below(SECTORS - n), n);
	}
	check(!wrong, "zeroes", "%u wrong", wrong);
	check(!kit_block_write_zeroes(disk, SECTORS, 1) &&
		      !kit_block_discard(disk, SECTORS - 1, 2),
	      "zeroes-outside", "was accepted");
	check(kit_block_id(disk, id) && !strcmp(id, "data"), "id", "`%s'", id);
}

static void rounds(unsigned n)
{
	unsigned failed = 0, wrong = 0;

	while (n--) {
		uint32_t count = 1 + below(MOST);

		failed += !write_some(below(SECTORS - count), count);
		count = 1 + below(MOST);
		wrong += !same(below(SECTORS - count), count);
	}
	check(!failed, "writes", "%u failed", failed);
	check(!wrong, "reads-between", "%u wrong", wrong);
	check(kit_block_flush(disk), "flush", "an I/O error");
	forgets();
}

/* Page by page, until there is no room. */
static void fill(void)
{
	uint32_t at = 0;

	while (at < SECTORS && write_some(at, 8))
		at += 8;
	check(at && at < SECTORS, "full", "after %u sectors", at);
	check(!write_some(at + 8, 8), "still-full", "there is room again");
	check(write_some(at - 8, 8), "write-again", "an I/O error");
	check(forget_some(true, 0, 16) && write_some(at + 8, 8), "discarded",
	      "there is no room");
}

/* ---- with a folder ---- */

static struct kit_folder *folder_open(void)
{
	const char *why;
	struct kit_folder *d = kit_folder_open("share", &why);

	if (!d)
		kit_panic("share: %s", why);
	return d;
}

static struct kit_file *file_open(struct kit_folder *d, const char *name,
				  unsigned flags)
{
	struct kit_file *f = NULL;
	int error = kit_file_open(d, name, flags, &f);

	if (error)
		kit_panic("%s: %d", name, error);
	return f;
}

/* Two files grow in turns. */
static void make(void)
{
	struct kit_folder *d = folder_open();
	struct kit_file *f = file_open(d, "frag.img", KIT_FILE_CREATE);
	struct kit_file *g = file_open(d, "gap.img", KIT_FILE_CREATE);
	int64_t good = 0;

	for (uint32_t at = 0; at < SIZE; at += STEP) {
		good += kit_file_write(f, at, model + at, STEP);
		good += kit_file_write(g, at / 16, model, STEP / 16);
	}
	check(good == SIZE + SIZE / 16, "make", "%llu bytes",
	      (unsigned long long)good);
	check(!kit_file_sync(f) && !kit_file_sync(g), "make-sync", "fails");
	kit_file_close(f);
	kit_file_close(g);
}

/* What was written to the disk is in the file; it is the disk's alone. */
static void file_check(const char *name)
{
	struct kit_folder *d = folder_open();
	struct kit_file *f = NULL;
	bool good = true;

	check(kit_file_open(d, name, KIT_FILE_WRITE, &f) == EBUSY,
	      "file-not-written", "it was opened");
	check(kit_folder_remove(d, name) == EBUSY, "file-not-removed",
	      "it was");
	f = file_open(d, name, 0);
	for (uint32_t at = 0; at < SIZE; at += STEP)
		good &= kit_file_read(f, at, buf, STEP) == STEP &&
			!memcmp(buf, model + at, STEP);
	check(good, "file", "has other contents");
	kit_file_close(f);
}

int kit_main(const char *cmdline)
{
	char mode[8] = "", file[24] = "";
	const char *why;
	uint32_t crc;

	disk = kit_block_open("data", &why);
	if (!check(disk, "open", "%s", why))
		return check_summary("vdisk");
	seed = kit_option_u64("seed", 1);
	kit_option("mode", mode, sizeof(mode));
	model = kit_pages_alloc(SIZE / 4096);
	buf = kit_block_buffer(disk, MOST * KIT_SECTOR);
	check(read_all(model), "read", "an I/O error");
	crc = crc32_add(0, model, SIZE);
	check(crc == (uint32_t)kit_option_hex("crc", 0), "crc", "%08x", crc);
	if (!strcmp(mode, "ro"))
		check(kit_block_readonly(disk) && !write_some(9, 1) &&
			      !kit_block_write_zeroes(disk, 9, 1) &&
			      !kit_block_discard(disk, 9, 1),
		      "read-only", "it was written");
	else if (!strcmp(mode, "full"))
		fill();
	else if (!strcmp(mode, "make"))
		make();
	else
		rounds((unsigned)kit_option_u64("rounds", 100));
	check(all_same(), "reads", "differ from what was written");
	if (kit_option("file", file, sizeof(file)))
		file_check(file);
	return check_summary("vdisk");
}
