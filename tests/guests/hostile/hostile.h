/* SPDX-License-Identifier: BSD-2-Clause */
/* The hostile tests, and how one of them survives what it provokes. */
#ifndef HOSTILE_HOSTILE_H
#define HOSTILE_HOSTILE_H

#include "check.h"
#include "kit/irq.h"
#include "kit/kit.h"

#define VECTOR_DB 1
#define VECTOR_UD 6
#define VECTOR_GP 13
#define VECTOR_PF 14

/* Runs fn(arg). The vector of the exception that it raised, or -1. error and
 * CR2 of it are in try_error and try_cr2. */
int try(void (*fn)(uint64_t arg), uint64_t arg);
extern uint64_t try_error, try_cr2, try_rip;

struct hostile {
	const char *name;
	void (*run)(void); /* returns where the guest is to go on */
	bool dies;	   /* the guest must end here, with a report */
};

/* One NULL-terminated list a file. */
extern const struct hostile insn_tests[], reg_tests[], memory_tests[],
	call_tests[], exhaust_tests[];

static inline uint64_t msr_get(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static inline void msr_set(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)v),
			 "d"((uint32_t)(v >> 32))
			 : "memory");
}

#endif
