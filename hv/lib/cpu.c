/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of CPUs. */
#include "lib/cpu.h"

struct cpu *cpu_table[CPU_MAX];
u32 cpu_count;
