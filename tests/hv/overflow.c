/* SPDX-License-Identifier: BSD-2-Clause */
/* A recursion runs into the guard page: a #DF on a stack of its own. */
#include "lib/bootinfo.h"

static __attribute__((noinline)) u64 go_down(volatile u64 *above, u64 n)
{
	volatile u64 here[32];

	here[n % 32] = n ? *above : 0;
	return n == ~0ull ? 0 : go_down(here, n + 1) + here[0];
}

void hv_provoke(void) { go_down(NULL, 0); }
