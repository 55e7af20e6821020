/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC, by MSRs (x2APIC) or by its page (Intel SDM 3A, chapter 10). */
#include "arch/cpu.h"
#include "arch/irq.h"
#include "lib/machine.h"

/* clang-format off */
enum {
	APIC_TPR = 0x80,        APIC_EOI = 0xB0,        APIC_SVR = 0xF0,
	APIC_ICR = 0x300,       APIC_ICR_HIGH = 0x310,  APIC_LVT_TIMER = 0x320,
	APIC_LVT_LINT0 = 0x350, APIC_LVT_LINT1 = 0x360, APIC_LVT_ERROR = 0x370,
	APIC_TIMER_INIT = 0x380, APIC_TIMER_DIVIDE = 0x3E0,

	BASE_X2APIC = 1 << 10,  BASE_ENABLE = 1 << 11,  SVR_ENABLE = 0x100,
	LVT_NMI = 0x400,        LVT_MASKED = 0x10000,   LVT_DEADLINE = 0x40000,
	ICR_NMI = 0x400,        ICR_PENDING = 0x1000,   ICR_ASSERT = 0x4000,
	ICR_OTHERS = 0xC0000,   DIVIDE_BY_1 = 0xB,
};
/* clang-format on */
#define WAIT_MAX (1ull << 40) /* its product with any rate in kHz fits */

static volatile u32 *page; /* NULL: x2APIC */

static void reg_write(u32 reg, u32 v)
{
	if (page)
		page[reg / 4] = v;
	else
		wrmsr(MSR_X2APIC + reg / 16, v);
}

static void icr_write(u32 dest, u32 v)
{
	if (!page) {
		mb(); /* WRMSR of x2APIC does not wait for earlier stores */
		wrmsr(MSR_X2APIC + APIC_ICR / 16, (u64)dest << 32 | v);
		return;
	}
	for (u32 i = 0; i < 100000 && (page[APIC_ICR / 4] & ICR_PENDING); i++)
		cpu_relax();
	page[APIC_ICR_HIGH / 4] = dest << 24;
	page[APIC_ICR / 4] = v;
}

void lapic_init(void)
{
	const u32 start[][2] = {
		{ APIC_SVR, SVR_ENABLE | VEC_SPURIOUS },
		{ APIC_TPR, 0 },
		{ APIC_LVT_LINT0, LVT_MASKED },
		{ APIC_LVT_LINT1, LVT_NMI },
		{ APIC_LVT_ERROR, LVT_MASKED },
		{ APIC_TIMER_DIVIDE, DIVIDE_BY_1 },
		{ APIC_TIMER_INIT, 0 },
		{ APIC_LVT_TIMER,
		  VEC_TIMER | (cpu_feat.tsc_deadline ? LVT_DEADLINE : 0) },
	};
	u64 base = rdmsr(MSR_APIC_BASE) | BASE_ENABLE;

	wrmsr(MSR_APIC_BASE, base); /* xAPIC first: no other way in */
	if (cpu_feat.x2apic)
		wrmsr(MSR_APIC_BASE, base | BASE_X2APIC);
	else
		page = (volatile u32 *)acpi.lapic_addr;
	for (u32 i = 0; i < array_size(start); i++)
		reg_write(start[i][0], start[i][1]);
	mb(); /* the mode before any write of the deadline (SDM 10.5.4.1) */
	for (u32 i = 0; i < 8; i++)
		lapic_eoi(); /* what the firmware left in service */
}

void lapic_eoi(void)
{
	reg_write(APIC_EOI, 0);
}

void lapic_ipi(u32 apic_id, u32 vector)
{
	icr_write(apic_id, vector | ICR_ASSERT);
}

void lapic_nmi_others(void)
{
	icr_write(0, ICR_NMI | ICR_ASSERT | ICR_OTHERS);
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
		reg_write(APIC_TIMER_INIT,
			  tsc != ~0ull ? counts_until(tsc) : 0);
}
