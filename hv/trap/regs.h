/* SPDX-License-Identifier: BSD-2-Clause */
/* Bits, vectors and MSRs that only guests have, with the manuals' names. */
#pragma once

#include "lib/regs.h"

/* clang-format off */
enum guest_bits {
	CR4_DE = 1 << 3,   RFLAGS_TF = 1 << 8, RFLAGS_DF = 1 << 10,
	DR6_BD = 1 << 13,  DR6_BS = 1 << 14,   DR7_GD = 1 << 13,
};

enum guest_msr {
	MSR_TSC = 0x10,             MSR_PLATFORM_ID = 0x17,
	MSR_FEATURE_CONTROL = 0x3A, MSR_TSC_ADJUST = 0x3B,
	MSR_UCODE_REV = 0x8B,       MSR_MTRRCAP = 0xFE,
	MSR_MCG_CAP = 0x179,        MSR_MCG_STATUS = 0x17A,
	MSR_MISC_ENABLE = 0x1A0,    MSR_MTRR_DEF_TYPE = 0x2FF,
	MSR_MTRR_PHYS0 = 0x200 /* base and mask of 8 ranges */,
	MSR_MTRR_FIX64K = 0x250,    MSR_MTRR_FIX16K = 0x258 /* and 259 */,
	MSR_MTRR_FIX4K = 0x268 /* to 26F */,
	MSR_HWCR = 0xC0010015,
};
/* clang-format on */
