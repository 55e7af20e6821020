/* SPDX-License-Identifier: BSD-2-Clause */
/* The rates of the TSC and of the local APIC's counter. */
#include "boot/acpi.h"
#include "boot/machine.h"
#include "lib/lapic.h"

#define PM_TIMER_HZ 3579545u
#define PIT_HZ 1193182u
#define PIT_CH2 0x42
#define PIT_MODE 0x43
#define PIT_GATE 0x61
#define WINDOW_US 2000u
#define TRIES 5

/* A moment on three clocks. */
struct sample {
	u64 tsc;
	u32 ref, apic;
};

static u32 ref_mask, ref_hz;

/* cpu_take() sets all of it anew. */
static void apic_count_start(void)
{
	lapic_write(APIC_LVT_TIMER, LVT_MASKED);
	lapic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
	lapic_write(APIC_TIMER_INIT, 0xFFFFFFFF);
}

static u32 ref_read(void)
{
	u32 lo;

	if (acpi_boot.pm_timer)
		return inl(acpi_boot.pm_timer);
	outb(PIT_MODE, 0x80); /* latch channel 2 */
	lo = inb(PIT_CH2);
	return ~(lo | (u32)inb(PIT_CH2) << 8); /* it counts down */
}

/* The PM timer (some have 24 bits), else PIT channel 2 running freely. */
static void ref_start(void)
{
	ref_mask = 0xFFFFFF;
	ref_hz = PM_TIMER_HZ;
	if (acpi_boot.pm_timer)
		return;
	ref_mask = 0xFFFF;
	ref_hz = PIT_HZ;
	outb(PIT_GATE, (u8)((inb(PIT_GATE) & ~2) | 1));
	outb(PIT_MODE, 0xB4); /* channel 2, both bytes, rate generator */
	outb(PIT_CH2, 0);
	outb(PIT_CH2, 0);
}

/* The try that took least time: a host may have stopped us in the others. */
static struct sample sample(void)
{
	struct sample best = { 0 };
	u64 shortest = ~0ull;

	for (u32 i = 0; i < TRIES; i++) {
		u64 before = rdtsc();
		u32 ref = ref_read(), apic = lapic_read(APIC_TIMER_COUNT);
		u64 after = rdtsc();

		if (after - before < shortest) {
			shortest = after - before;
			best = (struct sample){ before + shortest / 2, ref,
						apic };
		}
	}
	return best;
}

/* kHz of the TSC that CPUID states, 0 if it does not (SDM 2A, CPUID). */
static u64 khz_by_cpuid(void)
{
	u32 max = cpuid(0, 0).a;
	struct cpuid_regs r;

	if (cpu_boot.vendor != CPU_INTEL || max < 0x15)
		return 0;
	r = cpuid(0x15, 0);
	if (!r.a || !r.b)
		return 0;
	if (r.c)
		return (u64)r.c * r.b / r.a / 1000;
	if (max >= 0x16) /* the crystal's rate is not stated: base frequency */
		return (cpuid(0x16, 0).a & 0xFFFF) * 1000ull;
	return 0;
}

/* Ticks of ref in the window are at most 16 bits: no overflow below. */
static void measure(u64 *tsc_rate, u64 *apic_rate)
{
	u32 need = (u32)((u64)ref_hz * WINDOW_US / 1000000), ticks, spins = 0;
	struct sample from, to;

	apic_count_start();
	from = sample();
	do
		ticks = (ref_read() - from.ref) & ref_mask;
	while (ticks < need && ++spins < 10000000);
	to = sample();
	lapic_write(APIC_TIMER_INIT, 0);
	ticks = (to.ref - from.ref) & ref_mask;
	if (!ticks)
		ticks = need;
	*tsc_rate = (to.tsc - from.tsc) * ref_hz / ticks / 1000;
	*apic_rate = (u64)(from.apic - to.apic) * ref_hz / ticks / 1000;
}

void clock_measure(void)
{
	u64 measured, apic;

	tsc_khz = khz_by_cpuid();
	if (tsc_khz && cpu_feat.tsc_deadline)
		return; /* nothing left to measure */
	ref_start();
	measure(&measured, &apic);
	if (!tsc_khz)
		tsc_khz = measured ? measured : 1000000;
	lapic_khz = apic ? apic : 1000;
}
