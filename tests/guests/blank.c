/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Takes memory that others had before, and looks at it for `ms=` milliseconds:
 * none of it is anything but zero, and nobody writes to it.
 */
#include "check.h"
#include "kit/mm.h"
#include "kit/time.h"

#define CHUNK 512u /* pages */
#define CHUNKS 64u
#define WORDS (CHUNK * KIT_PAGE_SIZE / 8)

static volatile uint64_t *chunk[CHUNKS];
static unsigned nr_chunks;

static void take(void)
{
	void *p;

	while (nr_chunks < CHUNKS && (p = kit_pages_alloc(CHUNK)))
		chunk[nr_chunks++] = p;
	/* what comes back is as the hypervisor gives it out */
	for (unsigned i = 0; i < nr_chunks; i++)
		if (!kit_balloon_out((void *)(uintptr_t)chunk[i], CHUNK))
			kit_panic("chunk %u is not given back", i);
	for (unsigned i = 0; i < nr_chunks; i++)
		if (!kit_balloon_in((void *)(uintptr_t)chunk[i], CHUNK))
			kit_panic("chunk %u does not come back", i);
}

/* The first word that is not zero. */
static const volatile uint64_t *find(void)
{
	for (unsigned i = 0; i < nr_chunks; i++)
		for (unsigned k = 0; k < WORDS; k++)
			if (chunk[i][k])
				return &chunk[i][k];
	return NULL;
}

int kit_main(const char *cmdline)
{
	uint64_t until;
	const volatile uint64_t *bad;

	(void)cmdline;
	take();
	until = kit_time_ns() + kit_option_u64("ms", 100) * KIT_MS;
	do
		bad = find();
	while (!bad && kit_time_ns() < until);
	check(nr_chunks > 0, "memory", "none");
	check(!bad, "memory-blank", "%lx at %lx", bad ? *bad : 0, kit_gpa(bad));
	return check_summary("blank");
}
