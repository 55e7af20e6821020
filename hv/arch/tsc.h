/* SPDX-License-Identifier: BSD-2-Clause */
/* TSC frequency and conversions. */
#ifndef ARCH_TSC_H
#define ARCH_TSC_H

#include "lib/types.h"

extern u64 tsc_khz; /* set by tsc_init() */

/* From CPUID 0x15/0x16 where given, else measured against the PM timer/PIT;
 * also measures the local APIC timer's rate. Boot CPU, after lapic_init(). */
void tsc_init(void);

static inline u64 tsc_from_us(u64 us)
{
	return us * tsc_khz / 1000;
}

/* Busy-waits. Boot only. */
void delay_us(u64 us);

#endif
