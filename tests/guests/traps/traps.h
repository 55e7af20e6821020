/* SPDX-License-Identifier: BSD-2-Clause */
/* Emulated instructions compared with what a CPU does. */
#ifndef TRAPS_TRAPS_H
#define TRAPS_TRAPS_H

#include "check.h"
#include "kit/irq.h"
#include "kit/kit.h"

/* The last exception that an INSN raised: vector or -1, and its error code. */
extern int hit;
extern uint64_t hit_error;
extern uint64_t resume; /* where the handler goes on */

/* Runs instructions that may fault; sets hit. Clobbers R11. */
#define INSN(text, out, in, ...)                                             \
	do {                                                                 \
		hit = -1;                                                    \
		__asm__ volatile("leaq 9f(%%rip), %%r11\n\t"                 \
				 "movq %%r11, resume(%%rip)\n\t" text "\n9:" \
				 : out:in                                    \
				 : "memory", "cc", "r11", ##__VA_ARGS__);    \
		resume = 0;                                                  \
	} while (0)
#define ARGS(...) __VA_ARGS__

#define VEC_DB 1
#define VEC_UD 6
#define VEC_NP 11
#define VEC_GP 13
#define VEC_PF 14

static inline uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %%dx, %%al" : "=a"(v) : "d"(port));
	return v;
}

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %%al, %%dx" ::"a"(v), "d"(port));
}

uint64_t msr_read(uint32_t msr); /* sets hit */
void msr_write(uint32_t msr, uint64_t v);
bool has_apic(void);

void test_cpuid(void);
void test_idiv(void);
void test_msr(void);
void test_cr(void);
void test_dr(void);
void test_desc(void);
void test_step(void);
void test_tsc(void);
void test_ports(void);
void test_devices(void);
void test_irqs(void);
void test_remap(void);
void test_fetch(void);
void test_tlb(void);
void test_apic(void);
void test_mmio(void);

#endif
