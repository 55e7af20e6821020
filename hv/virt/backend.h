/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two backends share inside this room. */
#ifndef VIRT_BACKEND_H
#define VIRT_BACKEND_H

#include "virt/offsets.h"
#include "virt/virt.h"

/* Per-CPU data, cpu->virt. Private to its CPU. */
struct virt_cpu {
	struct virt_vcpu *loaded; /* VMX: whose VMCS is current */
	struct virt_space *space; /* of the vCPU that was here last (IBPB) */
	u32 next_tag, tag_gen, max_tag; /* VPIDs or ASIDs 1..max_tag */
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

/* Registers that are not in the VMCS (or VMCB). False: not such a register. */
bool virt_soft_get(struct virt_vcpu *v, enum vreg r, u64 *val);
bool virt_soft_set(struct virt_vcpu *v, enum vreg r, u64 val);

/* Picks v->stub unless the caller has asked for the floor. */
void virt_stub_choose(struct virt_vcpu *v);

/* NULL, or why no CPU could enter this. Values as the guest sees them. */
const char *virt_state_bad(const struct vstate *s);

/* After a hypercall whose stub returned to C (how == VIRT_HOW_HCALL). */
void virt_hcall_finish(struct virt_vcpu *v);

/* Prints the fields that tell why an entry failed. */
void virt_state_log(struct virt_vcpu *v);

static inline bool canonical48(u64 a)
{
	return (u64)((s64)(a << 16) >> 16) == a;
}

/* CR4 bits that a guest may change without an exit where the CPU can tell
 * bits apart: those that CPUID's allow-list shows. */
u64 virt_cr4_free(void);

/* MIT_L1D: empties the L1 data cache. */
void virt_l1d_flush(void);

/* Software's value of LMA. */
static inline u64 efer_with_lma(u64 efer, u64 cr0)
{
	efer &= ~(1ull << 10);
	return efer & (1ull << 8) && cr0 >> 31 & 1 ? efer | 1ull << 10 : efer;
}

#endif
