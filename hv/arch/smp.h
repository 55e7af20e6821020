/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting the other CPUs. */
#ifndef ARCH_SMP_H
#define ARCH_SMP_H

#include "lib/bootinfo.h"

/*
 * Allocates struct cpu, tables and stacks for CPU `index` and enters it in
 * cpu_table. The lowest page of each stack is its guard page. Index 0 keeps the
 * stack that it runs on. After paging_init(), before frame_init().
 */
struct cpu *smp_cpu_alloc(u32 index, u32 apic_id);

/*
 * Starts every CPU of the MADT through the page below 1 MiB; each initialises
 * its tables and local APIC, marks itself online, then calls entry(cpu), which
 * does not return. A CPU that does not answer in a second is reported and left
 * out. Boot CPU, before frame_init(). Sets cpu_count.
 */
void smp_start(const struct boot_info *bi, void (*entry)(void));

#endif
