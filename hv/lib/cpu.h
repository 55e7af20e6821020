/* SPDX-License-Identifier: BSD-2-Clause */
/* Per-CPU state. */
#pragma once

#include "lib/machine.h"

/* Selectors of the hypervisor's GDT. */
#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_TSS 0x18 /* 16 bytes */

/* Three IST stacks, then the normal one; each of HV_STACK_SIZE, aligned to it,
 * and its lowest page is a guard page. */
#define IST_STACKS 3
#define CPU_STACKS (IST_STACKS + 1)

/*
 * Private to one CPU, except where noted. The base of GS points here, while no
 * guest's is loaded; so does the last word of each hypervisor stack (normal and
 * IST) of a CPU.
 */
struct cpu {
	struct cpu *self; /* first */
	u32 index;	  /* 0 is the boot CPU */
	u32 apic_id;
	u32 need_resched; /* set by interrupts on this CPU */
	u64 timer_at;	  /* what lapic_timer_arm has armed; ~0: nothing */
	void *current; /* the vCPU being run (struct vcpu *), NULL when idle */
	void *virt;    /* the backend's per-CPU data */
	void *sched;   /* core's per-CPU data */
	u64 stacks;    /* CPU_STACKS times HV_STACK_SIZE from here */
	u64 idt;       /* its base */
	u64 gdt[SEL_TSS / 8 + 2];
	u8 tss[104]; /* struct tss of hv/boot */
} aligned_to(64);
_Static_assert(sizeof(struct cpu) <= PAGE_SIZE, "struct cpu in its page");

/* What the CPU itself uses of the pages at virt: the VMXON region or the host save
 * area (VM_HSAVE_PA), and what VMSAVE has saved of the host. */
#define CPU_VIRT_AREA PAGE_SIZE
#define CPU_HOST_VMCB (2 * PAGE_SIZE)

/* The running CPU. Any hypervisor context. */
#ifdef PARLEY_UNIT
struct cpu *cpu_this(void); /* the unit test's own */
#else
static inline struct cpu *cpu_this(void)
{
	struct cpu *c;

	__asm__("mov %%gs:0, %0" : "=r"(c));
	return c;
}

/* So too, before cpu_take(). */
static inline struct cpu *cpu_of_stack(void)
{
	u64 sp;

	__asm__("mov %%rsp, %0" : "=r"(sp));
	return *(struct cpu **)((sp | (HV_STACK_SIZE - 1)) - 7);
}
#endif

/* Filled by hv/boot: by index; those that came up. */
extern struct cpu *cpu_table[CPU_MAX];
extern u32 cpu_count;
