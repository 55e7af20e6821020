/* SPDX-License-Identifier: BSD-2-Clause */
/* Dies at the N-th step, or so many instructions behind it: they are counted by
 * single steps (SDM Vol. 3B 17.3.1.4), which may end anywhere. */
#include "crash.h"

#include "kit/irq.h"
#include "kit/kit.h"

#define RFLAGS_TF 0x100ull
#define VECTOR_DB 1u

static bool comes;
static unsigned steps_left, insns_left;

/* With the kit's own handler it is a fault as any other. */
static void single_step(struct kit_frame *f)
{
	(void)f;
	if (!insns_left--)
		kit_trap_set(VECTOR_DB, NULL);
}

static void count_down(void)
{
	uint64_t flags;

	kit_trap_set(VECTOR_DB, single_step);
	__asm__ volatile("pushfq; popq %0" : "=r"(flags)::"memory");
	__asm__ volatile("pushq %0; popfq" ::"r"(flags | RFLAGS_TF)
			 : "memory", "cc");
}

static void begin(void)
{
	comes = false;
	if (!insns_left)
		__builtin_trap();
	count_down();
}

void crash_init(const struct config *c)
{
	unsigned life = kit_info()->restarts;

	if (life >= c->nr_crashes)
		return;
	comes = true;
	steps_left = c->crash[life].step;
	insns_left = c->crash[life].insns;
	if (!steps_left)
		begin();
}

bool crash_comes(void) { return comes; }

void crash_step(void)
{
	if (comes && !--steps_left)
		begin();
}
