/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest registers in the VMCB, as the guest sees them. */
#include "virt/svm/svm.h"
#include "lib/regs.h"

#define SEGMENTS 8
#define AR_UNUSABLE (1u << 16)
#define RFLAGS_IF (1ull << 9)

/* Registers that are one 64-bit field; 0: not so simple. */
#define F(field) offsetof(struct vmcb, field)
static const u16 fields[VREG_COUNT] = {
	[VREG_RIP] = F(rip),
	[VREG_RSP] = F(rsp),
	[VREG_RFLAGS] = F(rflags),
	[VREG_CR0] = F(cr0),
	[VREG_CR3] = F(cr3),
	[VREG_CR4] = F(cr4),
	[VREG_DR7] = F(dr7),
	[VREG_DR6] = F(dr6),
	[VREG_CR2] = F(cr2),
	[VREG_PAT] = F(pat),
	[VREG_CS_BASE] = F(cs.base),
	[VREG_DS_BASE] = F(ds.base),
	[VREG_ES_BASE] = F(es.base),
	[VREG_FS_BASE] = F(fs.base),
	[VREG_GS_BASE] = F(gs.base),
	[VREG_SS_BASE] = F(ss.base),
	[VREG_GDTR_BASE] = F(gdtr.base),
	[VREG_IDTR_BASE] = F(idtr.base),
	[VREG_TSC_OFFSET] = F(tsc_offset),
	[VREG_STAR] = F(star),
	[VREG_LSTAR] = F(lstar),
	[VREG_CSTAR] = F(cstar),
	[VREG_SFMASK] = F(sfmask),
	[VREG_KERNEL_GS] = F(kernel_gs),
	[VREG_SYSENTER_CS] = F(sysenter_cs),
	[VREG_SYSENTER_ESP] = F(sysenter_esp),
	[VREG_SYSENTER_EIP] = F(sysenter_eip),
};

static u64 *field_of(struct vmcb *b, enum vreg r)
{
	return (u64 *)((u8 *)b + fields[r]);
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
	struct vmcb *b = vmcb_of(v);
	u64 val = 0;

	if (fields[r])
		return *field_of(b, r);
	switch (r) {
	case VREG_EFER:
		return b->efer & ~EFER_SVME;
	case VREG_CPL:
		return b->cpl;
	case VREG_CS_AR:
		return attr_to_ar(b->cs.attr);
	case VREG_SS_AR:
		return attr_to_ar(b->ss.attr);
	case VREG_GDTR_LIMIT:
		return b->gdtr.limit;
	case VREG_IDTR_LIMIT:
		return b->idtr.limit;
	case VREG_INTR_SHADOW:
		return b->int_shadow & 1;
	default:
		virt_soft_get(v, r, &val);
		return val;
	}
}

