/* SPDX-License-Identifier: BSD-2-Clause */
/* Which memory the DMA of a PCI function reaches: that which the nested tables
 * of its owner map, by the owner's addresses and with its rights. And which
 * interrupts it may raise. All of it does nothing where iommu.kind is
 * IOMMU_NONE. iommu_lock is taken inside, after any other but the log's. */
#pragma once

#include "lib/iommu.h"

/* Takes the vector of faults, which go to the log. */
void iommu_init(void);

/* Function n of pci_funcs is confined to a domain (1 to 255), whose tables, of
 * iommu.levels, begin at root. root 0: to nothing. Nothing of what it reached
 * before is cached then, nor on its way. Its master bit is off. */
void iommu_attach(u32 n, u32 domain, u64 root);
/* What was taken away from the domain's tables is cached nowhere then, nor used
 * by what is on its way. */
void iommu_flush(u32 domain);

/* A vector, for a function (by bdf) or an I/O APIC, to a CPU: what it has to
 * write (data in the high half); or nobody may raise it any more. */
u64 iommu_message(u16 bdf, u32 vector, u32 apic_id);
/* The high half of an I/O APIC's entry whose low half that is. */
u32 iommu_rte(u16 bdf, u32 low, u32 apic_id);
void iommu_vector_off(u16 bdf, u32 vector);

/* ---- vtd.c, amdvi.c ---- */

struct iommu_fault {
	u64 at;
	u32 reason; /* VT-d: 7.1.3; AMD-Vi: the event's code */
	u16 bdf;
	bool write, interrupt;
};

typedef u64 iommu_command[2];

struct iommu_ops {
	const char *name;
	u32 ring_tail; /* register */
	/* Fills the entry of a function; quiet: its faults are not told. */
	void (*entry)(u16 bdf, u32 domain, u64 root, bool quiet);
	/* Commands that drop all that is cached of an entry, or of a domain (0:
	 * nobody's, or of all); of a function's interrupts; that let `u->done`
	 * be written. */
	void (*drop_entry)(iommu_command c, u16 bdf);
	void (*drop_domain)(iommu_command c, const struct iommu_unit *u,
			    u32 domain);
	void (*drop_vectors)(iommu_command c, u16 bdf);
	void (*wait)(iommu_command c, struct iommu_unit *u);
	bool (*fault)(struct iommu_unit *u, struct iommu_fault *f);
	/* The vector's entry: to that CPU, or none. */
	u64 (*vector)(u16 bdf, u32 vector, u32 apic_id, bool on);
};
extern const struct iommu_ops vtd_ops, amdvi_ops;
