/* SPDX-License-Identifier: BSD-2-Clause */
/* Bits and MSRs that only guests have, with the manuals' names. */
#pragma once

#include "lib/regs.h"

#define CR4_DE (1ull << 3)

#define RFLAGS_TF (1ull << 8)
#define RFLAGS_DF (1ull << 10)

#define CS_AR_L (1u << 13)
#define CS_AR_D (1u << 14)

#define DR6_BD (1ull << 13)
#define DR6_BS (1ull << 14)
#define DR7_GD (1ull << 13)

#define VEC_DB 1
#define VEC_UD 6
#define VEC_NP 11
#define VEC_SS 12
#define VEC_GP 13
#define VEC_PF 14

#define MSR_TSC 0x10
#define MSR_PLATFORM_ID 0x17
#define MSR_FEATURE_CONTROL 0x3A
#define MSR_TSC_ADJUST 0x3B
#define MSR_UCODE_REV 0x8B
#define MSR_MTRRCAP 0xFE
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_EIP 0x176
#define MSR_MCG_CAP 0x179
#define MSR_MCG_STATUS 0x17A
#define MSR_MISC_ENABLE 0x1A0
#define MSR_MTRR_PHYS0 0x200 /* base and mask of 8 ranges */
#define MSR_MTRR_FIX64K 0x250
#define MSR_MTRR_FIX16K 0x258 /* and 259 */
#define MSR_MTRR_FIX4K 0x268  /* to 26F */
#define MSR_MTRR_DEF_TYPE 0x2FF
#define MSR_X2APIC_END 0x8FF
#define MSR_STAR 0xC0000081
#define MSR_SFMASK 0xC0000084
#define MSR_FS_BASE 0xC0000100
#define MSR_KERNEL_GS_BASE 0xC0000102
#define MSR_TSC_AUX 0xC0000103
#define MSR_HWCR 0xC0010015