/* Registers whose change voids translations. */
static bool paging_write(struct virt_vcpu *v, enum vreg r, u64 val)
{
	struct vmcb *b = vmcb_of(v);

	if (r == VREG_CR0) {
		b->cr0 = val | CR0_ET;
		b->efer = efer_with_lma(b->efer, val);
	} else if (r == VREG_CR3) {
		b->cr3 = val;
	} else if (r == VREG_CR4) {
		b->cr4 = val;
	} else if (r == VREG_EFER) {
		b->efer = efer_with_lma(val, b->cr0) | EFER_SVME;
	} else {
		return false;
	}
	svm_tag_renew(v);
	return true;
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

static void special_write(struct virt_vcpu *v, enum vreg r, u64 val)
{
	struct vmcb *b = vmcb_of(v);

	switch (r) {
	case VREG_CS_AR:
		b->cs.attr = ar_to_attr(val);
		break;
	case VREG_SS_AR:
		b->ss.attr = ar_to_attr(val);
		break;
	case VREG_CPL:
		b->cpl = val & 3;
		break;
	case VREG_GDTR_LIMIT:
		b->gdtr.limit = val;
		break;
	case VREG_IDTR_LIMIT:
		b->idtr.limit = val;
		break;
	case VREG_INTR_SHADOW:
		b->int_shadow &= ~1ull;
		break;
	case VREG_INVLPG:
		invlpg(v, val);
		break;
	default:
		virt_soft_set(v, r, val);
	}
}

void svm_reg_set(struct virt_vcpu *v, enum vreg r, u64 val)
{
	struct vmcb *b = vmcb_of(v);

	if (paging_write(v, r, val))
		return;
	if (!fields[r]) {
		special_write(v, r, val);
		return;
	}
	*field_of(b, r) = r == VREG_RFLAGS ? val | 2 : val;
	if (r == VREG_RIP || (r == VREG_RFLAGS && !(val & RFLAGS_IF)))
		b->int_shadow &= ~1ull;
}

/* The pairs of segments that state_get and state_set walk. */
static struct vseg *seg_of(struct vstate *s, unsigned i)
{
	struct vseg *segs[SEGMENTS] = { &s->es, &s->cs, &s->ss,	  &s->ds,
					&s->fs, &s->gs, &s->ldtr, &s->tr };

	return segs[i];
}

static struct vmcb_seg *vmcb_seg_of(struct vmcb *b, unsigned i)
{
	struct vmcb_seg *segs[SEGMENTS] = { &b->es, &b->cs, &b->ss,   &b->ds,
					    &b->fs, &b->gs, &b->ldtr, &b->tr };

	return segs[i];
}

void svm_state_get(struct virt_vcpu *v, struct vstate *s)
{
	struct vmcb *b = vmcb_of(v);
	unsigned i;

	for (i = 0; i < SEGMENTS; i++) {
		struct vmcb_seg *g = vmcb_seg_of(b, i);

		*seg_of(s, i) = (struct vseg){ g->sel, attr_to_ar(g->attr),
					       g->limit, g->base };
	}
#define GET(field) s->field = b->field
	GET(rip), GET(rsp), GET(rflags), GET(cr0), GET(cr2), GET(cr3);
	GET(cr4), GET(pat), GET(dr7), GET(star), GET(lstar), GET(cstar);
	GET(sfmask), GET(kernel_gs), GET(sysenter_cs), GET(sysenter_esp);
	GET(sysenter_eip);
#undef GET
	s->efer = b->efer & ~EFER_SVME;
	s->gdt_base = b->gdtr.base;
	s->gdt_limit = b->gdtr.limit;
	s->idt_base = b->idtr.base;
	s->idt_limit = b->idtr.limit;
}

const char *svm_state_set(struct virt_vcpu *v, const struct vstate *s)
{
	struct vstate copy = *s;
	struct vmcb *b = vmcb_of(v);
	const char *bad = virt_state_bad(s);
	unsigned i;

	if (bad)
		return bad;
	for (i = 0; i < SEGMENTS; i++) {
		struct vseg *g = seg_of(&copy, i);

		*vmcb_seg_of(b, i) = (struct vmcb_seg){ g->sel,
							ar_to_attr(g->ar),
							g->limit, g->base };
	}
#define SET(field) b->field = s->field
	SET(rip), SET(rsp), SET(cr2), SET(cr3), SET(cr4), SET(pat), SET(dr7);
	SET(star), SET(lstar), SET(cstar), SET(sfmask), SET(kernel_gs);
	SET(sysenter_cs), SET(sysenter_esp), SET(sysenter_eip);
#undef SET
	b->rflags = s->rflags | 2;
	b->cr0 = s->cr0 | CR0_ET;
	b->efer = efer_with_lma(s->efer, s->cr0) | EFER_SVME;
	b->cpl = s->ss.ar >> 5 & 3;
	b->gdtr.base = s->gdt_base;
	b->gdtr.limit = s->gdt_limit;
	b->idtr.base = s->idt_base;
	b->idtr.limit = s->idt_limit;
	b->int_shadow = 0;
	b->eventinj = 0;
	svm_tag_renew(v);
	return NULL;
}
