/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPU that guests see: allow-lists over what the machine has. */
#include "boot/machine.h"
#include "lib/machine.h"
#include "lib/regs.h"
#include "lib/x86.h"
#include "pvabi/calls.h"

#define LEAF_MAX 0x16
#define EXT_BASE 0x80000000u
#define EXT_MAX 0x80000008u

#define ANY GUEST_LEAF_ANY

#define B(n) (1u << (n))

/* SSE3 PCLMUL SSSE3 CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES RDRAND */
#define L1_C                                                                  \
	(B(0) | B(1) | B(9) | B(13) | B(19) | B(20) | B(22) | B(23) | B(25) | \
	 B(30))
#define L1_C_AVX (B(12) | B(28) | B(29)) /* FMA AVX F16C */
#define L1_C_XSAVE B(26)
#define L1_C_HYPERVISOR B(31)
/* FPU VME DE PSE TSC MSR PAE CX8 SEP MTRR PGE CMOV PAT PSE36 CLFSH MMX FXSR
 * SSE SSE2 SS */
#define L1_D 0x0f8bf17fu
/* FSGSBASE BMI1 SMEP BMI2 ERMS RDSEED ADX SMAP CLFLUSHOPT CLWB SHA */
#define L7_B                                                                \
	(B(0) | B(3) | B(7) | B(8) | B(9) | B(18) | B(19) | B(20) | B(23) | \
	 B(24) | B(29))
#define L7_B_TSC_ADJUST B(1) /* ours */
#define L7_B_AVX B(5)	     /* AVX2 */
#define L7_C_UMIP B(2)
#define L7_C_AVX (B(8) | B(9) | B(10)) /* GFNI VAES VPCLMULQDQ */
#define L7_D B(4)		       /* FSRM */
#define XSAVE_1 (B(0) | B(1) | B(2))   /* XSAVEOPT XSAVEC XGETBV1 */
#define XSAVEC B(1)
/* Of leaf 0xB, in ECX. */
#define LEVEL_THREAD (1u << 8)
#define LEVEL_CORE (2u << 8)
/* LAHF CmpLegacy AltMovCr8 ABM SSE4A MisAlignSse 3DNowPrefetch */
#define E1_C (B(0) | B(1) | B(4) | B(5) | B(6) | B(7) | B(8))
/* SYSCALL NX 1G RDTSCP LM */
#define E1_D (B(11) | B(20) | B(26) | B(27) | B(29))
#define E1_D_AMD 0x0183f17fu /* again what leaf 1 says */
#define E7_INVARIANT_TSC B(8)

static struct cpuid_regs *add(u32 leaf, u32 sub)
{
	struct guest_leaf *l = &guest_cpu.leaf[guest_cpu.nr_leaves++];

	l->leaf = leaf;
	l->sub = sub;
	if (cpuid(leaf & EXT_BASE, 0).a >= leaf)
		l->regs = cpuid(leaf, sub == GUEST_LEAF_ANY ? 0 : sub);
	return &l->regs;
}

static void basic_leaves(bool avx)
{
	struct cpuid_regs *r = add(0, ANY);

	r->a = LEAF_MAX;
	r = add(1, ANY);
	r->b &= 0xffff; /* ids and counts differ */
	r->c &= L1_C | (avx ? L1_C_AVX : 0);
	r->c |= L1_C_HYPERVISOR | (cpu_feat.xsave ? L1_C_XSAVE : 0);
	r->d &= L1_D;
	r = add(7, 0);
	r->a = 0;
	r->b &= L7_B | (avx ? L7_B_AVX : 0);
	r->b |= L7_B_TSC_ADJUST;
	r->c &= L7_C_UMIP | (avx ? L7_C_AVX : 0);
	r->d &= L7_D;
}

/* EBX of the first two is the size of what is enabled: asked for each time. */
static void xsave_leaves(bool avx)
{
	u64 mask = cpu_feat.xcr0_mask;
	u32 features = cpuid(0xd, 1).a & XSAVE_1;

	if (!cpu_feat.xsave)
		return;
	*add(0xd, 0) = (struct cpuid_regs){ (u32)mask, 1, cpu_feat.xsave_size,
					    (u32)(mask >> 32) };
	*add(0xd, 1) = (struct cpuid_regs){ .a = features,
					    .b = features & XSAVEC ? 1 : 0 };
	if (avx)
		add(0xd, 2);
}

/* Two levels: one thread in a core, all cores in one package (SDM Vol. 2). */
static void topology_leaves(void)
{
	*add(0xb, 0) = (struct cpuid_regs){ .b = 1, .c = LEVEL_THREAD };
	*add(0xb, 1) = (struct cpuid_regs){ .a = 6, /* PV_VCPUS_MAX is 1 << 6 */
					    .c = LEVEL_CORE };
}

static void parley_leaves(void)
{
	*add(PV_CPUID_BASE, ANY) =
		(struct cpuid_regs){ PV_CPUID_MAX, PV_CPUID_SIG_B,
				     PV_CPUID_SIG_C, PV_CPUID_SIG_D };
	*add(PV_CPUID_VERSION, ANY) =
		(struct cpuid_regs){ .a = PV_ABI_VERSION, .c = PV_CALL_COUNT };
	*add(PV_CPUID_TIME, ANY) = (struct cpuid_regs){ .a = (u32)tsc_khz };
}

/* 0x15: the crystal is the TSC itself, and so is the APIC timer's clock. */
static void time_leaves(void)
{
	u64 hz = tsc_khz * 1000;
	u32 mhz = (u32)(tsc_khz / 1000);

	*add(0x15, ANY) = (struct cpuid_regs){ 0 };
	if (!(hz >> 32))
		guest_cpu.leaf[guest_cpu.nr_leaves - 1].regs =
			(struct cpuid_regs){ 1, 1, (u32)hz, 0 };
	*add(0x16, ANY) = (struct cpuid_regs){ mhz, mhz, 0, 0 };
}

static void extended_leaves(void)
{
	struct cpuid_regs *r = add(EXT_BASE, ANY);

	r->a = EXT_MAX;
	r = add(EXT_BASE + 1, ANY);
	r->c &= E1_C;
	r->d &= E1_D | (cpu_boot.vendor == CPU_AMD ? E1_D_AMD : 0);
	for (u32 i = 2; i <= 6; i++)
		add(EXT_BASE + i, ANY);
	*add(EXT_BASE + 7, ANY) = (struct cpuid_regs){
		.d = cpu_boot.invariant_tsc ? E7_INVARIANT_TSC : 0
	};
	/* no five-level paging: 48 bits of linear address */
	*add(EXT_BASE + 8, ANY) =
		(struct cpuid_regs){ .a = cpu_feat.phys_bits | 48 << 8 };
}

void guest_cpu_choose(void)
{
	bool avx = cpu_feat.xcr0_mask & XCR0_AVX;

	basic_leaves(avx);
	time_leaves();
	extended_leaves();
	xsave_leaves(avx);
	topology_leaves();
	parley_leaves();
	/* VME PVI TSD DE */
	guest_cpu.cr4 = 0xf | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE |
			CR4_OSFXSR | CR4_OSXMMEXCPT |
			(cpu_feat.cr4 & (CR4_UMIP | CR4_FSGSBASE | CR4_OSXSAVE |
					 CR4_SMEP | CR4_SMAP));
}
