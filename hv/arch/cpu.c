/* SPDX-License-Identifier: BSD-2-Clause */
/* What the CPU can do, and the registers that are the same on every CPU. */
#include "arch/cpu.h"
#include "arch/idt.h"
#include "arch/regs.h"
#include "arch/x86.h"
#include "lib/string.h"

#define XSAVE_MIN 576u /* legacy area and header */

struct cpu *cpu_table[CPU_MAX];
u32 cpu_count;
struct cpu_features cpu_feat;

static bool bit(u32 reg, u32 n)
{
	return reg >> n & 1;
}

static void read_vendor(struct cpu_features *f)
{
	struct cpuid_regs r = cpuid(0, 0);

	if (r.b == 0x756e6547) /* "Genu" */
		f->vendor = CPU_INTEL;
	else if (r.b == 0x68747541 || r.b == 0x6f677948) /* "Auth", "Hygo" */
		f->vendor = CPU_AMD;
	else
		f->vendor = CPU_OTHER;
}

static void read_brand(struct cpu_features *f)
{
	char *to = f->brand;

	if (cpuid(0x80000000, 0).a < 0x80000004)
		return;
	for (u32 i = 0; i < 3; i++) {
		struct cpuid_regs r = cpuid(0x80000002 + i, 0);

		memcpy(to + 16 * i, &r, 16);
	}
	while (*to == ' ')
		to++;
	memmove(f->brand, to, strlen(to) + 1);
}

static void read_xsave(struct cpu_features *f)
{
	u64 offered;
	u32 end = XSAVE_MIN;

	f->xcr0_mask = XCR0_X87 | XCR0_SSE;
	f->xsave_size = XSAVE_MIN;
	if (!f->xsave)
		return;
	offered = cpuid(0xD, 0).a;
	f->xsaves = bit(cpuid(0xD, 1).a, 3);
	if (f->avx && (offered & XCR0_AVX)) {
		struct cpuid_regs r = cpuid(0xD, 2);

		f->xcr0_mask |= XCR0_AVX;
		end = r.a + r.b;
	}
	if (end > XSAVE_MIN)
		f->xsave_size = end;
}

static void read_leaf7(struct cpu_features *f)
{
	struct cpuid_regs r;

	if (cpuid(0, 0).a < 7)
		return;
	r = cpuid(7, 0);
	f->smep = bit(r.b, 7);
	f->smap = bit(r.b, 20);
	f->umip = bit(r.c, 2);
	if (bit(r.d, 29))
		f->arch_capabilities = rdmsr(MSR_ARCH_CAPABILITIES);
}

static void read_extended(struct cpu_features *f)
{
	u32 max = cpuid(0x80000000, 0).a;
	struct cpuid_regs r = cpuid(0x80000001, 0);

	f->nx = bit(r.d, 20);
	f->gb_pages = bit(r.d, 26);
	f->rdtscp = bit(r.d, 27);
	if (max >= 0x80000007)
		f->invariant_tsc = bit(cpuid(0x80000007, 0).d, 8);
	f->phys_bits = max >= 0x80000008 ? cpuid(0x80000008, 0).a & 0xFF : 36;
}

void cpu_features_init(void)
{
	struct cpu_features *f = &cpu_feat;
	struct cpuid_regs r = cpuid(1, 0);

	read_vendor(f);
	read_brand(f);
	f->pcid = bit(r.c, 17);
	f->x2apic = bit(r.c, 21);
	f->tsc_deadline = bit(r.c, 24);
	f->xsave = bit(r.c, 26);
	f->avx = bit(r.c, 28);
	f->hypervisor = bit(r.c, 31);
	f->pge = bit(r.d, 13);
	f->la57_on = read_cr4() & CR4_LA57;
	read_leaf7(f);
	read_extended(f);
	read_xsave(f);
}

void cpu_tables_init(struct cpu *c)
{
	const struct cpu_features *f = &cpu_feat;
	u64 cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	cr4 |= f->la57_on ? CR4_LA57 : 0;
	cr4 |= f->pge ? CR4_PGE : 0;
	cr4 |= f->xsave ? CR4_OSXSAVE : 0;
	cr4 |= f->smep ? CR4_SMEP : 0;
	cr4 |= f->smap ? CR4_SMAP : 0;
	idt_load(c);
	write_cr0(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
	write_cr4(cr4);
	if (f->xsave)
		xsetbv(0, f->xcr0_mask);
	wrmsr(MSR_PAT, PAT_RESET);
	write_cr3(read_cr3()); /* no translation with the old PAT stays */
}
