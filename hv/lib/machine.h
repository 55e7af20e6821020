/* SPDX-License-Identifier: BSD-2-Clause */
/* What hv/boot found out about the machine; nobody writes it afterwards. */
#pragma once

#include "lib/x86.h"

#define CPU_MAX 64
#define HV_STACK_SIZE 16384ull /* power of two; stacks are aligned to it */

struct cpu_features {
	bool xsave, x2apic, tsc_deadline, nx, gb_pages, rdtscp;
	u64 cr4;   /* the bits that not every CPU has; LA57: it is in use */
	bool qemu; /* TCG or KVM: there may be isa-debug-exit */
	u8 phys_bits;
	u64 xcr0_mask;	/* XCR0 bits guests may set: x87|SSE|AVX; 0: no XSAVE */
	u32 xsave_size; /* bytes for xcr0_mask, at least 576 */
};
extern struct cpu_features cpu_feat;

/* Mitigations against leaks by speculation, chosen by hv/boot: docs/security.md
 * says for which CPU. 0: all off. The stubs know MIT_VERW and MIT_IBRS. */
/* clang-format off */
enum {
	MIT_IBPB = 1,	/* barrier when another space comes to a CPU */
	MIT_RSB = 2,	/* fill the return stack buffer at each exit */
	MIT_VERW = 4,	/* clear CPU buffers at each entry */
	MIT_L1D = 8,	/* flush the L1 data cache at each entry from C */
	MIT_IBRS = 16,	/* write SPEC_CTRL.IBRS at each exit */
	MIT_IBRS_ALWAYS = 32, /* set it (AMD: EFER.AIBRSE) once for each CPU */
	MIT_SSBD = 64,	/* set SPEC_CTRL.SSBD once for each CPU */
	MIT_NX_LARGE = 128, /* nested tables: executable pages are 4 KiB */
};
/* clang-format on */
extern u32 mitigations;
extern u32 spec_ctrl; /* IA32_SPEC_CTRL, in root mode and in guests */

/* VMX, of a machine on which it is all there (SDM Vol. 3D, appendix A). */
/* clang-format off */
enum vmx_group {
	VMX_PIN, VMX_PROC, VMX_PROC2, VMX_EXIT, VMX_ENTRY, VMX_CONTROLS,
};
/* clang-format on */
struct vmx_caps {
	u32 revision;
	u32 control[2][VMX_CONTROLS]; /* of pv and hvm, and of classic */
	u64 cr0_fixed, cr4_fixed; /* bits that must be 1, but for PE and PG */
	u32 timer_shift;	  /* TSC ticks per timer tick, log2 */
	bool timer;		  /* the preemption timer is used */
};
extern struct vmx_caps vmx_caps;

/* SVM (APM Vol. 3, CPUID 8000000A); not present: there is VMX instead. */
struct svm_caps {
	bool present, nrip, decode_assists;
};
extern struct svm_caps svm_caps;

/* Nested page tables of either. */
struct nested_caps {
	u32 levels; /* 4 or 5 */
	u32 tags;   /* the highest VPID or ASID */
	bool gb_pages;
	bool dirty; /* the CPU marks what it writes to */
};
extern struct nested_caps nested_caps;

/* hpa of the bitmap of the MSRs that guests may touch without an exit: 4 KiB (VMX)
 * or 8 KiB (SVM), all guests'. */
extern u64 msr_bitmap;

#define GUEST_LEAVES 24
#define GUEST_LEAF_ANY ~0u /* whatever the subleaf is */
/* What guests see of the CPU, before what differs between vCPUs. */
struct guest_cpu {
	u32 nr_leaves;
	struct guest_leaf {
		u32 leaf, sub; /* 0xD: EBX != 0: to be asked for */
		struct cpuid_regs regs;
	} leaf[GUEST_LEAVES];
	u64 cr4; /* the bits that may be set */
};
extern struct guest_cpu guest_cpu;

#define GSI_COUNT 64 /* of those that are used */
#define GSI_NONE 0xff

/* From MADT, FADT and \_S5 (ACPI 6.4, 5.2). */
struct acpi_info {
	u64 lapic_addr;
	struct acpi_pin {
		u64 ioapic; /* its address; 0: no such pin */
		u16 bdf;    /* IOMMUs know it by; 0: none is known */
		u32 rte;    /* register of the entry's low half */
	} pins[GSI_COUNT];  /* by GSI */
	struct acpi_line {
		u8 gsi;	 /* GSI_NONE: it has no pin */
		u16 rte; /* how it is wired: bits of the entry's low half */
	} lines[2][GSI_COUNT]; /* PCI's interrupt lines, and ISA's */
	/* Of PM1a and PM1b: port (0: none), and what switches the machine off
	 * (0: unknown). */
	struct {
		u16 port, value;
	} off[2];
};
extern struct acpi_info acpi;

extern u64 tsc_khz;   /* of the TSC */
extern u64 lapic_khz; /* of the local APIC's counter, divided by 1 */

static inline u64 tsc_from_us(u64 us) { return us * tsc_khz / 1000; }
