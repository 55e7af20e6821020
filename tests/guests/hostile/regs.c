/* SPDX-License-Identifier: BSD-2-Clause */
/* Control registers, XCR0 and model-specific registers. */
#include "hostile.h"
#include "kit/time.h"

#define CR_SET(n)                                                         \
	static void cr##n##_set(uint64_t v)                               \
	{                                                                 \
		__asm__ volatile("movq %0, %%cr" #n ::"r"(v) : "memory"); \
	}
CR_SET(0)
CR_SET(3)
CR_SET(4)
CR_SET(8)

static uint64_t cr0_get(void)
{
	uint64_t v;

	__asm__ volatile("movq %%cr0, %0" : "=r"(v));
	return v;
}

static uint64_t cr4_get(void)
{
	uint64_t v;

	__asm__ volatile("movq %%cr4, %0" : "=r"(v));
	return v;
}

static void busy(uint64_t ms)
{
	uint64_t until = kit_time_ns() + ms * KIT_MS;

	while (kit_time_ns() < until)
		;
}

/* CR8 = 15 holds off the guest's own interrupts, and nobody else's. */
static void cr8(void)
{
	int got = try(cr8_set, 15), bad;

	busy(30);
	if (got == -1)
		cr8_set(0);
	bad = try(cr8_set, 16);
	check((got == -1 || got == VECTOR_UD || got == VECTOR_GP) && bad != -1,
	      "cr8", "15: vector %d, 16: vector %d", got, bad);
	busy(5);
}

static void cr0_bits(void)
{
	uint64_t was = cr0_get();
	int cd, nw, pe, high;

	cd = try(cr0_set, was | 1ull << 30);
	busy(10);
	if (cd == -1)
		cr0_set(was);
	check(cd == -1 || cd == VECTOR_GP, "cr0-cd", "vector %d", cd);
	nw = try(cr0_set, was | 1ull << 29);
	pe = try(cr0_set, was & ~1ull);
	high = try(cr0_set, was | 1ull << 40);
	/* QEMU drops bits 63 to 32 before the intercept looks: then nothing
	 * of them may show */
	if (high == -1 && cr0_get() == was)
		high = VECTOR_GP;
	check(nw == VECTOR_GP && pe == VECTOR_GP && high == VECTOR_GP,
	      "cr0-bad", "NW %d, no PE %d, bit 40 %d", nw, pe, high);
	check(try(cr0_set, was & ~(1ull << 31)) == VECTOR_GP, "cr0-no-pg",
	      "paging was switched off in 64-bit mode");
}

/* VMXE, LA57, SMXE, PKE, CET, PKS, and what does not exist. */
static void cr4_bits(void)
{
	static const uint8_t bits[] = { 12, 13, 14, 15, 19, 22, 23,
					24, 25, 26, 31, 32, 63 };
	uint64_t was = cr4_get();
	unsigned i;
	int got;

	for (i = 0; i < sizeof(bits); i++) {
		got = try(cr4_set, was | 1ull << bits[i]);
		if (got != VECTOR_GP)
			break;
	}
	check(i == sizeof(bits), "cr4-bits", "bit %u was taken",
	      i < sizeof(bits) ? bits[i] : 0);
	check(try(cr4_set, was & ~(1ull << 5)) == VECTOR_GP, "cr4-no-pae",
	      "PAE was switched off in 64-bit mode");
}

/* A CPU refuses reserved bits of CR3. QEMU takes them, and then refuses to
 * enter the guest at its next exit: that ends it, with the fields shown. */
static void cr3_bad(void)
{
	uint64_t was;
	int got;

	__asm__ volatile("movq %%cr3, %0" : "=r"(was));
	got = try(cr3_set, was | 1ull << 60);
	check(got == VECTOR_GP, "cr3-bad", "vector %d", got);
	kit_exit(got == VECTOR_GP ? 0 : 9);
}

/* ---- XSETBV ---- */

static uint32_t xcr;

static void xcr_set(uint64_t v)
{
	__asm__ volatile("xsetbv" ::"c"(xcr), "a"((uint32_t)v),
			 "d"((uint32_t)(v >> 32)));
}

/* PKRU (bit 9) is left out: QEMU 7.2 executes XSETBV in spite of the intercept,
 * and it is no bad value there. */
static void xsetbv(void)
{
	static const uint64_t values[] = { 0,
					   2,
					   4,
					   5,
					   1ull << 18 | 3,
					   1ull << 62 | 1,
					   1ull << 63 | 1,
					   ~0ull,
					   0xe1,
					   0x9 };
	bool osxsave = try(cr4_set, cr4_get() | 1ull << 18) == -1;
	unsigned i, bad = 0;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		bad += try(xcr_set, values[i]) == -1;
	xcr = 1;
	bad += try(xcr_set, 1) == -1;
	xcr = 0xffffffff;
	bad += try(xcr_set, 1) == -1;
	xcr = 0;
	check(!bad, "xsetbv-bad", "%u bad values were taken", bad);
	if (osxsave)
		check(try(xcr_set, 1) == -1 && try(xcr_set, 3) == -1,
		      "xsetbv-good", "1 or 3 was refused");
}

/* ---- MSRs ---- */

static uint32_t msr;
static uint64_t msr_value;

static void msr_read(uint64_t n) { msr_value = msr_get((uint32_t)n); }

static void msr_write(uint64_t v) { msr_set(msr, v); }

/* Not the guest's: each must fault, or take nothing and give nothing. */
static void msrs_unknown(void)
{
	static const uint32_t list[] = {
		0x3a,	    0x79,	0x8b,	    0xc1,	0x17a,
		0x186,	    0x1a0,	0x1d9,	    0x38d,	0x38f,
		0x480,	    0x48b,	0x491,	    0x560,	0x570,
		0x600,	    0x6a0,	0xd90,	    0xda0,	0x1b,
		0x9e,	    0x34,	0x9b,	    0x10b,	0x49,
		0xc0010010, 0xc0010015, 0xc001001f, 0xc0010056, 0xc0010111,
		0xc0010114, 0xc0010117, 0xc0010118, 0xc0010130, 0xc0011020,
		0x2000,	    0x40000000, 0x40000001, 0xbfffffff, 0xc0002000,
		0xdeadbeef, 0xffffffff, 0x4b564d00, 0x12345,
	};
	unsigned i, kept = 0;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		msr = list[i];
		msr_value = 0;
		if (try(msr_write, 0x5a5a5a5a5a5a5a5aull) != -1)
			continue;
		if (try(msr_read, msr) == -1 &&
		    msr_value == 0x5a5a5a5a5a5a5a5aull)
			kept++;
	}
	check(!kept, "msrs-unknown", "%u kept a value", kept);
}

