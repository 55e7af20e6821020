/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest registers in the VMCS, as the guest sees them. */
#include "virt/vmx/vmx.h"
#include "lib/regs.h"

#define SEGMENTS 8 /* ES CS SS DS FS GS LDTR TR: the order of the fields */
#define RFLAGS_IF (1ull << 9)

/* Registers that are one field; 0: not so simple. */
static const u16 fields[VREG_COUNT] = {
	[VREG_RIP] = GUEST_RIP,
	[VREG_RSP] = GUEST_RSP,
	[VREG_RFLAGS] = GUEST_RFLAGS,
	[VREG_CR3] = GUEST_CR3,
	[VREG_EFER] = GUEST_EFER,
	[VREG_DR7] = GUEST_DR7,
	[VREG_PAT] = GUEST_PAT,
	[VREG_CS_BASE] = GUEST_CS_BASE,
	[VREG_CS_AR] = GUEST_CS_AR,
	[VREG_SS_AR] = GUEST_SS_AR,
	[VREG_DS_BASE] = GUEST_DS_BASE,
	[VREG_ES_BASE] = GUEST_ES_BASE,
	[VREG_FS_BASE] = GUEST_FS_BASE,
	[VREG_GS_BASE] = GUEST_GS_BASE,
	[VREG_SS_BASE] = GUEST_SS_BASE,
	[VREG_GDTR_BASE] = GUEST_GDTR_BASE,
	[VREG_GDTR_LIMIT] = GUEST_GDTR_LIMIT,
	[VREG_IDTR_BASE] = GUEST_IDTR_BASE,
	[VREG_IDTR_LIMIT] = GUEST_IDTR_LIMIT,
	[VREG_TSC_OFFSET] = TSC_OFFSET,
	[VREG_SYSENTER_CS] = GUEST_SYSENTER_CS,
	[VREG_SYSENTER_ESP] = GUEST_SYSENTER_ESP,
	[VREG_SYSENTER_EIP] = GUEST_SYSENTER_EIP,
};

static u64 cr_get(u32 field, u32 shadow, u32 mask)
{
	u64 m = vmread(mask);

	return (vmread(field) & ~m) | (vmread(shadow) & m);
}

static u64 cr0_get(void)
{
	return cr_get(GUEST_CR0, CR0_SHADOW, CR0_MASK);
}

static u64 reg_read(struct virt_vcpu *v, enum vreg r)
{
	u64 val = 0;

	if (fields[r])
		return vmread(fields[r]);
	switch (r) {
	case VREG_CR0:
		return cr0_get();
	case VREG_CR4:
		return cr_get(GUEST_CR4, CR4_SHADOW, CR4_MASK);
	case VREG_CPL:
		return vmread(GUEST_SS_AR) >> 5 & 3;
	case VREG_INTR_SHADOW:
		return vmread(GUEST_INTERRUPTIBILITY) &
		       (BLOCKED_STI | BLOCKED_MOV_SS);
	default:
		virt_soft_get(v, r, &val);
		return val;
	}
}

u64 vmx_reg_get(struct virt_vcpu *v, enum vreg r)
{
	bool opened = vmx_open(v);
	u64 val = reg_read(v, r);

	vmx_close(v, opened);
	return val;
}

static void shadow_clear(void)
{
	u64 i = vmread(GUEST_INTERRUPTIBILITY);

	if (i & (BLOCKED_STI | BLOCKED_MOV_SS))
		vmwrite(GUEST_INTERRUPTIBILITY,
			i & ~(u64)(BLOCKED_STI | BLOCKED_MOV_SS));
}

/* LMA and the IA-32e entry control follow LME and PG (SDM Vol. 3C 27.3.1.1). */
static void efer_write(u64 efer, u64 cr0)
{
	u64 c = vmread(ENTRY_CONTROLS) & ~(u64)ENTRYC_IA32E;

	efer = efer_with_lma(efer, cr0);
	vmwrite(GUEST_EFER, efer);
	vmwrite(ENTRY_CONTROLS, c | (efer & EFER_LMA ? ENTRYC_IA32E : 0));
}

/* PAE paging under EPT takes the four entries from the VMCS. */
static void pdptes_load(struct virt_vcpu *v)
{
	u64 efer = vmread(GUEST_EFER), i;
	hpa_t at;

	if (!(vmread(GUEST_CR0) & CR0_PG) || !(vmread(GUEST_CR4) & CR4_PAE) ||
	    efer & EFER_LMA ||
	    !nested_lookup(v->space, gpa(vmread(GUEST_CR3) & 0xffffffe0ull),
			   &at, NULL, NULL))
		return;
	for (i = 0; i < 4; i++)
		vmwrite(GUEST_PDPTE0 + 2 * i, ((u64 *)hpa_ptr(at))[i]);
}

static void cr0_write(u64 val)
{
	vmwrite(CR0_SHADOW, val);
	vmwrite(GUEST_CR0,
		(val & ~(CR0_NW | CR0_CD)) | vmx_caps.cr0_fixed | CR0_ET);
	efer_write(vmread(GUEST_EFER), val);
}

static void cr4_write(u64 val)
{
	vmwrite(CR4_SHADOW, val);
	vmwrite(GUEST_CR4, val | vmx_caps.cr4_fixed | CR4_MCE);
}

