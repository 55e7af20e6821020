/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest registers in the VMCB, as the guest sees them. */
#include "virt/svm/svm.h"
#include "lib/string.h"

struct place {
	u16 at;
	u8 size; /* bytes; 0: not a field */
};

/* clang-format off */
#define F(field) { offsetof(struct vmcb, field), sizeof(((struct vmcb *)0)->field) }
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
	[VREG_TSC_OFFSET] = F(tsc_offset), [VREG_EVENT] = F(eventinj),
};
/* clang-format on */

/* Where ES CS SS DS FS GS LDTR TR are among the VMCB's, and what is in each. */
static const u8 seg_at[SEGMENTS] = { 0, 1, 2, 3, 4, 5, 7, 9 };
static const struct place parts[] = {
	{ offsetof(struct vmcb_seg, base), 8 },
	{ offsetof(struct vmcb_seg, limit), 4 },
	{ offsetof(struct vmcb_seg, attr), 2 },
	{ offsetof(struct vmcb_seg, sel), 2 },
};

static struct place place_of(enum vreg r)
{
	u32 n = r - VREG_ES_BASE;
	struct place p = fields[r];

	if (n < SEGMENTS * array_size(parts)) {
		p = parts[n / SEGMENTS];
		p.at += offsetof(struct vmcb, es) +
			seg_at[n % SEGMENTS] * sizeof(struct vmcb_seg);
	}
	return p;
}

static bool is_ar(enum vreg r)
{
	return r >= VREG_ES_AR && r < VREG_ES_AR + SEGMENTS;
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
	struct place p = place_of(r);
	u64 val = 0;

	if (r == VREG_INTR_SHADOW)
		return vmcb_of(v)->int_shadow & 1;
	if (!p.size)
		return virt_soft_get(v, r);
	memcpy(&val, (u8 *)v->ctl + p.at, p.size);
	if (is_ar(r))
		return attr_to_ar(val);
	return r == VREG_EFER ? val & ~EFER_SVME : val;
}

static void invlpg(struct virt_vcpu *v, u64 gva)
{
	if (v->live)
		__asm__ volatile("invlpga %0, %1"
				 :
				 : "a"(gva), "c"(v->tag)
				 : "memory");
	else
		svm_tag_renew(v);
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
		return is_ar(r) ? ar_to_attr(val) : val;
	}
}

void svm_reg_set(struct virt_vcpu *v, enum vreg r, u64 val)
{
	struct place p = place_of(r);
	u64 field = adapted(v->ctl, r, val);

	if (p.size)
		memcpy((u8 *)v->ctl + p.at, &field, p.size);
	else if (r == VREG_INVLPG)
		invlpg(v, val);
	else
		virt_soft_set(v, r, val);
	if (r >= VREG_CR0 && r <= VREG_EFER) /* CR0 CR3 CR4 EFER */
		svm_tag_renew(v);
	if (virt_ends_shadow(r, val))
		vmcb_of(v)->int_shadow &= ~1ull;
}