static void efer(void)
{
	uint64_t was = msr_get(0xc0000080);
	int svme, lme, high;

	msr = 0xc0000080;
	svme = try(msr_write, was | 1ull << 12);
	lme = try(msr_write, was & ~(1ull << 8));
	high = try(msr_write, was | 1ull << 40);
	check(svme == VECTOR_GP && lme == VECTOR_GP && high == VECTOR_GP,
	      "efer", "SVME %d, no LME %d, bit 40 %d", svme, lme, high);
	msr_set(0xc0000080, was);
}

/* Values that the CPU refuses, or that a hypervisor must not load later. */
static void msrs_canonical(void)
{
	static const uint32_t list[] = { 0xc0000082, 0xc0000083, 0xc0000102,
					 0xc0000100, 0x175,	 0x176 };
	unsigned i, taken = 0;
	uint64_t was;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		was = msr_get(list[i]);
		msr = list[i];
		if (try(msr_write, 0x8000000000000000ull) == -1)
			taken++;
		kit_sleep_ns(2 * KIT_MS); /* the state leaves the CPU */
		msr_set(list[i], was);
	}
	printf("msrs-canonical: %u of them took a non-canonical value\n",
	       taken);
	check(true, "msrs-canonical", "-");
}

static void pat(void)
{
	int got;

	msr = 0x277;
	got = try(msr_write, 0x0202020202020202ull);
	check(got == VECTOR_GP, "pat-bad", "vector %d", got);
}

/* Every register of the x2APIC, with values that make no sense. */
static void x2apic(void)
{
	unsigned n;
	uint64_t seed = 0x9e3779b97f4a7c15ull;
	int got = -1;

	for (n = 0x800; n < 0x900; n++) {
		if (n == 0x80b || n == 0x80f || n == 0x832 || n == 0x830)
			continue;
		msr = n;
		got = try(msr_read, n);
		if (got == -1 || got == VECTOR_GP)
			got = try(msr_write, rand_next(&seed));
		if (got != -1 && got != VECTOR_GP)
			break;
	}
	check(n == 0x900, "x2apic", "MSR %x: vector %d", n, got);
	msr = 0x808; /* TPR */
	try(msr_write, 0);
	msr = 0x838; /* the timer */
	try(msr_write, 0);
}

/* Debug registers: what is kept is the guest's alone. */
static void dr7_set(uint64_t v) { __asm__ volatile("movq %0, %%dr7" ::"r"(v)); }

static void debug(void)
{
	int got = try(dr7_set, 1ull << 40);

	check(got == VECTOR_GP, "dr7-high", "vector %d", got);
	__asm__ volatile("movq %0, %%dr0" ::"r"(0xfee00000ull));
	got = try(dr7_set, 0x700);
	check(got == -1, "dr7-none", "vector %d", got);
	dr7_set(0x400);
}

const struct hostile reg_tests[] = {
	{ "cr8", cr8, false },
	{ "cr0", cr0_bits, false },
	{ "cr4", cr4_bits, false },
	{ "cr3-bad", cr3_bad, true }, /* or refused */
	{ "xsetbv", xsetbv, false },
	{ "msrs-unknown", msrs_unknown, false },
	{ "efer", efer, false },
	{ "msrs-canonical", msrs_canonical, false },
	{ "pat", pat, false },
	{ "debug", debug, false },
	{ "x2apic", x2apic, false },
	{ NULL, NULL, false },
};
