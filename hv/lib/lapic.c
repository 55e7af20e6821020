/* SPDX-License-Identifier: BSD-2-Clause */
/* What takes more than one access to the local APIC. */
#include "lib/lapic.h"

#define BASE_X2APIC (1u << 10)
#define BASE_ENABLE (1u << 11)
#define ICR_SPINS 100000

void lapic_on(void)
{
	u64 base = rdmsr(MSR_APIC_BASE) | BASE_ENABLE;

	wrmsr(MSR_APIC_BASE, base); /* xAPIC first: no other way in */
	if (cpu_feat.x2apic)
		wrmsr(MSR_APIC_BASE, base | BASE_X2APIC);
	lapic_write(APIC_SVR, SVR_ENABLED);
}

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