/* Registers whose change voids translations. */
static bool paging_write(struct virt_vcpu *v, enum vreg r, u64 val)
{
	if (r == VREG_CR0)
		cr0_write(val);
	else if (r == VREG_CR3)
		vmwrite(GUEST_CR3, val);
	else if (r == VREG_CR4)
		cr4_write(val);
	else if (r == VREG_EFER)
		efer_write(val, cr0_get());
	else
		return false;
	pdptes_load(v);
	vmx_tag_renew(v);
	return true;
}

static void reg_write(struct virt_vcpu *v, enum vreg r, u64 val)
{
	switch (r) {
	case VREG_RIP:
		vmwrite(GUEST_RIP, val);
		return shadow_clear();
	case VREG_RFLAGS:
		vmwrite(GUEST_RFLAGS, val | 2);
		if (!(val & RFLAGS_IF))
			shadow_clear();
		return;
	case VREG_INTR_SHADOW:
		return shadow_clear();
	case VREG_INVLPG:
		return vmx_invlpg(v, val);
	default:
		break;
	}
	if (paging_write(v, r, val))
		return;
	if (fields[r])
		vmwrite(fields[r], val);
	else
		virt_soft_set(v, r, val);
}

void vmx_reg_set(struct virt_vcpu *v, enum vreg r, u64 val)
{
	bool opened = vmx_open(v);

	reg_write(v, r, val);
	vmx_close(v, opened);
}

static struct vseg *seg_of(struct vstate *s, unsigned i)
{
	struct vseg *segs[SEGMENTS] = { &s->es, &s->cs, &s->ss,	  &s->ds,
					&s->fs, &s->gs, &s->ldtr, &s->tr };

	return segs[i];
}

void vmx_state_get(struct virt_vcpu *v, struct vstate *s)
{
	bool opened = vmx_open(v);
	unsigned i;

	for (i = 0; i < SEGMENTS; i++) {
		struct vseg *g = seg_of(s, i);

		g->sel = vmread(GUEST_ES_SEL + 2 * i);
		g->ar = vmread(GUEST_ES_AR + 2 * i);
		g->limit = vmread(GUEST_ES_LIMIT + 2 * i);
		g->base = vmread(GUEST_ES_BASE + 2 * i);
	}
#define GET(field, reg) s->field = reg_read(v, VREG_##reg)
	GET(rip, RIP), GET(rsp, RSP), GET(rflags, RFLAGS);
	GET(cr0, CR0), GET(cr2, CR2), GET(cr3, CR3), GET(cr4, CR4);
	GET(efer, EFER), GET(pat, PAT), GET(dr7, DR7);
	GET(gdt_base, GDTR_BASE), GET(gdt_limit, GDTR_LIMIT);
	GET(idt_base, IDTR_BASE), GET(idt_limit, IDTR_LIMIT);
	GET(star, STAR), GET(lstar, LSTAR), GET(cstar, CSTAR);
	GET(sfmask, SFMASK), GET(kernel_gs, KERNEL_GS);
	GET(sysenter_cs, SYSENTER_CS), GET(sysenter_esp, SYSENTER_ESP);
	GET(sysenter_eip, SYSENTER_EIP);
#undef GET
	vmx_close(v, opened);
}

static void state_write(struct virt_vcpu *v, struct vstate *s)
{
	unsigned i;

	for (i = 0; i < SEGMENTS; i++) {
		struct vseg *g = seg_of(s, i);

		vmwrite(GUEST_ES_SEL + 2 * i, g->sel);
		vmwrite(GUEST_ES_AR + 2 * i, g->ar);
		vmwrite(GUEST_ES_LIMIT + 2 * i, g->limit);
		vmwrite(GUEST_ES_BASE + 2 * i, g->base);
	}
	vmwrite(GUEST_EFER, s->efer); /* CR0 is judged with it */
#define SET(reg, field) reg_write(v, VREG_##reg, s->field)
	SET(RIP, rip), SET(RSP, rsp), SET(RFLAGS, rflags);
	SET(CR4, cr4), SET(CR3, cr3), SET(CR0, cr0), SET(CR2, cr2);
	SET(PAT, pat), SET(DR7, dr7);
	SET(GDTR_BASE, gdt_base), SET(GDTR_LIMIT, gdt_limit);
	SET(IDTR_BASE, idt_base), SET(IDTR_LIMIT, idt_limit);
	SET(STAR, star), SET(LSTAR, lstar), SET(CSTAR, cstar);
	SET(SFMASK, sfmask), SET(KERNEL_GS, kernel_gs);
	SET(SYSENTER_CS, sysenter_cs), SET(SYSENTER_ESP, sysenter_esp);
	SET(SYSENTER_EIP, sysenter_eip);
#undef SET
	vmwrite(GUEST_ACTIVITY, 0);
	vmwrite(GUEST_PENDING_DEBUG, 0);
	vmwrite(ENTRY_INTR_INFO, 0);
}

const char *vmx_state_set(struct virt_vcpu *v, const struct vstate *s)
{
	const char *bad = virt_state_bad(s);
	struct vstate copy = *s;
	bool opened;

	if (bad)
		return bad;
	opened = vmx_open(v);
	state_write(v, &copy);
	vmx_close(v, opened);
	return NULL;
}
