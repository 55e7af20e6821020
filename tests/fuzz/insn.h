/* SPDX-License-Identifier: BSD-2-Clause */
/* Included before each source of the hypervisor: its one-instruction wrappers
 * become calls of the machine that tests/fuzz/machine.c plays. */
#pragma once

#include "lib/x86.h"

u64 sim_rdtsc(void);
u64 sim_rdmsr(u32 msr);
void sim_wrmsr(u32 msr, u64 v);
struct cpuid_regs sim_cpuid(u32 leaf, u32 sub);
u64 sim_reg(void);
void sim_irq_window(void);
void sim_irq_idle(void);
void sim_relax(void);

#define rdtsc() sim_rdtsc()
#define rdmsr(msr) sim_rdmsr(msr)
#define wrmsr(msr, v) sim_wrmsr(msr, v)
#define cpuid(leaf, sub) sim_cpuid(leaf, sub)
#define irq_window() sim_irq_window()
#define irq_idle() sim_irq_idle()
#define cpu_relax() sim_relax()
#define xsetbv(reg, v) ((void)(reg), (void)(v))
/* control and debug registers: read as 0, written without effect */
#define read_cr0() sim_reg()
#define read_cr2() sim_reg()
#define read_cr3() sim_reg()
#define read_cr4() sim_reg()
#define read_dr0() sim_reg()
#define read_dr1() sim_reg()
#define read_dr2() sim_reg()
#define read_dr3() sim_reg()
#define read_dr6() sim_reg()
#define write_cr0(v) ((void)(v))
#define write_cr2(v) ((void)(v))
#define write_cr3(v) ((void)(v))
#define write_cr4(v) ((void)(v))
#define write_dr0(v) ((void)(v))
#define write_dr1(v) ((void)(v))
#define write_dr2(v) ((void)(v))
#define write_dr3(v) ((void)(v))
#define write_dr6(v) ((void)(v))
