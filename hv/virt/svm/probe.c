/* SPDX-License-Identifier: BSD-2-Clause */
/* What SVM needs of the machine, and switching it on (APM Vol. 2, 15.4). */
#include "virt/svm/svm.h"
#include "lib/x86.h"

#define MSR_VM_CR 0xC0010114
#define VM_CR_SVMDIS 16u
#define MSR_VM_HSAVE_PA 0xC0010117
#define CPUID_SVM 0x8000000A
#define SVM_NP (1u << 0)
#define SVM_NRIP (1u << 3)
#define SVM_DECODE_ASSISTS (1u << 7)

struct svm_caps svm_caps;

const char *svm_probe(void)
{
	struct cpuid_regs r;

	if (cpuid(0x80000000, 0).a < CPUID_SVM)
		return "this CPU does not describe its SVM (no CPUID leaf "
		       "8000000A)";
	r = cpuid(CPUID_SVM, 0);
	if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
		return "SVM is disabled in firmware (VM_CR.SVMDIS)";
	if (!(r.d & SVM_NP))
		return "this CPU's SVM has no nested paging";
	if (r.b < 2)
		return "this CPU's SVM has no ASID for guests";
	/* VMRUN walks as deep as the host's CR4.LA57 says */
	npt_format.levels = cpu_feat.cr4 & CR4_LA57 ? 5 : 4;
	npt_format.gb_pages = cpu_feat.gb_pages;
	svm_caps.asids = r.b;
	svm_caps.nrip = r.d & SVM_NRIP;
	svm_caps.decode_assists = r.d & SVM_DECODE_ASSISTS;
	return NULL;
}

const char *svm_cpu_on(struct cpu *c)
{
	struct virt_cpu *pc = c->virt;

	if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
		return "SVM of this CPU is disabled (VM_CR.SVMDIS)";
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, pc->area[0]);
	/* TR, LDTR, FS, GS and the syscall MSRs as the hypervisor has them */
	__asm__ volatile("vmsave %0" : : "a"(pc->area[1]) : "memory");
	pc->max_tag = svm_caps.asids - 1;
	return NULL;
}
