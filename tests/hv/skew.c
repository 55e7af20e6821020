/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot CPU's TSC is set forward before the others are compared with it. */
#include "boot/boot.h"
#include "lib/x86.h"

#define MSR_TSC 0x10

void boot_provoke(void)
{
	static bool done;

	if (!done)
		wrmsr(MSR_TSC, rdtsc() + (1u << 30));
	done = true;
}
