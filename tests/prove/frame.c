/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame allocator: any two blocks taken from seven frames, of any orders, and
 * given back in any order.
 *
 * BOUND: core/frame.h | FRAME_MAX_ORDER 9 | FRAME_MAX_ORDER 2
 * PROVE: frame_one_owner 9 no frame has two owners, the count of free frames is exact, and no access leaves the table
 * MUTANT: frame_one_owner | core/frame.c | buddy + (1ull << order) > nr_frames || | nothing
 * MUTANT: frame_one_owner | core/frame.c | free_frames -= 1u << order; | free_frames--;
 * MUTANT: frame_one_owner | core/frame.c | own(i, 1u << order, owner, st); | own(i, 1, owner, st);
 * MUTANT: frame_one_owner | core/frame.c | i &= buddy; | nothing
 */
#include "prove.h"

#undef memset
#define memset(at, byte, n) ((void)(at))
#include "core/frame.c"

#define FRAMES 7 /* no power of two: some have no buddy */
#define STEPS 2

static struct frame frames[FRAMES];
static char pages[FRAMES + 1]; /* one stands for a page */

void *prove_ptr(u64 at)
{
	ASSERT(at >> PAGE_SHIFT < FRAMES);
	return at ? &pages[at >> PAGE_SHIFT] : NULL;
}

u64 prove_address(const void *p)
{
	return (u64)((const char *)p - pages) << PAGE_SHIFT;
}

struct taken {
	void *at;
	unsigned order;
	u16 owner;
};

/* Each block that is out belongs to whom it was given, frame by frame. */
static void check(const struct taken *t, u64 spare)
{
	ASSERT(frame_free_count() == spare);
	for (u32 n = 0; n < STEPS; n++)
		for (u32 i = 0; t[n].at && i < 1u << t[n].order; i++)
			ASSERT(frames[(char *)t[n].at - pages + i].owner ==
			       t[n].owner);
}

void frame_one_owner(void)
{
	struct taken t[STEPS] = { { NULL } };
	u64 spare = FRAMES - 1;

	for (u32 i = 0; i < FRAMES; i++)
		frames[i] = (struct frame){ .owner = FRAME_NOBODY,
					    .order = FRAME_INNER };
	table = frames;
	nr_frames = FRAMES;
	for (u64 i = 1; i < FRAMES; i++) /* singly: they merge */
		put_range_locked(i, i + 1);
	for (u32 n = 0; n < STEPS; n++) {
		u32 back = nondet_u32();

		t[n].order = nondet_u32();
		ASSUME(t[n].order <= FRAME_MAX_ORDER);
		t[n].owner = (u16)(n + 1);
		t[n].at = frame_alloc(FRAME_ANYWHERE, t[n].owner, FRAME_PLAIN,
				      t[n].order);
		if (t[n].at)
			spare -= 1u << t[n].order;
		check(t, spare);
		if (back > n || !t[back].at)
			continue;
		frame_free(t[back].at, t[back].order);
		t[back].at = NULL;
		spare += 1u << t[back].order;
		check(t, spare);
	}
}
