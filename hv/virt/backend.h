/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two backends share inside this room. */
#pragma once

#include "virt/virt.h"
#include "lib/regs.h"

#define EFER_SVME (1ull << 12)
#define AR_LONG (1u << 13)
#define AR_UNUSABLE (1u << 16)
#define EXCEPTIONS (1u << 1 | 1u << 17 | 1u << 18) /* #DB #AC #MC */
#define VEC_DB 1
#define VEC_MC 18

/* Per-CPU data, cpu->virt. Private to its CPU. */
struct virt_cpu {
	struct virt_vcpu *loaded; /* VMX: whose VMCS is current */
	struct virt_space *space; /* of the vCPU that was here last (IBPB) */
	u32 next_tag, tag_gen, max_tag; /* VPIDs or ASIDs 1..max_tag */
	bool flush_all; /* SVM: the next vCPU that is loaded does, as it enters */
	u64 area[2]; /* hpa of a page each: VMXON region, or HSAVE and host VMCB */
};

static inline struct virt_cpu *virt_cpu(void)
{
	return cpu_this()->virt;
}

/*
 * Gives v a VPID or ASID that holds no translation on this CPU. True: all
 * were used up and a new round began, the caller flushes all of them.
 */
bool virt_tag_new(struct virt_vcpu *v) must_check;
/* Does v need a new tag now that it is loaded here? */
static inline bool virt_tag_stale(const struct virt_vcpu *v)
{
	return v->tag_gen != virt_cpu()->tag_gen ||
	       v->last_cpu != cpu_this()->index;
}

/* Registers from virt->soft_first to TSC_AUX; of others, 0 and no effect. */
u64 virt_soft_get(struct virt_vcpu *v, enum vreg r);
void virt_soft_set(struct virt_vcpu *v, enum vreg r, u64 val);

/* Both backends' state_get, state_set and vcpu_free. */
void virt_state_get(struct virt_vcpu *v, struct vstate *s);
const char *virt_state_set(struct virt_vcpu *v, const struct vstate *s);
void virt_vcpu_free(struct virt_vcpu *v);

/* Gives v its VMCS or VMCB, a zeroed page, and picks v->stub unless the caller
 * has asked for the floor. NULL: no memory. */
void *virt_ctl_alloc(struct virt_vcpu *v);

/*
 * Clears what every exit_decode sets. True: the stub has returned after a
 * hypercall (how == VIRT_HOW_HCALL), and x is complete.
 */
bool virt_exit_begin(struct virt_vcpu *v, struct exit *x);
/* By how much RIP then goes on: not at all if the call is to be resumed. */
static inline u32 virt_call_len(struct virt_vcpu *v)
{
	if (likely(!(load_relaxed(&v->pending) & PEND_RESUME)))
		return VIRT_CALL_LEN;
	__atomic_fetch_and(&v->pending, ~PEND_RESUME, __ATOMIC_RELAXED);
	return 0;
}
/* Prints the fields that tell why an entry failed, and says so in x. */
void virt_entry_failed(struct virt_vcpu *v, struct exit *x, const char *why);

/* An event as the VMCS (SDM Vol. 3C 25.8.3) and the VMCB's low half (APM Vol. 2
 * 15.20) have it. */
#define EVENT_VALID (1u << 31)
#define EVENT_HAS_ERROR (1u << 11)
u32 virt_event_pack(const struct inject *i);
/* It was cut short and is to be delivered again. */
void virt_reinject(struct virt_vcpu *v, u32 event, u32 error, u32 insn_len);

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
