/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor tables, and what happens on an exception. */
#ifndef ARCH_IDT_H
#define ARCH_IDT_H

#include "arch/cpu.h"

#define VEC_NMI 2
#define VEC_DF 8
#define VEC_GP 13
#define VEC_PF 14
#define VEC_MC 18

#define IDT_STUB_SIZE 16 /* bytes a stub in idt_stubs.S */

/* IST stacks, in the order of the TSS (Intel SDM 3A 6.14.5). */
enum { IST_NMI = 1, IST_DF, IST_MC, IST_COUNT = 3 };

/*
 * Fills c->gdt and c->tss, loads GDT, segments, TR and IDT. c->stack_top and
 * the IST stacks, which follow the normal stack, are set up. On that CPU.
 */
void idt_load(struct cpu *c);

/* Highest usable address of the normal (0) or an IST stack, 16-aligned. */
u64 cpu_stack_start(const struct cpu *c, u32 ist);

#endif
