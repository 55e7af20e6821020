/* SPDX-License-Identifier: BSD-2-Clause */
/* What takes more than one access to the local APIC. */
#include "lib/lapic.h"

#define ICR_SPINS 100000

void lapic_command(u32 apic_id, u32 command)
{
	if (cpu_feat.x2apic) {
		mb(); /* WRMSR of x2APIC does not wait for earlier stores */
		wrmsr(MSR_X2APIC + APIC_ICR / 16, (u64)apic_id << 32 | command);
		return;
	}
	for (u32 i = 0; i < ICR_SPINS && lapic_read(APIC_ICR) & ICR_PENDING;
	     i++)
		cpu_relax();
	lapic_write(APIC_ICR_HIGH, apic_id << 24);
	lapic_write(APIC_ICR, command);
}
