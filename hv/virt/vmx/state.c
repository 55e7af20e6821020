/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest registers in the VMCS, as the guest sees them. */
#include "virt/vmx/vmx.h"

/* Registers that are one field; 0: not so simple. */
/* clang-format off */
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
};
/* clang-format on */

/* 0: not so simple. */
static u32 field_of(enum vreg r)
{
	static const u16 first[] = { GUEST_ES_BASE, GUEST_ES_LIMIT, GUEST_ES_AR,
				     GUEST_ES_SEL };
	u32 n = r - VREG_ES_BASE;

	return n < 4 * SEGMENTS ? first[n / SEGMENTS] + 2 * (n % SEGMENTS) :
				  fields[r];
}

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
	u32 field = field_of(r);

	if (field)
		return vmread(field);
	switch (r) {
	case VREG_CR0:
		return cr0_get();
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

u64 vmx_reg_get(struct virt_vcpu *v, enum vreg r)
{
	bool opened = vmx_open(v);
	u64 val = reg_read(v, r);

	vmx_close(v, opened);
	return val;
}

void vmx_shadow_clear(void)
{
	u64 i = vmread(GUEST_INTERRUPTIBILITY);

	if (i & BLOCKED)
		vmwrite(GUEST_INTERRUPTIBILITY, i & ~BLOCKED);
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

/* Registers whose change voids translations. */
static void paging_write(struct virt_vcpu *v, enum vreg r, u64 val)
{
	if (r == VREG_CR0) {
		vmwrite(CR0_SHADOW, val);
		vmwrite(GUEST_CR0, (val & ~(CR0_NW | CR0_CD)) |
					   vmx_caps.cr0_fixed | CR0_ET);
		efer_write(vmread(GUEST_EFER), val);
	} else if (r == VREG_CR3) {
		vmwrite(GUEST_CR3, val);
	} else if (r == VREG_CR4) {
		vmwrite(CR4_SHADOW, val);
		vmwrite(GUEST_CR4, val | vmx_caps.cr4_fixed | CR4_MCE);
	} else {
		efer_write(val, cr0_get());
	}
	pdptes_load(v);
	vmx_tag_renew(v);
}

static void reg_write(struct virt_vcpu *v, enum vreg r, u64 val)
{
	u32 field = field_of(r);

	switch (r) {
	case VREG_CR0:
	case VREG_CR3:
	case VREG_CR4:
	case VREG_EFER:
		return paging_write(v, r, val);
	case VREG_RFLAGS:
		val |= 2;
		break;
	case VREG_INVLPG:
		return vmx_invlpg(v, val);
	case VREG_EVENT:
		vmwrite(GUEST_PENDING_DEBUG, 0);
		return vmwrite(ENTRY_INTR_INFO, 0);
	default:
		break;
	}
	if (field)
		vmwrite(field, val);
	else
		virt_soft_set(v, r, val);
	if (virt_ends_shadow(r, val))
		vmx_shadow_clear();
}

void vmx_reg_set(struct virt_vcpu *v, enum vreg r, u64 val)
{
	bool opened = vmx_open(v);

	reg_write(v, r, val);
	vmx_close(v, opened);
}
