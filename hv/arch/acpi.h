/* SPDX-License-Identifier: BSD-2-Clause */
/* The little of ACPI that a hypervisor needs: MADT, FADT, the \_S5 value. */
#ifndef ARCH_ACPI_H
#define ARCH_ACPI_H

#include "lib/types.h"

#define ACPI_MAX_CPUS 64
#define ACPI_MAX_IOAPICS 8
#define ACPI_MAX_OVERRIDES 24

struct acpi_override {
	u8 isa_irq;
	bool level, active_low;
	u32 gsi;
};

struct acpi_info {
	u32 nr_cpus; /* enabled local (x2)APICs */
	u32 apic_ids[ACPI_MAX_CPUS];
	u64 lapic_addr;
	u32 nr_ioapics;
	struct {
		u64 addr;
		u32 gsi_base;
	} ioapics[ACPI_MAX_IOAPICS];
	u32 nr_overrides;
	struct acpi_override overrides[ACPI_MAX_OVERRIDES];
	u16 pm1a_cnt, pm1b_cnt; /* ports, 0 if none */
	u16 pm_timer;		/* port, 0 if none */
	u8 s5_a, s5_b;		/* SLP_TYP values from \_S5 in the DSDT */
	bool s5_valid;
	bool iommu_dmar, iommu_ivrs; /* tables seen */
	u64 mcfg;
};
extern struct acpi_info acpi;

/*
 * Walks the tables from the RSDP (checksums verified, lengths checked).
 * Returns NULL, or what is wrong.
 */
const char *acpi_init(u64 rsdp);

#endif
