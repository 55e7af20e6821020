/* SPDX-License-Identifier: BSD-2-Clause */
/* The little of ACPI that a hypervisor needs. */
#pragma once

#include "lib/bootinfo.h"
#include "lib/iommu.h"
#include "lib/machine.h"
#include "lib/pci.h"

#define ACPI_MAX_IOAPICS 8
#define ACPI_MAX_OVERRIDES 24

/* The IOMMUs of a DMAR (VT-d 4.1, 8) or an IVRS (AMD-Vi 3.08, 5.2). */
struct iommu_found {
	enum iommu_kind kind;
	const char *wrong; /* why they cannot be used, or NULL */
	bool no_intr;	   /* interrupts cannot be remapped, */
	bool no_x2apic;	   /* or not to x2APIC ids: firmware says so */
	u32 nr;
	struct {
		u64 regs;
		u32 segment;
		u16 bdf;  /* IVRS: its own function, */
		u16 cap;  /* the register of its capability, */
		u8 flags; /* and how it is to be set up */
	} unit[IOMMU_MAX];
	u32 nr_ioapics;
	struct {
		u8 id;
		u16 bdf;
	} ioapic[ACPI_MAX_IOAPICS];
};

/* What nobody needs but the boot stage. */
struct acpi_boot {
	u32 nr_ioapics;
	struct acpi_ioapic {
		u64 addr;
		u32 gsi_base, pins;
		u8 id;
		u16 bdf; /* IOMMUs know it by; 0: none is known */
	} ioapics[ACPI_MAX_IOAPICS];
	u32 nr_overrides;
	struct acpi_override {
		u8 isa_irq;
		bool level, active_low;
		u32 gsi;
	} overrides[ACPI_MAX_OVERRIDES];
	u32 nr_cpus; /* the boot CPU is first */
	u32 apic_ids[CPU_MAX];
	u16 pm_timer;	      /* port, 0 if none */
	struct pci_ecam ecam; /* of segment 0, as it is in the MCFG */
	struct iommu_found iommu;
};
extern struct acpi_boot acpi_boot;

static inline u64 ecam_start(const struct pci_ecam *e)
{
	return e->base + e->first * ECAM_BUS;
}

static inline u64 ecam_size(const struct pci_ecam *e)
{
	return e->base ? (e->last - e->first + 1) * ECAM_BUS : 0;
}

/*
 * Fills `acpi` and acpi_boot: walks the tables from the RSDP (checksums
 * verified, lengths checked), puts the CPU with the id `self` first and drops
 * those that cannot be started. Returns NULL, or what is wrong.
 */
const char *acpi_read(const struct boot_info *bi, u64 rsdp, u32 self);

/* Reads a DMAR or an IVRS of len bytes, whose header is sound, into f. */
void iommu_parse(const struct boot_info *bi, const u8 *t, u32 len,
		 struct iommu_found *f);

/* Fills acpi.pins and acpi.lines, by the I/O APICs, whose pins are counted and
 * which the IOMMUs name, and the overrides of acpi_boot. */
void acpi_lines_find(void);

/* True when [start, start + size) lies in memory that the map names (of any
 * type) or in the legacy area below 1 MiB: it can be read. */
bool boot_known(const struct boot_info *bi, u64 start, u64 size);
