/* SPDX-License-Identifier: BSD-2-Clause */
/* The little of ACPI that a hypervisor needs. */
#pragma once

#include "lib/bootinfo.h"
#include "lib/machine.h"

/* What nobody needs but the boot stage. */
struct acpi_boot {
	u32 nr_cpus; /* the boot CPU is first */
	u32 apic_ids[CPU_MAX];
	u16 pm_timer;		     /* port, 0 if none */
	bool iommu_dmar, iommu_ivrs; /* tables seen */
};
extern struct acpi_boot acpi_boot;

/*
 * Fills `acpi` and acpi_boot: walks the tables from the RSDP (checksums
 * verified, lengths checked), puts the CPU with the id `self` first and drops
 * those that cannot be started. Returns NULL, or what is wrong.
 */
const char *acpi_read(const struct boot_info *bi, u64 rsdp, u32 self);

/* True when [start, start + size) lies in memory that the map names (of any
 * type) or in the legacy area below 1 MiB: it can be read. */
bool boot_known(const struct boot_info *bi, u64 start, u64 size);
