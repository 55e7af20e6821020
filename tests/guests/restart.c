/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes to the disk `data` and reads back, `rounds=` times some requests at
 * once, and on until the host partition has died `restarts=` times and `ms=`
 * milliseconds have passed: no request
 * fails, and no byte of what was told to be written is another one. In the end
 * all is read again. `base=`: its first block.
 */
#include "check.h"
#include "kit/block.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "kit/wait.h"

#define BYTES 4096u
#define SECTORS (BYTES / KIT_SECTOR)
#define BLOCKS 64u
#define DEPTH 8u
#define PATIENCE (25 * KIT_SECOND)
#define FLUSH_EACH 16u /* rounds */

static struct kit_block *disk;
static struct kit_block_req req[DEPTH];
static uint32_t version[BLOCKS]; /* what was written there last */
static unsigned failed, wrong, base;

static void pattern(uint32_t *to, unsigned block, uint32_t ver)
{
	uint64_t seed = (uint64_t)ver << 32 | (block + 1);

	for (unsigned i = 0; i < BYTES / 4; i++)
		to[i] = (uint32_t)(rand_next(&seed) >> 32);
}

static bool all_ended(void)
{
	kit_block_poll(disk);
	for (unsigned i = 0; i < DEPTH; i++)
		if (!req[i].ended)
			return false;
	return true;
}

static void run(enum kit_block_op op, const unsigned *block)
{
	for (unsigned i = 0; i < DEPTH; i++) {
		req[i].op = op;
		req[i].sector = (base + block[i]) * SECTORS;
		req[i].n = BYTES;
		if (!kit_block_submit(disk, &req[i])) {
			failed++;
			req[i].ended = true;
		}
	}
	kit_block_kick(disk);
	if (!kit_wait_until(all_ended(), kit_time_ns() + PATIENCE))
		kit_panic("no answer");
	for (unsigned i = 0; i < DEPTH; i++)
		failed += !req[i].ok;
}

static void compare(const unsigned *block)
{
	static uint32_t want[BYTES / 4];

	for (unsigned i = 0; i < DEPTH; i++) {
		pattern(want, block[i], version[block[i]]);
		wrong += memcmp(want, req[i].buf, BYTES) != 0;
	}
}

static void write(const unsigned *block, uint32_t ver)
{
	for (unsigned i = 0; i < DEPTH; i++) {
		version[block[i]] = ver;
		pattern(req[i].buf, block[i], ver);
	}
	run(KIT_BLOCK_WRITE, block);
}

static void read(const unsigned *block)
{
	for (unsigned i = 0; i < DEPTH; i++)
		memset(req[i].buf, 0, BYTES);
	run(KIT_BLOCK_READ, block);
	compare(block);
}

/* DEPTH different blocks, beginning with a random one. */
static void choose(unsigned *block, uint64_t *seed)
{
	unsigned at = (unsigned)(rand_next(seed) >> 33);

	for (unsigned i = 0; i < DEPTH; i++)
		block[i] = (at + 5 * i) % BLOCKS;
}

static uint32_t restarts(void)
{
	const struct pv_partition_page *page = kit_ptr(PV_PARTITION_PAGE);

	return __atomic_load_n(&page->host_restarts, __ATOMIC_ACQUIRE);
}

static void rounds(uint32_t n, uint32_t deaths, uint64_t seed)
{
	uint64_t until = kit_time_ns() + kit_option_u64("ms", 0) * KIT_MS;
	unsigned block[DEPTH];

	for (uint32_t r = 1;
	     r <= n || restarts() < deaths || kit_time_ns() < until; r++) {
		choose(block, &seed);
		write(block, r);
		choose(block, &seed);
		if (r >= BLOCKS / DEPTH + 1)
			read(block);
		if (r % FLUSH_EACH == 0)
			failed += !kit_block_flush(disk);
	}
}

/* So that each block has a content that is known. */
static void fill(void)
{
	unsigned block[DEPTH];

	for (unsigned b = 0; b < BLOCKS; b += DEPTH) {
		for (unsigned i = 0; i < DEPTH; i++)
			block[i] = b + i;
		write(block, 0);
	}
}

static void read_all(void)
{
	unsigned block[DEPTH];

	for (unsigned b = 0; b < BLOCKS; b += DEPTH) {
		for (unsigned i = 0; i < DEPTH; i++)
			block[i] = b + i;
		read(block);
	}
}

int kit_main(const char *cmdline)
{
	uint32_t deaths = (uint32_t)kit_option_u64("restarts", 1);
	const char *why;

	(void)cmdline;
	base = (unsigned)kit_option_u64("base", 0);
	disk = kit_block_open("data", &why);
	if (!check(disk, "open", "%s", why))
		return check_summary("restart");
	for (unsigned i = 0; i < DEPTH; i++)
		req[i].buf = kit_block_buffer(disk, BYTES);
	fill();
	rounds((uint32_t)kit_option_u64("rounds", 100), deaths,
	       kit_option_u64("seed", 1));
	read_all();
	check(!failed, "no-request-failed", "%u", failed);
	check(!wrong, "no-wrong-byte", "%u blocks", wrong);
	check(restarts() == deaths, "host-restarted", "%u times", restarts());
	return check_summary("restart");
}
