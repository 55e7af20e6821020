/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens on an exception of the hypervisor itself. */
#pragma once

#include "lib/types.h"

/* What the stubs save; the lowest address first. */
struct exception_regs {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

/* Called by the stubs, interrupts off. Returns only for an NMI that does not
 * end this CPU. */
void exception_entry(struct exception_regs *r);
