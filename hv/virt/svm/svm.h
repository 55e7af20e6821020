/* SPDX-License-Identifier: BSD-2-Clause */
/* SVM by the manual: the VMCB (APM Vol. 2, appendix B) and exit codes
 * (appendix C). */
#pragma once

/* Offsets that the stub uses, too. */
#define VMCB_TLB_CONTROL 0x05c
#define VMCB_INT_SHADOW 0x068
#define VMCB_EXITCODE 0x070
#define VMCB_EVENTINJ 0x0a8
#define VMCB_CPL 0x4cb
#define VMCB_RIP 0x578
#define VMCB_RAX 0x5f8
#define SVM_EXIT_VMMCALL 0x81
#define CPU_VIRT 40	  /* in struct cpu */
#define VIRT_FLUSH_ALL 24 /* in struct virt_cpu */

#ifndef __ASSEMBLER__
#include "virt/backend.h"

struct vmcb_seg {
	u16 sel, attr;
	u32 limit;
	u64 base;
};

struct vmcb {
	/* control area; the first words are intercepts, a bit each */
	u16 cr_read, cr_write, dr_read, dr_write;
	u32 exceptions, misc1, misc2, misc3;
	u8 pad1[0x040 - 0x018];
	u64 iopm, msrpm, tsc_offset;
	u32 asid;
	u8 tlb_control, pad2[3];
	u8 v_tpr, v_irq, v_prio, v_masking, v_vector, pad3[3];
	u64 int_shadow, exitcode, info1, info2, exitintinfo, np_enable;
	u8 pad4[0x0a8 - 0x098];
	u64 eventinj, n_cr3;
	u8 pad5[0x0c8 - 0x0b8];
	u64 nrip;
	u8 pad6[0x400 - 0x0d0];
	/* state save area */
	struct vmcb_seg es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 pad7[0x4cb - 0x4a0], cpl, pad8[4];
	u64 efer;
	u8 pad9[0x548 - 0x4d8];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
	u8 pad10[0x5d8 - 0x580];
	u64 rsp;
	u8 pad11[0x5f8 - 0x5e0];
	u64 rax, star, lstar, cstar, sfmask, kernel_gs;
	u64 sysenter_cs, sysenter_esp, sysenter_eip, cr2;
	u8 pad12[0x668 - 0x648];
	u64 pat;
	u8 pad13[0x1000 - 0x670];
};
#define AT(field, at) offsetof(struct vmcb, field) == (at)
_Static_assert(AT(int_shadow, VMCB_INT_SHADOW) && AT(exitcode, VMCB_EXITCODE) &&
		       AT(eventinj, VMCB_EVENTINJ) && AT(nrip, 0x0c8) &&
		       AT(cpl, VMCB_CPL) && AT(efer, 0x4d0) &&
		       AT(rip, VMCB_RIP) && AT(rax, VMCB_RAX) && AT(pat, 0x668),
	       "the VMCB is as in the manual");
#undef AT
static_assert_size(struct vmcb, 4096);
_Static_assert(offsetof(struct vmcb, tlb_control) == VMCB_TLB_CONTROL &&
		       offsetof(struct cpu, virt) == CPU_VIRT &&
		       offsetof(struct virt_cpu, flush_all) == VIRT_FLUSH_ALL,
	       "as the stubs have them");

/* clang-format off */
enum svm_exit {
	/* below: CR reads; from 0x10 on CR writes, 0x30 DR writes */
	SVM_EXIT_DR_READ = 0x20, SVM_EXIT_EXCEPTION = 0x40,
	SVM_EXIT_INTR = 0x60, SVM_EXIT_NMI, SVM_EXIT_SMI, SVM_EXIT_INIT,
	SVM_EXIT_VINTR, SVM_EXIT_CR0_SELECTIVE, SVM_EXIT_IDTR_READ,
	SVM_EXIT_TR_WRITE = 0x6d, SVM_EXIT_RDTSC, SVM_EXIT_RDPMC,
	SVM_EXIT_CPUID = 0x72, SVM_EXIT_RSM,
	SVM_EXIT_INVD = 0x76, SVM_EXIT_PAUSE, SVM_EXIT_HLT, SVM_EXIT_INVLPG,
	SVM_EXIT_INVLPGA, SVM_EXIT_IO, SVM_EXIT_MSR, SVM_EXIT_TASK,
	SVM_EXIT_FERR, SVM_EXIT_SHUTDOWN,
	SVM_EXIT_VMRUN, /* VMMCALL VMLOAD VMSAVE STGI CLGI */
	SVM_EXIT_SKINIT = 0x86, SVM_EXIT_RDTSCP, SVM_EXIT_ICEBP,
	SVM_EXIT_WBINVD, SVM_EXIT_MONITOR, SVM_EXIT_MWAIT,
	SVM_EXIT_MWAIT_ARMED, SVM_EXIT_XSETBV, SVM_EXIT_RDPRU,
	SVM_EXIT_INVLPGB = 0xa0, /* illegal INVLPGB, INVPCID MCOMMIT */
	SVM_EXIT_TLBSYNC = 0xa4,
	SVM_EXIT_NPF = 0x400,
};
/* clang-format on */
#define SVM_EXIT_INVALID (~0u)
/* Exit codes from 0x60 on are the bits of three words in their order. */
#define SVM_BIT(code) (1u << (SVM_EXIT_##code & 31))
#define V_IRQ_ON 1u
#define V_PRIO_IGN_TPR 0x1fu /* highest priority, V_TPR does not matter */

static inline struct vmcb *vmcb_of(struct virt_vcpu *v) { return v->ctl; }

void svm_exit_decode(struct virt_vcpu *v, struct exit *x);
u64 svm_reg_get(struct virt_vcpu *v, enum vreg r);
void svm_reg_set(struct virt_vcpu *v, enum vreg r, u64 val);
/* Injects an interrupt by V_IRQ; false: EVENTINJ is to do that. */
bool svm_virq_inject(struct vmcb *b, u32 event);
/* Takes such a one back that has not been delivered: as in EVENTINJ; 0: none. */
u32 svm_virq_take(struct vmcb *b);
/* svm/stub.S: entries by virt_stub. host: hpa of the host's VMCB. */
extern struct virt_vcpu *(*const svm_enters[])(struct virt_vcpu *v, u64 host);

#endif
