/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest registers in the VMCB, as the guest sees them. */
#include "virt/svm/svm.h"

/* Where a register is in the VMCB; at 0 is none. */
struct place {
	u16 at;
	u8 unused; /* bits of the eight bytes there that are not its own */
	bool ar;   /* access rights, packed */
};

/* clang-format off */
#define F(field) { offsetof(struct vmcb, field), 64 - 8 * sizeof(((struct vmcb *)0)->field), false }
#define SEG(S, s) \
	[VREG_##S##_BASE] = F(s.base), [VREG_##S##_LIMIT] = F(s.limit), \
	[VREG_##S##_AR] = { offsetof(struct vmcb, s.attr), 48, true }, \
	[VREG_##S##_SEL] = F(s.sel)
static const struct place fields[VREG_COUNT] = {
	[VREG_RIP] = F(rip),       [VREG_RSP] = F(rsp),   [VREG_RFLAGS] = F(rflags),
	[VREG_CR0] = F(cr0),       [VREG_CR2] = F(cr2),   [VREG_CR3] = F(cr3),
	[VREG_CR4] = F(cr4),       [VREG_EFER] = F(efer), [VREG_PAT] = F(pat),
	[VREG_DR6] = F(dr6),       [VREG_DR7] = F(dr7),   [VREG_CPL] = F(cpl),
	[VREG_GDTR_BASE] = F(gdtr.base), [VREG_GDTR_LIMIT] = F(gdtr.limit),
	[VREG_IDTR_BASE] = F(idtr.base), [VREG_IDTR_LIMIT] = F(idtr.limit),
	[VREG_SYSENTER_CS] = F(sysenter_cs), [VREG_SYSENTER_ESP] = F(sysenter_esp),
	[VREG_SYSENTER_EIP] = F(sysenter_eip), [VREG_KERNEL_GS] = F(kernel_gs),
	[VREG_STAR] = F(star),     [VREG_LSTAR] = F(lstar),
	[VREG_CSTAR] = F(cstar),   [VREG_SFMASK] = F(sfmask),
	[VREG_TSC_OFFSET] = F(tsc_offset),
	[VREG_CR8] = F(v_tpr),
	SEG(ES, es), SEG(CS, cs), SEG(SS, ss), SEG(DS, ds),
	SEG(FS, fs), SEG(GS, gs), SEG(LDTR, ldtr), SEG(TR, tr),
};
/* clang-format on */

/* All of them have eight bytes there. */
static u64 *field_of(struct virt_vcpu *v, struct place p)
{
	return (u64 *)((u8 *)v->ctl + p.at);
}

/* The VMCB packs the access rights; it has no "unusable", only P = 0. */
static u32 attr_to_ar(u16 attr)
{
	u32 ar = (attr & 0xff) | (attr & 0xf00u) << 4;

	return attr & 0x80 ? ar : ar | AR_UNUSABLE;
}

static u16 ar_to_attr(u32 ar)
{
	return ar & AR_UNUSABLE ? 0 : (ar & 0xff) | (ar >> 4 & 0xf00);
}

u64 svm_reg_get(struct virt_vcpu *v, enum vreg r)
{
	struct place p = fields[r];
	u64 val = *field_of(v, p) & ~0ull >> p.unused;

	if (likely(p.at))
		return p.ar	      ? attr_to_ar(val) :
		       r == VREG_EFER ? val & ~EFER_SVME :
					val;
	return r == VREG_INTR_SHADOW ? vmcb_of(v)->int_shadow & 1 :
				       virt_soft_get(v, r);
}

/* The field's value for what the guest is to see. */
static u64 adapted(struct vmcb *b, enum vreg r, u64 val)
{
	switch (r) {
	case VREG_CR0:
		b->efer = efer_with_lma(b->efer, val);
		return val | CR0_ET;
	case VREG_EFER:
		return efer_with_lma(val, b->cr0) | EFER_SVME;
	case VREG_RFLAGS:
		return val | 2;
	default:
		return fields[r].ar ? ar_to_attr(val) : val;
	}
}

static void event_drop(struct vmcb *b)
{
	b->eventinj = 0;
	svm_virq_take(b);
}

void svm_reg_set(struct virt_vcpu *v, enum vreg r, u64 val)
{
	struct place p = fields[r];
	u64 mask = ~0ull >> p.unused, field;

	if (likely(r == VREG_RIP)) { /* each trap ends so */
		vmcb_of(v)->rip = val;
		vmcb_of(v)->int_shadow &= ~1ull;
		return;
	}
	if (virt_uses_dr(r, val))
		virt_dr_use(v);
	field = adapted(v->ctl, r, val);
	if (r == VREG_CR2 && v->live)
		write_cr2(val); /* as svm_load */
	if (p.at)
		*field_of(v, p) = (*field_of(v, p) & ~mask) | (field & mask);
	else if (r == VREG_INVLPG)
		__asm__ volatile("invlpga %0, %1"
				 :
				 : "a"(val), "c"(v->tag)
				 : "memory");
	else if (r == VREG_DR_FREE)
		vmcb_of(v)->dr_read = vmcb_of(v)->dr_write = 0;
	else if (r == VREG_EVENT)
		event_drop(v->ctl);
	else
		virt_soft_set(v, r, val);
	if (virt_voids_tag(r))
		virt_tag_take(v);
	if (virt_ends_shadow(r, val))
		vmcb_of(v)->int_shadow &= ~1ull;
}
