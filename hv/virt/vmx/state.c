/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest registers in the VMCS, as the guest sees them. */
#include "virt/vmx/vmx.h"

/* clang-format off */
/* Registers that are one field; 0: not so simple. */
#define SEG(S, n) \
	[VREG_##S##_BASE] = GUEST_ES_BASE + 2 * n, [VREG_##S##_SEL] = GUEST_ES_SEL + 2 * n, \
	[VREG_##S##_LIMIT] = GUEST_ES_LIMIT + 2 * n, [VREG_##S##_AR] = GUEST_ES_AR + 2 * n
static const u16 fields[VREG_COUNT] = {
	[VREG_RIP] = GUEST_RIP,               [VREG_RSP] = GUEST_RSP,
	[VREG_RFLAGS] = GUEST_RFLAGS,         [VREG_CR3] = GUEST_CR3,
	[VREG_EFER] = GUEST_EFER,             [VREG_DR7] = GUEST_DR7,
	[VREG_PAT] = GUEST_PAT,               [VREG_TSC_OFFSET] = TSC_OFFSET,
	[VREG_GDTR_BASE] = GUEST_GDTR_BASE,   [VREG_GDTR_LIMIT] = GUEST_GDTR_LIMIT,
	[VREG_IDTR_BASE] = GUEST_IDTR_BASE,   [VREG_IDTR_LIMIT] = GUEST_IDTR_LIMIT,
	[VREG_SYSENTER_ESP] = GUEST_SYSENTER_ESP,
	[VREG_SYSENTER_EIP] = GUEST_SYSENTER_EIP,
	[VREG_SYSENTER_CS] = GUEST_SYSENTER_CS,
	SEG(ES, 0), SEG(CS, 1), SEG(SS, 2), SEG(DS, 3),
	SEG(FS, 4), SEG(GS, 5), SEG(LDTR, 6), SEG(TR, 7),
};
/* clang-format on */

/* What the guest sees: of the bits in `mask` the shadow. */
static u64 cr_get(u32 field, u32 shadow, u32 mask)
{
	u64 m = vmread(mask);

	return (vmread(field) & ~m) | (vmread(shadow) & m);
}

u64 vmx_reg_get(struct virt_vcpu *v, enum vreg r)
{
	if (likely(fields[r]))
		return vmread(fields[r]);
	switch (r) {
	case VREG_CR0:
		return cr_get(GUEST_CR0, CR0_SHADOW, CR0_MASK);
	case VREG_CR4:
		return cr_get(GUEST_CR4, CR4_SHADOW, CR4_MASK);
	case VREG_CPL:
		return vmread(GUEST_SS_AR) >> 5 & 3;
	case VREG_INTR_SHADOW:
		return vmread(GUEST_INTERRUPTIBILITY) & BLOCKED;
	default:
		return virt_soft_get(v, r);
	}
}

/* Ends the blocking of interrupts by STI or MOV SS. */
static void shadow_clear(void)
{
	u64 i = vmread(GUEST_INTERRUPTIBILITY);

	if (i & BLOCKED)
		vmwrite(GUEST_INTERRUPTIBILITY, i & ~(u64)BLOCKED);
}

/* LMA and the IA-32e entry control follow LME and PG (SDM Vol. 3C 27.3.1.1). */
static void efer_write(u64 efer)
{
	u64 c = vmread(ENTRY_CONTROLS) & ~ENTRY_IA32E;

	efer = efer_with_lma(efer, vmread(GUEST_CR0));
	vmwrite(GUEST_EFER, efer);
	vmwrite(ENTRY_CONTROLS, c | (efer & EFER_LMA ? ENTRY_IA32E : 0));
}

/* PAE paging under EPT takes the four entries from the VMCS. */
static void pdptes_load(struct virt_vcpu *v)
{
	hpa_t at;

	if (vmread(GUEST_EFER) & EFER_LMA || !(vmread(GUEST_CR0) & CR0_PG) ||
	    !(vmread(GUEST_CR4) & CR4_PAE) ||
	    !nested_lookup(v->space, gpa(vmread(GUEST_CR3) & 0xffffffe0ull),
			   &at, NULL, NULL))
		return;
	for (u32 i = 0; i < 4; i++)
		vmwrite(GUEST_PDPTE0 + 2 * i, ((u64 *)hpa_ptr(at))[i]);
}

static void reg_write(struct virt_vcpu *v, enum vreg r, u64 val)
{
	switch (r) {
	case VREG_CR0:
		vmwrite(CR0_SHADOW, val);
		vmwrite(GUEST_CR0, (val & ~(u64)(CR0_NW | CR0_CD)) |
					   vmx_caps.cr0_fixed | CR0_ET);
		return efer_write(vmread(GUEST_EFER));
	case VREG_CR4:
		vmwrite(CR4_SHADOW, val);
		return vmwrite(GUEST_CR4, val | vmx_caps.cr4_fixed | CR4_MCE);
	case VREG_EFER:
		return efer_write(val);
	case VREG_RFLAGS:
		return vmwrite(GUEST_RFLAGS, val | 2);
	case VREG_INVLPG:
		return vmx_invlpg(v, val);
	case VREG_DR_FREE:
		return vmwrite(PROC_CONTROLS,
			       vmread(PROC_CONTROLS) & ~PROC_MOV_DR);
	case VREG_EVENT:
		vmwrite(GUEST_PENDING_DEBUG, 0);
		return vmwrite(ENTRY_INTR_INFO, 0);
	default:
		if (fields[r])
			return vmwrite(fields[r], val);
		virt_soft_set(v, r, val);
	}
}

void vmx_reg_set(struct virt_vcpu *v, enum vreg r, u64 val)
{
	reg_write(v, r, val);
	if (virt_uses_dr(r, val))
		virt_dr_use(v);
	if (virt_ends_shadow(r, val))
		shadow_clear();
	if (!virt_voids_tag(r))
		return;
	pdptes_load(v);
	virt_tag_take(v);
}
