/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Has reads of the disk `data` under way when the host partition dies. As soon as
 * that has started anew the memory that was open to the disk is used for something
 * else, for `ms=` milliseconds, in which nothing is asked of the new one: no read
 * of the old one's may end there.
 */
#include "check.h"
#include "kit/block.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/time.h"

#define BYTES 4096u
#define WORDS (BYTES / 8)
#define DEPTH 8u
#define PATTERN 0x1a7e1a7e1a7e1a7eull

static struct kit_block *disk;
static struct kit_block_req req[DEPTH];

static uint32_t restarts(void)
{
	const struct pv_partition_page *page = kit_ptr(PV_PARTITION_PAGE);

	return __atomic_load_n(&page->host_restarts, __ATOMIC_ACQUIRE);
}

static volatile uint64_t *word(unsigned i)
{
	return (uint64_t *)req[i / WORDS].buf + i % WORDS;
}

static void use(void)
{
	for (unsigned i = 0; i < DEPTH * WORDS; i++)
		*word(i) = PATTERN;
}

static unsigned changed(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < DEPTH * WORDS; i++)
		n += *word(i) != PATTERN;
	return n;
}

int kit_main(const char *cmdline)
{
	uint64_t flags, from, until;
	const char *why;
	unsigned bad;

	(void)cmdline;
	disk = kit_block_open("data", &why);
	if (!check(disk, "open", "%s", why))
		return check_summary("late");
	/* a slow disk takes its time for the next */
	if (!kit_block_read(disk, 0, kit_block_buffer(disk, BYTES), BYTES))
		kit_panic("a read fails");
	for (unsigned i = 0; i < DEPTH; i++) {
		req[i] = (struct kit_block_req){
			.op = KIT_BLOCK_READ,
			.buf = kit_block_buffer(disk, BYTES),
			.n = BYTES,
			.sector = i * (BYTES / KIT_SECTOR),
		};
		if (!kit_block_submit(disk, &req[i]))
			kit_panic("a read is refused");
		/* the last one is told to a host partition that sleeps */
		if (i == DEPTH - 2) {
			kit_block_kick(disk);
			kit_sleep_ns(20 * KIT_MS);
		}
	}
	flags = kit_irq_save();
	from = kit_time_ns();
	kit_block_kick(disk);
	while (!restarts())
		;
	use();
	printf("late: %u ms for the restart\n",
	       (unsigned)((kit_time_ns() - from) / KIT_MS));
	until = kit_time_ns() + kit_option_u64("ms", 3000) * KIT_MS;
	do
		bad = changed();
	while (!bad && kit_time_ns() < until);
	check(!bad, "nothing-late", "%u words", bad);
	kit_irq_restore(flags);
	return check_summary("late");
}
