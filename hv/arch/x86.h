/* SPDX-License-Identifier: BSD-2-Clause */
/* The rest of the one-instruction wrappers. */
#pragma once

#include "lib/x86.h"

X86_READ_REG(cr2)
X86_READ_REG(dr0)
X86_READ_REG(dr1)
X86_READ_REG(dr2)
X86_READ_REG(dr3)
X86_READ_REG(dr6)

#define RFLAGS_IF (1ull << 9)

static inline void xsetbv(u32 reg, u64 v)
{
	__asm__ volatile("xsetbv"
			 :
			 : "c"(reg), "a"((u32)v), "d"((u32)(v >> 32)));
}

/* Takes whatever interrupt is pending, then masks again. */
static inline void irq_window(void)
{
	__asm__ volatile("sti; nop; cli" ::: "memory");
}

/* Sleeps until an interrupt, which is taken; returns with interrupts off. */
static inline void irq_idle(void)
{
	__asm__ volatile("sti; hlt; cli" ::: "memory");
}

static inline void mb(void)
{
	__asm__ volatile("mfence" ::: "memory");
}
#define barrier() __asm__ volatile("" ::: "memory")
