/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine check while the stack pointer is wrong: it is reported. */
#include "lib/bootinfo.h"

void hv_provoke(void)
{
	__asm__ volatile("xor %%esp, %%esp; int $18" : : : "memory");
	__builtin_unreachable();
}
