/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC of the CPU that runs this, by MSRs (x2APIC) where it has them,
 * else by its page (Intel SDM 3A, chapter 10). */
#pragma once

#include "lib/machine.h"

/* clang-format off */
enum {
	APIC_EOI = 0xB0,        APIC_ICR = 0x300,       APIC_ICR_HIGH = 0x310,
	APIC_TIMER_INIT = 0x380,
	VEC_TIMER = 0xF0, /* the timer's vector; arch/irq.h has the others */
	ICR_NMI = 0x400,        ICR_PENDING = 0x1000,   ICR_ASSERT = 0x4000,
	ICR_OTHERS = 0xC0000,
	/* of an I/O APIC's entries */
	RTE_ACTIVE_LOW = 0x2000, RTE_LEVEL = 0x8000,
};
/* clang-format on */

static inline u32 lapic_read(u32 reg)
{
	if (cpu_feat.x2apic)
		return (u32)rdmsr(MSR_X2APIC + reg / 16);
	return *(volatile u32 *)(acpi.lapic_addr + reg);
}

static inline void lapic_write(u32 reg, u32 v)
{
	if (cpu_feat.x2apic)
		wrmsr(MSR_X2APIC + reg / 16, v);
	else
		*(volatile u32 *)(acpi.lapic_addr + reg) = v;
}

/* Sends a command (ICR_* or a vector, with ICR_ASSERT) to the CPU with this
 * id, once the last one is out. */
void lapic_command(u32 apic_id, u32 command);
