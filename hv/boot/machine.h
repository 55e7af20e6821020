/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the boot stage that look at the machine itself. */
#pragma once

#include "lib/bootinfo.h"

/* Fills cpu_feat. Before anything that reads it. */
void cpu_features_read(void);

/* Fills guest_cpu. After clock_measure(). */
void guest_cpu_choose(void);

/* The APIC id of the CPU that runs this; the APIC is not touched. */
u32 cpu_boot_id(void);

/* Fills pci_funcs. Interrupts off, firmware's drivers gone. */
void pci_scan(void);

/*
 * Finds tsc_khz: from CPUID 0x15/0x16 where given, else against the PM timer
 * or the PIT; then lapic_khz, too, unless the TSC deadline makes it needless.
 * After ExitBootServices, interrupts off.
 */
void clock_measure(void);

/*
 * Builds bi->cr3 and bi->runtime_cr3 (FREE, HV: RW+NX; ACPI, RUNTIME: read
 * only; the image by its sections; the APICs; guard pages), fills the page in
 * which other CPUs start, and loads bi->cr3. After early_init().
 */
void paging_init(struct boot_info *bi);
