/* SPDX-License-Identifier: BSD-2-Clause */
/* Per-CPU state, and what the CPUs of this machine can do. */
#pragma once

#include "lib/machine.h"

struct vcpu;

/*
 * Private to one CPU, except where noted. Found from RSP: the last word of
 * each hypervisor stack (normal and IST) of a CPU points here.
 */
struct cpu {
	u32 index; /* 0 is the boot CPU */
	u32 apic_id;
	u32 online; /* written once by the CPU itself, read by the boot CPU */
	u32 need_resched; /* set by interrupts on this CPU */
	void *current; /* the vCPU being run (struct vcpu *), NULL when idle */
	void *virt;    /* the backend's per-CPU data */
	void *sched;   /* core's per-CPU data */
	u64 stack_top; /* address of the word that holds the pointer to us */
	u64 ist_base;  /* the IST stacks: 3 times HV_STACK_SIZE from here */
	u64 *gdt;      /* 16 entries */
	void *tss;     /* 64-bit TSS */
} aligned_to(64);

/* What the exception stubs save; the lowest address first. */
struct cpu_regs {
	u64 r15, r14, r13, r12, r11, r10, r9, r8;
	u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};
static_assert_size(struct cpu_regs, 22 * 8);

/* The running CPU. Any hypervisor context. */
#ifdef PARLEY_UNIT
struct cpu *cpu_this(void); /* the unit test's own */
#else
static inline struct cpu *cpu_this(void)
{
	u64 sp;

	__asm__ volatile("mov %%rsp, %0" : "=r"(sp));
	return *(struct cpu **)((sp | (HV_STACK_SIZE - 1)) - 7);
}
#endif

extern struct cpu *cpu_table[CPU_MAX]; /* by index; filled during boot */
extern u32 cpu_count;		       /* CPUs online; fixed after boot */

/*
 * Builds this CPU's GDT, TSS and IDT, sets CR0/CR4/EFER/XCR0/PAT as the
 * hypervisor uses them. Called on each CPU on its own stack.
 */
void cpu_tables_init(struct cpu *c);

/* RDMSR and WRMSR that may #GP: false then, and *v is unchanged. */
bool rdmsr_try(u32 msr, u64 *v);
bool wrmsr_try(u32 msr, u64 v);

/*
 * For a backend that sees an NMI as an exit: stops this CPU for good if
 * another one panics, else counts it. The NMI handler does the same.
 */
void nmi_take(void);

/* Selectors of the hypervisor's GDT. */
#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_TSS 0x18 /* 16 bytes */
