/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts between CPUs, and the timer, by the local APIC. */
#include "lib/cpu.h"
#include "arch/irq.h"

#define WAIT_MAX (1ull << 40) /* its product with any rate in kHz fits */

void lapic_ipi(u32 apic_id, u32 vector)
{
	lapic_command(apic_id, vector | ICR_ASSERT);
}

void lapic_nmi_others(void)
{
	lapic_command(0, ICR_NMI | ICR_ASSERT | ICR_OTHERS);
}

static u32 counts_until(u64 tsc)
{
	u64 now = rdtsc(), wait = tsc > now ? tsc - now : 0, n;

	if (wait > WAIT_MAX)
		wait = WAIT_MAX;
	n = wait * lapic_khz / tsc_khz + 1;
	return n > 0xFFFFFFFF ? 0xFFFFFFFF : (u32)n;
}

void lapic_timer_arm(u64 tsc)
{
	struct cpu *c = cpu_this();

	if (c->timer_at == tsc)
		return;
	c->timer_at = tsc;
	if (cpu_feat.tsc_deadline)
		wrmsr(MSR_TSC_DEADLINE, tsc);
	else
		lapic_write(APIC_TIMER_INIT,
			    tsc != ~0ull ? counts_until(tsc) : 0);
}
