/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Has as many reads of the disk `data` under way as its queue takes, at any time,
 * until somebody ends it: a device is always about to write to its memory.
 */
#include "check.h"
#include "kit/block.h"
#include "kit/time.h"
#include "kit/wait.h"

#define BYTES 4096u

static struct kit_block *disk;
static struct kit_block_req req[KIT_BLOCK_DEPTH];
static uint64_t ended;

static void put(struct kit_block_req *r)
{
	r->sector = ended * (BYTES / KIT_SECTOR) %
		    (kit_block_sectors(disk) - BYTES / KIT_SECTOR);
	if (!kit_block_submit(disk, r))
		kit_panic("a read is refused");
}

static void again(struct kit_block_req *r)
{
	if (!r->ok)
		kit_panic("a read has failed");
	ended++;
	put(r);
}

int kit_main(const char *cmdline)
{
	const char *why;

	(void)cmdline;
	disk = kit_block_open("data", &why);
	if (!check(disk, "open", "%s", why))
		return check_summary("flood");
	for (unsigned i = 0; i < KIT_BLOCK_DEPTH; i++) {
		req[i] = (struct kit_block_req){
			.op = KIT_BLOCK_READ,
			.buf = kit_block_buffer(disk, BYTES),
			.n = BYTES,
			.done = again,
		};
		put(&req[i]);
	}
	for (;;) {
		kit_block_kick(disk);
		kit_block_poll(disk);
		kit_wait(kit_time_ns() + KIT_SECOND);
	}
}
