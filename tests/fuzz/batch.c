/* SPDX-License-Identifier: BSD-2-Clause */
/* Watches the calls of a batch, one by one: each is checked as a call. */
#include "tests/fuzz/sim.h"

static hcall_fn real[HCALL_TABLE_SIZE];

static struct hret watched(u32 nr, const u64 *a)
{
	struct hret r = real[nr](a[0], a[1], a[2], a[3], a[4], a[5]);

	check_call(vcpu_current(), nr, a, r);
	return r;
}

#define ARGS u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5
#define ENTRY(x, y)                                                           \
	static struct hret entry_##x##y(ARGS)                                 \
	{                                                                     \
		return watched(8 * x + y, (u64[]){ a0, a1, a2, a3, a4, a5 }); \
	}
#define NAME(x, y) entry_##x##y,
#define EIGHT(f, x) \
	f(x, 0) f(x, 1) f(x, 2) f(x, 3) f(x, 4) f(x, 5) f(x, 6) f(x, 7)
#define ALL(f)       \
	EIGHT(f, 0)  \
	EIGHT(f, 1)  \
	EIGHT(f, 2)  \
	EIGHT(f, 3)  \
	EIGHT(f, 4)  \
	EIGHT(f, 5)  \
	EIGHT(f, 6)  \
	EIGHT(f, 7)  \
	EIGHT(f, 8)  \
	EIGHT(f, 9)  \
	EIGHT(f, 10) \
	EIGHT(f, 11) EIGHT(f, 12) EIGHT(f, 13) EIGHT(f, 14) EIGHT(f, 15)

ALL(ENTRY)

void batch_watch(void)
{
	static const hcall_fn entries[HCALL_TABLE_SIZE] = { ALL(NAME) };

	for (u32 i = 0; i < HCALL_TABLE_SIZE; i++) {
		real[i] = virt_hcall_table[HCALL_BATCH + i];
		virt_hcall_table[HCALL_BATCH + i] = entries[i];
	}
}
