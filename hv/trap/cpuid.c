/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID: an allow-list over what the machine has, read once. */
#include "arch/tsc.h"
#include "arch/x86.h"
#include "pvabi/calls.h"
#include "trap/emul.h"

#define LEAF_MAX 0x16
#define EXT_BASE 0x80000000u
#define EXT_MAX 0x80000008u

#define B(n) (1u << (n))

/* SSE3 PCLMUL SSSE3 CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES RDRAND */
#define L1_C (B(0) | B(1) | B(9) | B(13) | B(19) | B(20) | B(22) | B(23) | \
	      B(25) | B(30))
#define L1_C_AVX (B(12) | B(28) | B(29)) /* FMA AVX F16C */
#define L1_C_XSAVE B(26)
#define L1_C_OSXSAVE B(27)
#define L1_C_APIC (B(21) | B(24)) /* x2APIC, TSC deadline: ours */
#define L1_C_HYPERVISOR B(31)
/* FPU VME DE PSE TSC MSR PAE CX8 SEP MTRR PGE CMOV PAT PSE36 CLFSH MMX FXSR
 * SSE SSE2 SS */
#define L1_D 0x0f8bf17fu
#define L1_D_APIC B(9)
#define L1_D_HTT B(28)
/* FSGSBASE BMI1 SMEP BMI2 ERMS RDSEED ADX SMAP CLFLUSHOPT CLWB SHA */
#define L7_B (B(0) | B(3) | B(7) | B(8) | B(9) | B(18) | B(19) | B(20) | \
	      B(23) | B(24) | B(29))
#define L7_B_TSC_ADJUST B(1)
#define L7_B_AVX B(5)	 /* AVX2 */
#define L7_C_UMIP B(2)
#define L7_C_AVX (B(8) | B(9) | B(10)) /* GFNI VAES VPCLMULQDQ */
#define L7_D B(4)	 /* FSRM */
#define XSAVE_1 (B(0) | B(1) | B(2)) /* XSAVEOPT XSAVEC XGETBV1 */
/* LAHF CmpLegacy AltMovCr8 ABM SSE4A MisAlignSse 3DNowPrefetch */
#define E1_C (B(0) | B(1) | B(4) | B(5) | B(6) | B(7) | B(8))
#define E1_D (B(11) | B(20) | B(26) | B(27) | B(29)) /* SYSCALL NX 1G RDTSCP LM */
#define E1_D_AMD 0x0183f17fu /* again what leaf 1 says */
#define E7_INVARIANT_TSC B(8)

static struct cpuid_regs leaf0, leaf1, leaf7, ext[9], xsave_avx;
static u32 xsave_1;

static void host_leaf(struct cpuid_regs *to, u32 leaf, u32 sub)
{
	u32 base = leaf & EXT_BASE;

	*to = (struct cpuid_regs){ 0 };
	if (cpuid(base, 0).a >= leaf)
		*to = cpuid(leaf, sub);
}

static void init_features(void)
{
	bool avx = cpu_feat.xcr0_mask & XCR0_AVX;

	leaf1.c = (leaf1.c & (L1_C | (avx ? L1_C_AVX : 0))) |
		  L1_C_HYPERVISOR | (cpu_feat.xsave ? L1_C_XSAVE : 0);
	leaf1.d &= L1_D;
	leaf7.a = 0;
	leaf7.b = (leaf7.b & (L7_B | (avx ? L7_B_AVX : 0))) | L7_B_TSC_ADJUST;
	leaf7.c &= L7_C_UMIP | (avx ? L7_C_AVX : 0);
	leaf7.d &= L7_D;
	ext[1].c &= E1_C;
	ext[1].d &= E1_D | (cpu_feat.vendor == CPU_AMD ? E1_D_AMD : 0);
}

void trap_cpuid_init(void)
{
	host_leaf(&leaf0, 0, 0);
	host_leaf(&leaf1, 1, 0);
	host_leaf(&leaf7, 7, 0);
	for (u32 i = 0; i < array_size(ext); i++)
		host_leaf(&ext[i], EXT_BASE + i, 0);
	init_features();
	leaf0.a = LEAF_MAX;
	ext[0].a = EXT_MAX;
	ext[7] = (struct cpuid_regs){
		.d = cpu_feat.invariant_tsc ? E7_INVARIANT_TSC : 0
	};
	/* no five-level paging: 48 bits of linear address */
	ext[8] = (struct cpuid_regs){ .a = cpu_feat.phys_bits | 48 << 8 };
	if (cpu_feat.xsave) {
		host_leaf(&xsave_avx, 0xd, 2);
		xsave_1 = cpuid(0xd, 1).a & XSAVE_1;
	}
}

