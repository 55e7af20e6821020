/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID, model-specific, control and debug registers. */
#include <string.h>

#include "traps.h"

static void cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "a"(leaf), "c"(sub));
}

/* One build of Bochs computes it wrongly: any other is asked here. */
void test_idiv(void)
{
	static const int64_t t[][2] = {
		{ 7000000000007, 123457 },
		{ -7000000000007, 123457 },
		{ 7000000000007, -12345700001 },
		{ INT64_MIN + 1, -3 },
	};
	static const int64_t want[][2] = {
		{ 56699903, 75336 },
		{ -56699903, -75336 },
		{ -566, 12333799441 },
		{ 3074457345618258602, -1 },
	};
	unsigned i, bad = 0;
	int64_t q, r;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		__asm__ volatile("cqto; idivq %2"
				 : "=&a"(q), "=&d"(r)
				 : "r"(t[i][1]), "0"(t[i][0]));
		bad += q != want[i][0] || r != want[i][1];
	}
	check(!bad, "idiv", "%u of the CPU's 64-bit divisions are wrong", bad);
}

void test_cpuid(void)
{
	uint32_t r[4], q[4];
	char brand[49] = "";
	unsigned i;

	cpuid(PV_CPUID_BASE, 0, r);
	check(r[0] == PV_CPUID_MAX && !memcmp(&r[1], "ParleyParley", 12),
	      "cpuid-signature", "%x %x", r[0], r[1]);
	cpuid(1, 0, r);
	check(r[2] >> 31 && !(r[2] & 8) && !(r[2] >> 5 & 1) &&
		      (r[2] >> 21 & 1) == has_apic(),
	      "cpuid-features", "ecx %x", r[2]);
	__asm__ volatile(".byte 0x66, 0x67, 0x48; cpuid"
			 : "=a"(q[0]), "=b"(q[1]), "=c"(q[2]), "=d"(q[3])
			 : "a"(1), "c"(0));
	check(!memcmp(r, q, sizeof(r)), "cpuid-prefixes", "%x %x", q[0], q[2]);
	cpuid(0xb, 1, r);
	check(r[0] == 6 && r[2] == 0x201 && r[3] == 0, "cpuid-topology",
	      "%x %x %x", r[0], r[2], r[3]);
	cpuid(0xa, 0, r);
	cpuid(0x50000000, 0, q);
	check(!(r[0] | r[1] | r[2] | r[3] | q[0] | q[3]), "cpuid-unknown", "%x",
	      r[0]);
	for (i = 0; i < 3; i++) {
		cpuid(0x80000002 + i, 0, r);
		memcpy(brand + 16 * i, r, 16);
	}
	check(strlen(brand) > 3, "cpuid-brand", "%s", brand);
}

static bool msr_keeps(uint32_t msr, uint64_t v)
{
	uint64_t was = msr_read(msr), now;
	int h;

	msr_write(msr, v);
	h = hit;
	now = msr_read(msr);
	msr_write(msr, was);
	return h == -1 && now == v;
}

static bool msr_refuses(uint32_t msr, uint64_t v)
{
	uint64_t was = msr_read(msr);
	int h;

	msr_write(msr, v);
	h = hit;
	return h == VEC_GP && hit_error == 0 && msr_read(msr) == was;
}

void test_msr(void)
{
	uint64_t efer = msr_read(0xc0000080), a;

	check(efer >> 10 & 1 && efer >> 8 & 1, "msr-efer", "%llx",
	      (unsigned long long)efer);
	check(msr_refuses(0xc0000080, efer & ~0x100ull) &&
		      msr_refuses(0xc0000080, efer | 1ull << 12) &&
		      msr_refuses(0xc0000080, efer | 1ull << 40),
	      "msr-efer-refused", "%d", hit);
	check(msr_keeps(0x277, 0x0007040600070405ull) &&
		      msr_refuses(0x277, 2) && msr_refuses(0x277, 8ull << 56),
	      "msr-pat", "%d", hit);
	check(msr_keeps(0x2ff, 0xc06) &&
		      msr_keeps(0x26f, 0x0606060606060606ull) &&
		      msr_keeps(0x201, 0xfff00800) && msr_refuses(0xfe, 0),
	      "msr-mtrr", "%d", hit);
	check(msr_keeps(0xc0000081, 0x1234567800000000ull) &&
		      msr_keeps(0xc0000082, 0xffff800000001000ull) &&
		      msr_keeps(0xc0000102, 0x1000) && msr_keeps(0x175, 0x5000),
	      "msr-native", "%d", hit);
	msr_read(0x12345678);
	check(hit == VEC_GP, "msr-unknown", "%d", hit);
	a = msr_read(0x3b);
	msr_write(0x3b, a + 1000000000000ull);
	check(hit == -1 && msr_read(0x3b) == a + 1000000000000ull,
	      "msr-tsc-adjust", "%d", hit);
	msr_write(0x3b, a);
}

static uint64_t cr0(void)
{
	uint64_t v;

	__asm__ volatile("movq %%cr0, %0" : "=r"(v));
	return v;
}

