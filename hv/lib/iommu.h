/* SPDX-License-Identifier: BSD-2-Clause */
/* IOMMUs, as hv/boot has set them up: no device reaches memory yet. VT-d: Intel
 * Virtualization Technology for Directed I/O 4.1 (D51397). AMD-Vi: AMD I/O
 * Virtualization Technology 3.08 (48882). */
#pragma once

#include "lib/types.h"

#define VEC_IOMMU 0xF3 /* it tells of a fault */
/* A message: physical destination, fixed, edge; data is the vector (SDM Vol. 3A
 * 11.11, APM Vol. 2 16.11). */
#define MSI_ADDRESS 0xFEE00000u
#define MSI_DEST_SHIFT 12

#define IOMMU_MAX 16
#define IOMMU_RING 256	  /* commands, of 16 bytes; AMD-Vi: events, too */
#define IOMMU_REGS 0x5000 /* bytes of registers that are looked at */

enum iommu_kind { IOMMU_NONE, IOMMU_VTD, IOMMU_AMDVI };

struct iommu_unit {
	u64 regs;	       /* hpa */
	u64 (*ring)[2];	       /* commands */
	u64 (*events)[2];      /* AMD-Vi: what it tells */
	u32 tail;	       /* the next command's place */
	u32 faults, nr_faults; /* VT-d: fault recording registers */
	u64 drain;	       /* VT-d: DW and DR of IOTLB invalidations */
	u64 done; /* it writes 1 here behind what it was told to do */
};

struct iommu_info {
	enum iommu_kind kind; /* IOMMU_NONE: none that could be used */
	u32 nr;
	struct iommu_unit unit[IOMMU_MAX];
	u32 levels;	/* of the tables that they walk */
	u64 limit;	/* bytes of memory that devices can name */
	bool blind;	/* they do not see what is in CPUs' caches only */
	bool np_cached; /* they keep that something is not there */
	bool intr;	/* interrupts are remapped */
	bool eim;	/* VT-d: to x2APIC ids */
	/* What they need in nested tables, in bits that no CPU looks at: of each
	 * entry that may be read, or written; of leaves; the level that a table
	 * has, times this. */
	u64 read, write, leaf, next;
	u64 (*table)[2]; /* VT-d: of buses; AMD-Vi: of devices, two each */
	u64 (*irt)[2];	 /* VT-d: of interrupts, by vector */
};
extern struct iommu_info iommu;

#define DTE_REMAP (2ull << 60) /* of interrupts */
#define DTE_VECTORS 0x000fffffffffffc0ull
#define AMDVI_READ (1ull << 61) /* of tables' entries, and of a DTE */
#define AMDVI_WRITE (1ull << 62)
#define AMDVI_FORCE_COHERENT (1ull << 60)
#define AMDVI_NEXT (1ull << 9)

/* clang-format off */
enum vtd_reg {
	VTD_CAP = 0x08,    VTD_ECAP = 0x10,   VTD_GCMD = 0x18,
	VTD_GSTS = 0x1C,   VTD_RTADDR = 0x20, VTD_FSTS = 0x34,
	VTD_FECTL = 0x38,  VTD_FEDATA = 0x3C, VTD_FEADDR = 0x40,
	VTD_FEUADDR = 0x44, VTD_PMEN = 0x64,  VTD_IQH = 0x80,
	VTD_IQT = 0x88,    VTD_IQA = 0x90,    VTD_IRTA = 0xB8,
};
enum amdvi_reg {
	AMDVI_DEVICES = 0x00,        AMDVI_COMMANDS = 0x08,
	AMDVI_EVENTS = 0x10,         AMDVI_CONTROL = 0x18,
	AMDVI_EXCLUSION = 0x20,      AMDVI_FEATURES = 0x30,
	AMDVI_COMMAND_HEAD = 0x2000, AMDVI_COMMAND_TAIL = 0x2008,
	AMDVI_EVENT_HEAD = 0x2010,   AMDVI_EVENT_TAIL = 0x2018,
	AMDVI_STATUS = 0x2020,
};
enum { /* a device table entry's first and second half, 2.2.2 */
	DTE_V = 1 << 0, DTE_TV = 1 << 1, DTE_MODE_SHIFT = 9,
	DTE_IV = 1 << 0, DTE_256_VECTORS = 8 << 1,
	CONTROL_EVENTS = 1 << 2, /* AMDVI_CONTROL, 3.4.1 */
};
/* clang-format on */

static inline u32 iommu_read32(const struct iommu_unit *u, u32 reg)
{
	return *(volatile u32 *)(u->regs + reg);
}

static inline u64 iommu_read64(const struct iommu_unit *u, u32 reg)
{
	return *(volatile u64 *)(u->regs + reg);
}

static inline void iommu_write32(const struct iommu_unit *u, u32 reg, u32 v)
{
	*(volatile u32 *)(u->regs + reg) = v;
}

static inline void iommu_write64(const struct iommu_unit *u, u32 reg, u64 v)
{
	*(volatile u64 *)(u->regs + reg) = v;
}

/* IOMMUs that do not look into caches see n bytes at p, too. */
static inline void iommu_sync(const void *p, u64 n)
{
	if (!iommu.blind)
		return;
	for (u64 at = (u64)p & ~63ull; at < (u64)p + n; at += 64)
		__asm__ volatile("clflush (%0)" : : "r"(at) : "memory");
	__asm__ volatile("mfence" : : : "memory");
}
