/* SPDX-License-Identifier: BSD-2-Clause */
/* One guest fills all that it can reach with a pattern, another looks for it. */
#ifndef LEAK_LEAK_H
#define LEAK_LEAK_H

#include <stdint.h>

#define PATTERN 0x00005ec25ec25ec2ull /* canonical */

/* General registers in the encoding order, vector registers, x87 as MMX.
 * RSP and RCX are not held. The offsets are known to hold.S. */
struct regs {
	uint64_t gpr[16];
	uint64_t ymm[16][4]; /* without AVX: two words of each */
	uint64_t mm[8];
};
extern struct regs regs_want, regs_got;
extern uint32_t regs_avx; /* AVX is on */

/* Loads all registers with regs_want, spins, and stores them in regs_got. */
void regs_hold(uint64_t spins);
/* The same with the hypercall `nop` in place of the spinning: RAX to R11, but
 * for RBX and RBP, are then the call's. */
void regs_call(void);
/* Where a further vCPU starts: stores all that it finds, then stops. */
void regs_at_start(void);
extern uint32_t regs_started;

#endif
