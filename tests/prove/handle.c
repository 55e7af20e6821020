/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A handle's value, whatever a guest makes it, and a table with anything in it,
 * of which another CPU empties a slot in the middle of the lookup.
 *
 * BOUND: core/handle.h | HANDLE_MAX 256u | HANDLE_MAX 16u
 * PROVE: handle_lookup_sound 2 a lookup stays in the table, and gives what is there, with the generation, type and rights that were asked for
 * MUTANT: handle_lookup_sound | core/handle.h | i - 1 >= HANDLE_MAX - 1 | i - 1 >= 0xffffu
 * MUTANT: handle_lookup_sound | core/handle.c | != h >> 32 | != s->gen
 * MUTANT: handle_lookup_sound | core/handle.c | || out->type != type) | )
 * MUTANT: handle_lookup_sound | core/handle.c | unlikely(rights & ~out->rights) | 0
 */
#include "prove.h"

static void other_cpu(void);
#define __atomic_thread_fence(order) other_cpu()

#include "core/handle.c"

static struct handle_table *table;

static void other_cpu(void)
{
	u32 i = nondet_u32();

	if (i < HANDLE_MAX)
		table->slots[i].gen++;
}

struct partition *partition_table[PARTITION_MAX];
struct partition *partition_get(u32 id) { return NULL; }
struct partition *partition_live(u32 id, u32 gen) { return NULL; }

void handle_lookup_sound(void)
{
	struct partition p; /* with anything in it: nobody has set it */
	u64 h = nondet_u64();
	u32 rights = nondet_u32(), type = nondet_u32();
	struct handle out;

	table = &p.handles;
	ASSUME(type == HANDLE_PARTITION || type == HANDLE_EVENT);
	if (handle_name(&p, h, type, rights, &out))
		return;
	ASSERT(out.type == type);
	ASSERT(!(rights & ~out.rights));
	if (h == PV_SELF) {
		ASSERT(!(out.rights & PV_RIGHT_MACHINE) && out.obj == p.id);
		return;
	}
	ASSERT((u32)h > 0 && (u32)h < HANDLE_MAX);
	ASSERT(out.gen == h >> 32 && out.gen == p.handles.slots[(u32)h].gen);
	ASSERT(out.rights == p.handles.slots[(u32)h].rights);
}
