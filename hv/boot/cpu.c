/* SPDX-License-Identifier: BSD-2-Clause */
/* What the CPU can do. */
#include "boot/machine.h"
#include "lib/machine.h"
#include "lib/regs.h"
#include "lib/string.h"
#include "lib/x86.h"

#define XSAVE_MIN 576u	    /* legacy area and header */
#define SIGN_TCG 0x54474354 /* "TCGT" */
#define SIGN_KVM 0x4b4d564b /* "KVMK" */

static bool bit(u32 reg, u32 n) { return reg >> n & 1; }

struct cpu_boot cpu_boot;

static void read_vendor(void)
{
	struct cpuid_regs r = cpuid(0, 0);

	if (r.b == 0x756e6547) /* "Genu" */
		cpu_boot.vendor = CPU_INTEL;
	else if (r.b == 0x68747541 || r.b == 0x6f677948) /* "Auth", "Hygo" */
		cpu_boot.vendor = CPU_AMD;
	else
		cpu_boot.vendor = CPU_OTHER;
}

static void read_brand(void)
{
	char text[49] = { 0 };
	const char *from = text;

	if (cpuid(0x80000000, 0).a < 0x80000004)
		return;
	for (u32 i = 0; i < 3; i++) {
		struct cpuid_regs r = cpuid(0x80000002 + i, 0);

		memcpy(text + 16 * i, &r, 16);
	}
	while (*from == ' ')
		from++;
	memcpy(cpu_boot.brand, from, strlen(from) + 1);
}

static bool read_qemu(void)
{
	u32 sign = bit(cpuid(1, 0).c, 31) ? cpuid(0x40000000, 0).b : 0;

	return sign == SIGN_TCG || sign == SIGN_KVM;
}

static void read_xsave(struct cpu_features *f, bool avx)
{
	u64 offered;
	u32 end = XSAVE_MIN;

	f->xsave_size = XSAVE_MIN;
	if (!f->xsave)
		return;
	f->xcr0_mask = XCR0_X87 | XCR0_SSE;
	offered = cpuid(0xD, 0).a;
	if (avx && (offered & XCR0_AVX)) {
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
	f->cr4 |= (bit(r.b, 0) ? CR4_FSGSBASE : 0) |
		  (bit(r.b, 7) ? CR4_SMEP : 0) | (bit(r.b, 20) ? CR4_SMAP : 0) |
		  (bit(r.c, 2) ? CR4_UMIP : 0);
	if (bit(r.d, 29))
		cpu_boot.arch_capabilities = rdmsr(MSR_ARCH_CAPABILITIES);
}

static void read_extended(struct cpu_features *f)
{
	u32 max = cpuid(0x80000000, 0).a;
	struct cpuid_regs r = cpuid(0x80000001, 0);

	f->nx = bit(r.d, 20);
	f->gb_pages = bit(r.d, 26);
	f->rdtscp = bit(r.d, 27);
	if (max >= 0x80000007)
		cpu_boot.invariant_tsc = bit(cpuid(0x80000007, 0).d, 8);
	f->phys_bits = max >= 0x80000008 ? cpuid(0x80000008, 0).a & 0xFF : 36;
}

void cpu_features_read(void)
{
	struct cpu_features *f = &cpu_feat;
	struct cpuid_regs r = cpuid(1, 0);

	read_vendor();
	read_brand();
	f->x2apic = bit(r.c, 21);
	f->tsc_deadline = bit(r.c, 24);
	f->xsave = bit(r.c, 26);
	f->cr4 = (read_cr4() & CR4_LA57) | (bit(r.d, 13) ? CR4_PGE : 0) |
		 (f->xsave ? CR4_OSXSAVE : 0);
	read_leaf7(f);
	read_extended(f);
	read_xsave(f, bit(r.c, 28));
	f->qemu = read_qemu();
}

u32 cpu_boot_id(void)
{
	if (cpu_feat.x2apic && cpuid(0, 0).a >= 0xB && cpuid(0xB, 0).b)
		return cpuid(0xB, 0).d;
	return cpuid(1, 0).b >> 24;
}