#define TS 8ull

void test_cr(void)
{
	uint64_t was = cr0(), v = 0, w;
	uint16_t msw = (uint16_t)was;
	bool ok;

	__asm__ volatile("movq %0, %%cr0" ::"r"(was | TS));
	ok = cr0() == (was | TS);
	__asm__ volatile("clts");
	check(ok && cr0() == was, "cr0-ts", "%llx", (unsigned long long)cr0());
	msw |= TS;
	__asm__ volatile("lmsw %0" ::"m"(msw));
	ok = cr0() == (was | TS);
	__asm__ volatile("smsw %0" : "=m"(msw));
	ok = ok && msw == (uint16_t)(was | TS);
	__asm__ volatile("lmsw %w0" ::"r"(was & 0xfff7));
	__asm__ volatile("smsw %0" : "=r"(v));
	check(ok && cr0() == was && (uint32_t)v == (uint32_t)was, "cr0-msw",
	      "%llx %llx", (unsigned long long)cr0(), (unsigned long long)v);
	__asm__ volatile("movq %%cr4, %0; movq %%cr4, %%r12; xorq $0x80, %%r12;"
			 "movq %%r12, %%cr4; movq %%cr4, %1; movq %0, %%cr4"
			 : "=&r"(v), "=&r"(w)::"r12", "memory");
	check((v ^ w) == 0x80, "cr4-pge", "%llx %llx", (unsigned long long)v,
	      (unsigned long long)w);
	__asm__ volatile("movq %%cr3, %%r13; movq %%r13, %%cr3;"
			 "movq %%cr3, %0; subq %%r13, %0"
			 : "=r"(v)::"r13", "memory");
	check(v == 0, "cr3-same", "%llx", (unsigned long long)v);
	__asm__ volatile("movq %1, %%cr2; movq %%cr2, %0"
			 : "=r"(v)
			 : "r"(0xdeadbeef000ull));
	check(v == 0xdeadbeef000ull, "cr2", "%llx", (unsigned long long)v);
	__asm__ volatile("movq %1, %%cr8; movq %%cr8, %0; movq %2, %%cr8"
			 : "=&r"(v)
			 : "r"(15ull), "r"(0ull));
	check(v == 15, "cr8-keeps", "%llx", (unsigned long long)v);
	/* RSP as the operand: its value is in no array of registers */
	__asm__ volatile("movq %%rsp, %%r12; movq %%cr2, %%rsp;"
			 "movq %%rsp, %0; movq %%r12, %%rsp"
			 : "=r"(v)::"r12", "memory");
	check(v == 0xdeadbeef000ull, "cr2-to-rsp", "%llx",
	      (unsigned long long)v);
}

static volatile uint64_t watched;
static volatile unsigned watch_hits;
static volatile uint64_t watch_dr6;

static void on_watch(struct kit_frame *f)
{
	uint64_t dr6;

	__asm__ volatile("movq %%dr6, %0" : "=r"(dr6));
	watch_hits++;
	watch_dr6 = dr6;
	__asm__ volatile("movq %0, %%dr6" ::"r"(0ull));
}

void test_dr(void)
{
	uint64_t a, b, c;
	uint32_t r[4];
	kit_trap_fn old;

	__asm__ volatile("movq %3, %%dr0; movq %3, %%dr3; movq %%dr0, %0;"
			 "movq %%dr3, %1; movq %4, %%dr6; movq %%dr6, %2"
			 : "=&r"(a), "=&r"(b), "=&r"(c)
			 : "r"(0x123456789abcull), "r"(0ull));
	check(a == 0x123456789abcull && b == a && c == 0xffff0ff0, "dr-keeps",
	      "%llx %llx %llx", (unsigned long long)a, (unsigned long long)b,
	      (unsigned long long)c);
	__asm__ volatile("movq %%dr7, %0" : "=r"(a));
	check(a == 0x400, "dr7-reset", "%llx", (unsigned long long)a);
	INSN("movq %0, %%dr7", , "r"(1ull << 32));
	check(hit == VEC_GP, "dr7-refused", "%d", hit);
	old = kit_trap_set(VEC_DB, on_watch);
	__asm__ volatile("movq %0, %%dr0; movq %1, %%dr7" ::"r"(&watched),
			 "r"(0xd0401ull | 2));
	watched = 1;
	__asm__ volatile("movq %0, %%dr7" ::"r"(0x400ull));
	watched = 2;
	kit_trap_set(VEC_DB, old);
	cpuid(0, 0, r);
	/* QEMU's VMRUN arms no breakpoint of the DR7 that it loads */
	if (kit_profile() == PV_PROFILE_CLASSIC && r[1] != 0x756e6547)
		return;
	if (check_without("dr6", "dr-watch", "the breakpoint's bit in DR6"))
		watch_dr6 |= 1;
	check(watch_hits == 1 && watch_dr6 & 1, "dr-watch", "%u hits, DR6 %llx",
	      watch_hits, (unsigned long long)watch_dr6);
}