static struct cpuid_regs features(struct vcpu *v)
{
	struct cpuid_regs r = leaf1;

	r.b = (r.b & 0xffff) | v->part->nr_vcpus << 16 | v->id << 24;
	if (v->apic) {
		r.c |= L1_C_APIC;
		r.d |= L1_D_APIC;
	}
	if (v->part->nr_vcpus > 1)
		r.d |= L1_D_HTT;
	if (cpu_feat.xsave && reg_get(v, VREG_CR4) & CR4_OSXSAVE)
		r.c |= L1_C_OSXSAVE;
	return r;
}

/* Two levels: one thread in a core, all cores in one package (SDM Vol. 2). */
static struct cpuid_regs topology(const struct vcpu *v, u32 sub)
{
	struct cpuid_regs r = { .c = sub, .d = v->id };

	if (sub == 0) {
		r.b = 1;
		r.c |= 1 << 8;
	} else if (sub == 1) {
		r.a = 6; /* PV_VCPUS_MAX is 1 << 6 */
		r.b = v->part->nr_vcpus;
		r.c |= 2 << 8;
	}
	return r;
}

/* The size of the enabled state follows XCR0, which is the guest's now. */
static struct cpuid_regs xsave(u32 sub)
{
	struct cpuid_regs r = { 0 };

	if (!cpu_feat.xsave)
		return r;
	if (sub == 0) {
		r.a = (u32)cpu_feat.xcr0_mask;
		r.b = cpuid(0xd, 0).b;
		r.c = cpu_feat.xsave_size;
		r.d = (u32)(cpu_feat.xcr0_mask >> 32);
	} else if (sub == 1) {
		r.a = xsave_1;
		r.b = xsave_1 & B(1) ? cpuid(0xd, 1).b : 0;
	} else if (sub == 2 && cpu_feat.xcr0_mask & XCR0_AVX) {
		r = xsave_avx;
	}
	return r;
}

static struct cpuid_regs parley(const struct vcpu *v, u32 leaf)
{
	switch (leaf) {
	case PV_CPUID_BASE:
		return (struct cpuid_regs){ PV_CPUID_MAX, PV_CPUID_SIG_B,
					    PV_CPUID_SIG_C, PV_CPUID_SIG_D };
	case PV_CPUID_VERSION:
		return (struct cpuid_regs){ PV_ABI_VERSION, 0, PV_CALL_COUNT,
					    0 };
	case PV_CPUID_SELF:
		return (struct cpuid_regs){ v->part->id, v->id,
					    v->part->nr_vcpus,
					    v->part->profile };
	case PV_CPUID_TIME:
		return (struct cpuid_regs){ (u32)tsc_khz,
					    v->apic ? (u32)tsc_khz : 0, 0, 0 };
	}
	return (struct cpuid_regs){ 0 };
}

/* 0x15: the crystal is the TSC itself, and so is the APIC timer's clock. */
static struct cpuid_regs frequency(u32 leaf)
{
	u64 hz = tsc_khz * 1000;

	if (leaf == 0x16)
		return (struct cpuid_regs){ (u32)(tsc_khz / 1000),
					    (u32)(tsc_khz / 1000), 0, 0 };
	if (hz >> 32)
		return (struct cpuid_regs){ 0 };
	return (struct cpuid_regs){ 1, 1, (u32)hz, 0 };
}

static struct cpuid_regs leaf_of(struct vcpu *v, u32 leaf, u32 sub)
{
	switch (leaf) {
	case 0:
		return leaf0;
	case 1:
		return features(v);
	case 7:
		return sub ? (struct cpuid_regs){ 0 } : leaf7;
	case 0xb:
		return topology(v, sub);
	case 0xd:
		return xsave(sub);
	case 0x15:
	case 0x16:
		return frequency(leaf);
	}
	if (leaf >= EXT_BASE && leaf <= EXT_MAX)
		return ext[leaf - EXT_BASE];
	return parley(v, leaf);
}

void trap_cpuid(struct vcpu *v, struct exit *x)
{
	u64 *gpr = v->hw.gpr;
	struct cpuid_regs r;
	struct insn i;

	/* first, as decoding may fault and nothing may have changed */
	if (!trap_length(v, x, &i))
		return;
	r = leaf_of(v, (u32)gpr[R_AX], (u32)gpr[R_CX]);
	gpr[R_AX] = r.a;
	gpr[R_BX] = r.b;
	gpr[R_CX] = r.c;
	gpr[R_DX] = r.d;
	trap_advance(v, i.len);
}
