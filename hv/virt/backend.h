/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two backends share inside this room. */
#pragma once

#include "virt/virt.h"

#define EXCEPTIONS (1u << 1 | 1u << 17 | 1u << 18) /* #DB #AC #MC */

/* Per-CPU data, cpu->virt. Private to its CPU. */
struct virt_cpu {
	struct virt_vcpu *loaded; /* VMX: its VMCS is current */
	u64 space_id;		  /* of the vCPU that was here last (IBPB) */
	u32 last_tag, tag_gen;	  /* VPIDs or ASIDs 1..nested_caps.tags */
	u8 flush_all; /* SVM: TLB_CONTROL of the next entry, whoever's */
	u64 msrs[5], tsc_aux; /* that the CPU holds, at first 0: switch.c */
};

static inline struct virt_cpu *virt_cpu(void) { return cpu_this()->virt; }

/* Gives v, which is loaded, a VPID or ASID that holds no translation here. */
void virt_tag_take(struct virt_vcpu *v);
/* Does a write to r void all translations of guest-linear addresses? */
static inline bool virt_voids_tag(enum vreg r)
{
	return r >= VREG_CR0 && r <= VREG_EFER; /* CR0 CR3 CR4 EFER */
}

/* From now on v has debug registers of its own in the CPU while it is live. */
void virt_dr_use(struct virt_vcpu *v);
/* DR7 with a breakpoint on, or a guest's first MOV. */
static inline bool virt_uses_dr(enum vreg r, u64 val)
{
	return r == VREG_DR_FREE || (r == VREG_DR7 && val & 0xff);
}

/* CR2 and the MSRs of SYSCALL are not in the VMCS or VMCB. */
extern bool virt_soft;
/* Registers from virt->soft_first to TSC_AUX; of others, 0 and no effect. */
u64 virt_soft_get(struct virt_vcpu *v, enum vreg r);
void virt_soft_set(struct virt_vcpu *v, enum vreg r, u64 val);

/*
 * Clears what every exit_decode sets. True: the stub has returned after a
 * hypercall (how == VIRT_HOW_HCALL), and x is complete.
 */
bool virt_exit_begin(struct virt_vcpu *v, struct exit *x);
/* Prints the fields that tell why an entry failed, and says so in x. */
void virt_entry_failed(struct virt_vcpu *v, struct exit *x, const char *why);

#define EVENT_VALID (1u << 31) /* INJECT_* in a VMCS or VMCB */

/* What ends the blocking of interrupts by STI or MOV SS. */
static inline bool virt_ends_shadow(enum vreg r, u64 val)
{
	return r == VREG_RIP || r == VREG_INTR_SHADOW ||
	       (r == VREG_RFLAGS && !(val & RFLAGS_IF));
}

/* Software's value of LMA. */
static inline u64 efer_with_lma(u64 efer, u64 cr0)
{
	bool lma = efer & EFER_LME && cr0 & CR0_PG;

	return lma ? efer | EFER_LMA : efer & ~EFER_LMA;
}
