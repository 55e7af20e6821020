/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the test data of the disk `data` again and again, compares it, and says
 * `reads` once it has begun. The command line says what becomes of the disk:
 *
 *	do=keep		it stays, until the guest is asked to end
 *	do=lose		it goes: from some time on every request fails, soon
 *	do=bad at=N	the block with sector N cannot be read, all others can
 */
#include "check.h"
#include "kit/block.h"
#include "kit/irq.h"
#include "kit/time.h"

#define BYTES 4096u
#define SECTORS (BYTES / KIT_SECTOR)
#define AFTER 50u /* requests of a disk that is gone */
#define SOON (5 * KIT_SECOND)

static struct kit_block *disk;
static uint64_t blocks, wrong, block[BYTES / 8];
static volatile bool asked;

static void shutdown(void *arg)
{
	(void)arg;
	asked = true;
}

/* tests/emu/image.py makes the data: pattern(). */
static bool good(uint64_t nr)
{
	for (uint64_t i = 0; i < BYTES / 8; i++) {
		uint64_t w = nr * (BYTES / 8) + i;

		if (block[i] != (w * 0x9e3779b97f4a7c15ull ^ w << 32))
			return false;
	}
	return true;
}

static bool read(uint64_t nr)
{
	bool ok = kit_block_read(disk, nr * SECTORS, block, BYTES);

	wrong += ok && !good(nr);
	return ok;
}

/* Until one fails; how many did not. */
static uint64_t read_on(void)
{
	uint64_t n = 0;

	while (!asked && read(n % blocks))
		if (++n == 2 * blocks)
			printf("reads\n");
	return n;
}

static void lose(void)
{
	uint64_t n = read_on(), start = kit_time_ns();
	unsigned failed = 0;

	check(n >= 2 * blocks, "reads-before", "%lu", (unsigned long)n);
	for (unsigned i = 0; i < AFTER; i++)
		failed += !read(i % blocks);
	check(failed == AFTER, "stays-lost", "%u of %u fail", failed, AFTER);
	check(kit_time_ns() - start < SOON, "fails-soon", "%lu ms",
	      (unsigned long)((kit_time_ns() - start) / KIT_MS));
}

static void bad(uint64_t at)
{
	unsigned others = 0, here = 0;

	for (uint64_t i = 0; i < 2 * blocks; i++)
		if (!read(i % blocks))
			*(i % blocks == at / SECTORS ? &here : &others) += 1;
	check(here == 2, "bad-sector", "it failed %u times", here);
	check(!others, "other-sectors", "%u failed", others);
}

int kit_main(const char *cmdline)
{
	char what[8] = "keep";
	const char *why;

	(void)cmdline;
	disk = kit_block_open("data", &why);
	if (!check(disk, "open", "%s", why))
		return check_summary("faults");
	blocks = kit_block_sectors(disk) / SECTORS;
	kit_option("do", what, sizeof(what));
	kit_event_register(PV_PORT_SHUTDOWN, shutdown, NULL);
	if (!strcmp(what, "lose"))
		lose();
	else if (!strcmp(what, "bad"))
		bad(kit_option_u64("at", 0));
	else
		check(read_on() && asked, "keeps", "a request failed");
	check(!wrong, "right-bytes", "%lu blocks are wrong",
	      (unsigned long)wrong);
	return check_summary("faults");
}
