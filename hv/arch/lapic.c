/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC, by MSRs (x2APIC) or by its page (Intel SDM 3A, chapter 10). */
#include "arch/cpu.h"
#include "arch/irq.h"
#include "lib/x86.h"

#define APIC_TPR 0x80
#define APIC_EOI 0xB0
#define APIC_SVR 0xF0
#define APIC_ICR 0x300
#define APIC_ICR_HIGH 0x310
#define APIC_LVT_TIMER 0x320
#define APIC_LVT_LINT0 0x350
#define APIC_LVT_LINT1 0x360
#define APIC_LVT_ERROR 0x370
#define APIC_TIMER_INIT 0x380
#define APIC_TIMER_DIVIDE 0x3E0

#define SVR_ENABLE 0x100
#define LVT_MASKED 0x10000
#define LVT_NMI 0x400
#define LVT_DEADLINE 0x40000
#define DIVIDE_BY_1 0xB
#define ICR_NMI 0x400
#define ICR_INIT 0x500
#define ICR_SIPI 0x600
#define ICR_PENDING 0x1000
#define ICR_ASSERT 0x4000
#define ICR_OTHERS 0xC0000
#define BASE_X2APIC (1u << 10)
#define BASE_ENABLE (1u << 11)
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
	u64 base = rdmsr(MSR_APIC_BASE) | BASE_ENABLE;

	wrmsr(MSR_APIC_BASE, base); /* xAPIC first: no other way in */
	if (cpu_feat.x2apic)
		wrmsr(MSR_APIC_BASE, base | BASE_X2APIC);
	else
		page = (volatile u32 *)acpi.lapic_addr;
	reg_write(APIC_SVR, SVR_ENABLE | VEC_SPURIOUS);
	reg_write(APIC_TPR, 0);
	reg_write(APIC_LVT_LINT0, LVT_MASKED);
	reg_write(APIC_LVT_LINT1, LVT_NMI);
	reg_write(APIC_LVT_ERROR, LVT_MASKED);
	reg_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
	reg_write(APIC_TIMER_INIT, 0);
	reg_write(APIC_LVT_TIMER,
		  VEC_TIMER | (cpu_feat.tsc_deadline ? LVT_DEADLINE : 0));
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

void lapic_init_others(void)
{
	icr_write(0, ICR_INIT | ICR_ASSERT | ICR_OTHERS);
}

void lapic_startup(u32 apic_id, u32 start)
{
	icr_write(apic_id, ICR_SIPI | ICR_ASSERT | start);
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
	if (cpu_feat.tsc_deadline)
		wrmsr(MSR_TSC_DEADLINE, tsc);
	else
		reg_write(APIC_TIMER_INIT, tsc ? counts_until(tsc) : 0);
}
