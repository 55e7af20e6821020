/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual disk with many requests in its queue, or one: 4 KiB reads at
 * random places. */
#include "bench.h"
#include "kit/time.h"
#include "kit/wait.h"

#define PAGE_SECTORS (KIT_PAGE_SIZE / KIT_SECTOR)

static struct kit_block_req reqs[KIT_BLOCK_DEPTH];
static uint32_t place; /* of a linear congruential generator */

static uint64_t sector_next(uint64_t pages)
{
	place = place * 1664525u + 1013904223u;
	return (place * pages >> 32) * PAGE_SECTORS;
}

/* They are the same but for their place each time. */
static void reqs_set(void)
{
	unsigned i;

	for (i = 0; i < KIT_BLOCK_DEPTH; i++)
		reqs[i] = (struct kit_block_req){
			.op = KIT_BLOCK_READ,
			.buf = disk_buf + i * KIT_PAGE_SIZE,
			.n = KIT_PAGE_SIZE,
		};
}

static bool at_once(void)
{
	kit_block_kick(disk);
	return kit_wait_until(!kit_block_poll(disk),
			      kit_time_ns() + 30 * KIT_SECOND);
}

/* Without a deadline, as its drivers have one. */
static bool later(void) { return kit_block_finish(disk, KIT_FOREVER); }

/* So many at once, until all have been answered, at once or later. */
static inline __attribute__((always_inline)) void
round_run(unsigned depth, bool (*answered)(void))
{
	uint64_t pages = kit_block_sectors(disk) / PAGE_SECTORS;
	unsigned i;

	for (i = 0; i < depth; i++) {
		reqs[i].sector = sector_next(pages);
		if (!kit_block_submit(disk, &reqs[i]))
			kit_panic("queue: request %u is refused", i);
	}
	if (!answered())
		kit_panic("queue: no answer");
	for (i = 0; i < depth; i++)
		if (!reqs[i].ok)
			kit_panic("queue: an I/O error");
}

static void qd1_run(uint32_t n)
{
	while (n--)
		round_run(1, at_once);
}

static void qd32_run(uint32_t n)
{
	while (n--)
		round_run(KIT_BLOCK_DEPTH, at_once);
}

static void device_run(uint32_t n)
{
	while (n--)
		round_run(KIT_BLOCK_DEPTH, later);
}

static bool null_start(void)
{
	if (!disk_choose(BENCH_NULL))
		return false;
	reqs_set();
	return true;
}

static bool real_start(void)
{
	if (!disk_choose(BENCH_REAL))
		return false;
	reqs_set();
	return true;
}

const struct op queue_ops[] = {
	OP("block_qd1", 16, 1, qd1_run, .start = null_start),
	OP("block_qd32", 4, KIT_BLOCK_DEPTH, qd32_run, .start = null_start),
	OP("disk_qd32", 2, KIT_BLOCK_DEPTH, device_run, .start = real_start,
	   .when = DEVICE),
	OPS_END,
};
