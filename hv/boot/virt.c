/* SPDX-License-Identifier: BSD-2-Clause */
/* VMX or SVM: which of them this CPU has, and what Parley needs of SVM (APM
 * Vol. 2, 15.4; Vol. 3, CPUID 8000000A). */
#include "boot/machine.h"
#include "lib/string.h"
#include "lib/x86.h"

/* clang-format off */
enum {
	CPUID_VMX = 1 << 5, /* leaf 1, ECX */
	MSR_VM_CR = 0xC0010114, VM_CR_SVMDIS = 16,
	MSR_VM_HSAVE_PA = 0xC0010117,
	MSR_SYSENTER_CS = 0x174,  MSR_SYSENTER_EIP = 0x176,
	MSR_FS_BASE = 0xC0000100,
	CPUID_HAS_SVM = 1 << 2, /* leaf 80000001, ECX */
	CPUID_EXT = 0x80000000, CPUID_SVM = 0x8000000A, /* its EDX: */
	SVM_NP = 1 << 0, SVM_NRIP = 1 << 3, SVM_DECODE_ASSISTS = 1 << 7,
};
/* clang-format on */

static const char *svm_caps_read(void)
{
	struct cpuid_regs r;

	if (cpuid(CPUID_EXT, 0).a < CPUID_SVM)
		return "this CPU does not describe its SVM (no CPUID leaf "
		       "8000000A)";
	r = cpuid(CPUID_SVM, 0);
	if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
		return "SVM is disabled in firmware (VM_CR.SVMDIS)";
	if (!(r.d & SVM_NP))
		return "this CPU's SVM has no nested paging";
	if (r.b < 2)
		return "this CPU's SVM has no ASID for guests";
	svm_caps = (struct svm_caps){
		.present = true,
		.nrip = r.d & SVM_NRIP,
		.decode_assists = r.d & SVM_DECODE_ASSISTS,
	};
	/* VMRUN walks as deep as the host's CR4.LA57 says */
	nested_caps = (struct nested_caps){
		.levels = cpu_feat.cr4 & CR4_LA57 ? 5 : 4,
		.tags = r.b - 1,
		.gb_pages = cpu_feat.gb_pages,
		.dirty = true,
	};
	return NULL;
}

const char *virt_caps_read(void)
{
	if (cpuid(1, 0).c & CPUID_VMX)
		return vmx_caps_read();
	if (cpuid(CPUID_EXT, 0).a > CPUID_EXT &&
	    cpuid(CPUID_EXT | 1, 0).c & CPUID_HAS_SVM)
		return svm_caps_read();
	return "this CPU has neither VMX nor SVM (firmware may have switched "
	       "it off; in a virtual machine, allow nesting)";
}

/* VMX: a bit each for reads of both ranges, then for writes (SDM Vol. 3C 25.6.9).
 * SVM: pairs (APM Vol. 2 15.11). */
static void msr_allow(u8 *bitmap, u32 msr, bool write)
{
	u32 n = (msr & 0x1fff) + (msr < 0xc0000000 ? 0 : 0x2000);
	u32 bit = svm_caps.present ? 2 * n + write : n + 0x4000 * write;

	bitmap[bit / 8] &= (u8) ~(1u << bit % 8);
}

/* Those that are saved and restored with the vCPU, and checked by the CPU itself.
 * Writes exit where only a switch of vCPUs loads them (virt/switch.c). */
void msrs_allow(u8 *bitmap)
{
	const struct {
		u32 first, last;
		bool write;
	} ranges[] = {
		{ MSR_SYSENTER_CS, MSR_SYSENTER_EIP, true },
		{ MSR_STAR, MSR_SFMASK, svm_caps.present },
		{ MSR_FS_BASE, MSR_KERNEL_GS, true },
		{ MSR_TSC_AUX, MSR_TSC_AUX, false },
	};
	u32 n = array_size(ranges) - !cpu_feat.rdtscp;

	memset(bitmap, 0xff, MSR_BITMAP_PAGES * PAGE_SIZE);
	for (u32 i = 0; i < n; i++)
		for (u32 m = ranges[i].first; m <= ranges[i].last; m++) {
			msr_allow(bitmap, m, false);
			if (ranges[i].write)
				msr_allow(bitmap, m, true);
		}
	msr_bitmap = ptr_hpa(bitmap).v;
}

static const char *svm_on(u64 area, u64 host)
{
	if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
		return "SVM of this CPU is disabled (VM_CR.SVMDIS)";
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, area);
	/* TR, LDTR, FS, GS and the syscall MSRs as the hypervisor has them */
	__asm__ volatile("vmsave %0" : : "a"(host) : "memory");
	return NULL;
}

const char *virt_on(const struct cpu *c)
{
	u64 at = ptr_hpa(c->virt).v;

	for (u32 msr = MSR_STAR; msr <= MSR_SFMASK; msr++)
		wrmsr(msr, 0);
	wrmsr(MSR_KERNEL_GS, 0);
	if (cpu_feat.rdtscp)
		wrmsr(MSR_TSC_AUX, 0);
	return svm_caps.present ?
		       svm_on(at + CPU_VIRT_AREA, at + CPU_HOST_VMCB) :
		       vmx_on(at + CPU_VIRT_AREA);
}
