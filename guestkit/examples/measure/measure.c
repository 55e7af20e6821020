/* SPDX-License-Identifier: BSD-2-Clause */
/* Measures pieces of its own code: make bench GUEST=build/guests/measure.elf */
#include <string.h>

#include "kit/measure.h"
#include "kit/ops.h"

#define PASSES 5

static char from[4096], to[4096];

/* 2001 instructions: `make test` checks that they are counted. */
static void loop(void)
{
	KIT_MEASURE_BEGIN(loop_2001);
	__asm__ volatile("movl $1000, %%ecx; 1: decl %%ecx; jnz 1b" ::
				 : "ecx", "cc");
	KIT_MEASURE_END(loop_2001);
}

static void null_call(void)
{
	KIT_MEASURE_BEGIN(null_op);
	kit_ops.null();
	KIT_MEASURE_END(null_op);
}

static void copy(void)
{
	KIT_MEASURE_BEGIN(copy_4k);
	memcpy(to, from, sizeof(to));
	KIT_MEASURE_END(copy_4k);
}

int kit_main(const char *cmdline)
{
	(void)cmdline;
	for (int i = 0; i < PASSES; i++) {
		loop();
		null_call();
		copy();
	}
	KIT_MEASURE_REPORT();
	return 0;
}
