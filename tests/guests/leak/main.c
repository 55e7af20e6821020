/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nothing leaks across a switch. `role=fill` fills registers, vector registers,
 * MSRs and memory with a pattern and holds them for `ms=`; `role=look` runs on
 * the same CPU and looks for it, in what it gets at its start and in what it
 * has after others have run.
 */
#include <string.h>

#include "check.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/smp.h"
#include "kit/time.h"
#include "leak.h"

#define SPINS 2000000ull
#define OWN 0x0123456789abcdefull

/* clang-format off */
enum {
	MSR_STAR = 0xc0000081, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK,
	MSR_FS_BASE = 0xc0000100, MSR_KERNEL_GS = 0xc0000102
};
static const uint32_t msrs[] = {
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK,
	MSR_FS_BASE, MSR_KERNEL_GS /* GS is the kit's */
};
/* clang-format on */

static uint64_t msr_get(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static void msr_set(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)v),
			 "d"((uint32_t)(v >> 32)));
}

static void debug_set(uint64_t v)
{
	__asm__ volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; "
			 "mov %0, %%dr3; mov %0, %%cr2" ::"r"(v));
}

static unsigned debug_found(void)
{
	uint64_t d[5];

	__asm__ volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2"
			 : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]));
	__asm__ volatile("mov %%dr3, %0; mov %%cr2, %1"
			 : "=r"(d[3]), "=r"(d[4]));
	return (d[0] == PATTERN) + (d[1] == PATTERN) + (d[2] == PATTERN) +
	       (d[3] == PATTERN) + (d[4] == PATTERN);
}

static unsigned msrs_found(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++)
		n += msr_get(msrs[i]) == PATTERN;
	return n;
}

/* XSAVE and AVX, where the CPU has them. */
static void avx_on(void)
{
	uint32_t a = 1, b, c = 0, d;
	uint64_t cr4;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (~c & (1u << 26 | 1u << 28))
		return;
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("mov %0, %%cr4" ::"r"(cr4 | 1u << 18));
	__asm__ volatile("xsetbv" ::"a"(7), "d"(0), "c"(0));
	regs_avx = 1;
}

/* Every free page; how many words in them are not 0, or are the pattern. */
static unsigned long pages_scan(bool fill, unsigned long *pattern)
{
	unsigned long bad = 0;
	uint64_t *p;

	for (*pattern = 0; (p = kit_pages_alloc(1));)
		for (unsigned k = 0; k < 512; k++) {
			bad += p[k] != 0;
			*pattern += p[k] == PATTERN;
			if (fill)
				p[k] = PATTERN;
		}
	return bad;
}

static void want_all(uint64_t v)
{
	for (unsigned i = 0; i < sizeof(regs_want) / 8; i++)
		((uint64_t *)&regs_want)[i] = v;
}

static int fill(uint64_t ms)
{
	uint64_t until = kit_time_ns() + ms * KIT_MS;
	unsigned long pattern;

	pages_scan(true, &pattern);
	want_all(PATTERN);
	for (unsigned i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++)
		msr_set(msrs[i], PATTERN);
	debug_set(PATTERN);
	while (kit_time_ns() < until)
		regs_hold(SPINS);
	return 0;
}

/* Words of regs_got that are not those of regs_want; RCX and RSP apart. */
static unsigned changed(unsigned first)
{
	const uint64_t *want = (const void *)&regs_want;
	const uint64_t *got = (const void *)&regs_got;
	unsigned bad = 0;

	for (unsigned i = first; i < sizeof(regs_want) / 8; i++) {
		bool upper = i >= 16 && i < 80 && i % 4 >= 2;

		if (i != 1 && i != 4 && (!upper || regs_avx))
			bad += got[i] != want[i];
	}
	return bad;
}

static void look_start(void)
{
	struct pv_vcpu_start s __attribute__((aligned(8))) = {
		.rip = (uint64_t)(uintptr_t)regs_at_start,
		.cr3 = kit_root(),
	};
	uint64_t status;
	unsigned bad = 0;

	memset(&regs_got, 0xff, sizeof(regs_got));
	status = pv_vcpu_start(1, kit_gpa(&s));
	while (!status && !*(volatile uint32_t *)&regs_started)
		kit_yield();
	for (unsigned i = 0; i < sizeof(regs_got) / 8; i++) {
		/* a new vCPU has AVX off: it cannot store the upper halves */
		bool upper = i >= 16 && i < 80 && i % 4 >= 2;

		bad += i != 4 && !upper && ((uint64_t *)&regs_got)[i] != 0;
	}
	check(!status && !bad, "start-registers", "status %llu, %u words not 0",
	      (unsigned long long)status, bad);
}

/* After a call: what it may clobber holds 0, all else is as it was. */
static void look_call(void)
{
	static const uint8_t cleared[] = { 0, 1, 2, 6, 7, 8, 9, 10, 11 };
	unsigned bad = 0;

	want_all(OWN);
	regs_call();
	for (unsigned i = 0; i < sizeof(cleared); i++)
		bad += regs_got.gpr[cleared[i]] != 0;
	bad += regs_got.gpr[3] != OWN || regs_got.gpr[5] != OWN;
	check(!bad && !changed(12), "call-registers", "%u, %u words", bad,
	      changed(12));
}

static int look(uint64_t ms)
{
	uint64_t until = kit_time_ns() + ms * KIT_MS;
	unsigned bad = 0, msr = 0, debug = 0, rounds = 0;
	unsigned long pattern, dirty;

	if (kit_vcpus() > 1)
		look_start();
	avx_on();
	dirty = pages_scan(false, &pattern);
	check(!dirty, "fresh-memory", "%lu words not 0, %lu the pattern", dirty,
	      pattern);
	look_call();
	do {
		want_all(OWN + rounds);
		regs_hold(SPINS);
		bad += changed(0);
		msr += msrs_found();
		debug += debug_found();
		rounds++;
	} while (kit_time_ns() < until);
	check(!bad, "own-registers", "%u words changed", bad);
	check(!msr, "msrs", "the pattern %u times", msr);
	check(!debug, "debug-registers", "the pattern %u times", debug);
	printf("looked %u times, AVX %s\n", rounds, regs_avx ? "on" : "off");
	return check_summary("leak");
}

int kit_main(const char *cmdline)
{
	uint64_t ms = kit_option_u64("ms", 400);
	char role[8];

	if (kit_option("role", role, sizeof(role)) && !strcmp(role, "look"))
		return look(ms);
	avx_on();
	return fill(ms);
}
