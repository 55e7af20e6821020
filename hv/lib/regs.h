/* SPDX-License-Identifier: BSD-2-Clause */
/* Bits of control registers and page-table entries, and MSRs, with the manuals'
 * names. */
#pragma once

/* clang-format off */
enum x86_bits {
	CR0_PE = 1 << 0,    CR0_MP = 1 << 1,      CR0_EM = 1 << 2,
	CR0_TS = 1 << 3,    CR0_ET = 1 << 4,      CR0_NE = 1 << 5,
	CR0_WP = 1 << 16,   CR0_AM = 1 << 18,     CR0_NW = 1 << 29,
	CR0_CD = 1 << 30,   CR0_PG = 1ll << 31,
	CR0_KNOWN = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE |
		    CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG,

	CR4_PSE = 1 << 4,   CR4_PAE = 1 << 5,     CR4_MCE = 1 << 6,
	CR4_PGE = 1 << 7,   CR4_OSFXSR = 1 << 9,  CR4_OSXMMEXCPT = 1 << 10,
	CR4_UMIP = 1 << 11, CR4_LA57 = 1 << 12,   CR4_VMXE = 1 << 13,
	CR4_SMEP = 1 << 20, CR4_OSXSAVE = 1 << 18, CR4_FSGSBASE = 1 << 16,
	CR4_SMAP = 1 << 21,

	EFER_SCE = 1 << 0,  EFER_LME = 1 << 8,    EFER_LMA = 1 << 10,
	EFER_NXE = 1 << 11, EFER_SVME = 1 << 12,  EFER_AIBRSE = 1 << 21,
	EFER_GUEST = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE, /* may be set */

	RFLAGS_IF = 1 << 9, RFLAGS_AC = 1 << 18,

	XCR0_X87 = 1 << 0,  XCR0_SSE = 1 << 1,    XCR0_AVX = 1 << 2,

	/* Page-table entries (Intel SDM 3A 4.5, AMD APM 2 5.3). */
	PTE_P = 1 << 0,     PTE_W = 1 << 1,       PTE_U = 1 << 2,
	PTE_PWT = 1 << 3,   PTE_PCD = 1 << 4,     PTE_A = 1 << 5,
	PTE_D = 1 << 6,     PTE_PS = 1 << 7,      PTE_G = 1 << 8,
	PTE_NX = 1ull << 63, PTE_ADDR = 0x000ffffffffff000,
};

enum x86_msr {
	MSR_APIC_BASE = 0x1B, MSR_ARCH_CAPABILITIES = 0x10A, MSR_PAT = 0x277,
	MSR_TSC_DEADLINE = 0x6E0, MSR_X2APIC = 0x800 /* + register / 16 */,
	MSR_EFER = 0xC0000080, MSR_SPEC_CTRL = 0x48, MSR_PRED_CMD = 0x49,
	MSR_STAR = 0xC0000081, MSR_LSTAR = 0xC0000082, MSR_CSTAR = 0xC0000083,
	MSR_SFMASK = 0xC0000084, MSR_KERNEL_GS = 0xC0000102,
	MSR_TSC_AUX = 0xC0000103,
};

enum x86_vector {
	VEC_DB = 1, VEC_NMI = 2, VEC_BP = 3, VEC_OF = 4, VEC_UD = 6, VEC_DF = 8,
	VEC_NP = 11, VEC_SS = 12, VEC_GP = 13, VEC_PF = 14, VEC_AC = 17, VEC_MC = 18,
};

/* Access rights of a segment as the VMCS has them (SDM Vol. 3C 25.4.1). */
enum x86_access_rights {
	AR_ACCESSED = 1, AR_RW = 2, AR_BUSY = 2, AR_CODE = 8, AR_TYPE = 15,
	AR_S = 16, AR_DPL = 0x60, AR_P = 128, AR_RESERVED = 0xf00,
	AR_LONG = 1 << 13, AR_DB = 1 << 14, AR_G = 1 << 15, AR_UNUSABLE = 1 << 16,
};
/* clang-format on */

#define DR6_RESET 0xffff0ff0ull /* of both: the bits that are always 1 */
#define DR7_RESET 0x400ull
#define DR7_ZERO 0xd000ull /* always 0 */
/* The reset value: WB, WT, UC-, UC, twice (SDM 3A 11.12.4). */
#define PAT_RESET 0x0007040600070406ull
