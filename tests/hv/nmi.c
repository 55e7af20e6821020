/* SPDX-License-Identifier: BSD-2-Clause */
/* An NMI while the stack pointer is wrong: it has a stack of its own. */
#include "lib/bootinfo.h"
#include "lib/log.h"

void hv_provoke(void)
{
	__asm__ volatile("mov %%rsp, %%rbx; xor %%esp, %%esp;"
			 "int $2; mov %%rbx, %%rsp"
			 :
			 :
			 : "rbx", "memory");
	log("PASS nmi-has-its-own-stack\n");
}
