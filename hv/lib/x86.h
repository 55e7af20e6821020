/* SPDX-License-Identifier: BSD-2-Clause */
/* One-instruction wrappers. Names are the instructions'. */
#pragma once

#include "lib/regs.h"
#include "lib/types.h"

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (u64)hi << 32 | lo;
}

#define X86_WRITE(name)                                       \
	static inline void name(u32 reg, u64 v)               \
	{                                                     \
		u32 lo = (u32)v, hi = v >> 32;                \
		__asm__ volatile(#name                        \
				 :                            \
				 : "c"(reg), "a"(lo), "d"(hi) \
				 : "memory");                 \
	}
X86_WRITE(wrmsr)
X86_WRITE(xsetbv)

/* CPUID output. */
struct cpuid_regs {
	u32 a, b, c, d;
};

static inline struct cpuid_regs cpuid(u32 leaf, u32 sub)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid"
			 : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
			 : "a"(leaf), "c"(sub));
	return r;
}

static inline u64 rdtsc(void) { return __builtin_ia32_rdtsc(); }

#define X86_PORT(size, type)                                           \
	static inline type in##size(u16 port)                          \
	{                                                              \
		type v;                                                \
		__asm__ volatile("in %1, %0" : "=a"(v) : "Nd"(port));  \
		return v;                                              \
	}                                                              \
	static inline void out##size(u16 port, type v)                 \
	{                                                              \
		__asm__ volatile("out %0, %1" : : "a"(v), "Nd"(port)); \
	}
X86_PORT(b, u8)
X86_PORT(w, u16)
X86_PORT(l, u32)

#define X86_MOV_REG(name)                                                   \
	static inline u64 read_##name(void)                                 \
	{                                                                   \
		u64 v;                                                      \
		__asm__ volatile("mov %%" #name ", %0" : "=r"(v));          \
		return v;                                                   \
	}                                                                   \
	static inline void write_##name(u64 v)                              \
	{                                                                   \
		__asm__ volatile("mov %0, %%" #name : : "r"(v) : "memory"); \
	}
X86_MOV_REG(cr0)
X86_MOV_REG(cr2)
X86_MOV_REG(cr3)
X86_MOV_REG(cr4)
X86_MOV_REG(dr0)
X86_MOV_REG(dr1)
X86_MOV_REG(dr2)
X86_MOV_REG(dr3)
X86_MOV_REG(dr6)

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

static inline void mb(void) { __asm__ volatile("mfence" ::: "memory"); }

static inline void cpu_relax(void) { __asm__ volatile("pause" ::: "memory"); }

/* The end of a CPU. */
static inline noreturn_fn void cpu_stop(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}
