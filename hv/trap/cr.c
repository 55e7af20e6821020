/* SPDX-License-Identifier: BSD-2-Clause */
/* Control registers: MOV, CLTS, LMSW, SMSW; validation as SDM Vol. 3A, 2.5. */
#include "arch/x86.h"
#include "core/vapic.h"
#include "trap/emul.h"

#define CR0_KNOWN                                                         \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP |   \
	 CR0_AM | CR0_NW | CR0_CD | CR0_PG)
/* a change of these changes translations */
#define CR0_PAGING (CR0_PE | CR0_WP | CR0_PG)
#define CR4_PAGING (CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP | CR4_SMAP)

static u64 cr4_allowed(void)
{
	static u64 allowed;
	u32 b;

	if (allowed)
		return allowed;
	b = cpuid(0, 0).a >= 7 ? cpuid(7, 0).b : 0;
	allowed = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE |
		  CR4_MCE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT |
		  (cpu_feat.umip ? CR4_UMIP : 0) |
		  (b & 1 ? CR4_FSGSBASE : 0) |
		  (cpu_feat.xsave ? CR4_OSXSAVE : 0) |
		  (cpu_feat.smep ? CR4_SMEP : 0) |
		  (cpu_feat.smap ? CR4_SMAP : 0);
	return allowed;
}

/* What switching paging on or off needs, and does to EFER.LMA. */
static bool paging_switch(struct vcpu *v, u64 val)
{
	u64 efer = reg_get(v, VREG_EFER);
	bool in_64 = trap_mode(v) == 8;

	if (!(val & CR0_PG)) {
		if (in_64)
			return false;
		efer &= ~EFER_LMA;
	} else if (efer & EFER_LME) {
		if (!(reg_get(v, VREG_CR4) & CR4_PAE) ||
		    reg_get(v, VREG_CS_AR) & CS_AR_L)
			return false;
		efer |= EFER_LMA;
	}
	reg_set(v, VREG_EFER, efer);
	return true;
}

static bool cr0_write(struct vcpu *v, u64 val)
{
	u64 old = reg_get(v, VREG_CR0);

	if (val >> 32 || (val & CR0_NW && !(val & CR0_CD)) ||
	    (val & CR0_PG && !(val & CR0_PE)))
		return false;
	val = (val & CR0_KNOWN) | CR0_ET;
	if ((val ^ old) & CR0_PG && !paging_switch(v, val))
		return false;
	reg_set(v, VREG_CR0, val);
	if ((val ^ old) & CR0_PAGING)
		virt->flush(&v->hw);
	return true;
}

static bool cr3_write(struct vcpu *v, u64 val)
{
	if (reg_get(v, VREG_EFER) & EFER_LMA &&
	    val & ~0ull << cpu_feat.phys_bits)
		return false;
	reg_set(v, VREG_CR3, val);
	virt->flush(&v->hw);
	return true;
}

static bool cr4_write(struct vcpu *v, u64 val)
{
	u64 old = reg_get(v, VREG_CR4);

	if (val & ~cr4_allowed() ||
	    (!(val & CR4_PAE) && reg_get(v, VREG_EFER) & EFER_LMA))
		return false;
	reg_set(v, VREG_CR4, val);
	if ((val ^ old) & CR4_PAGING)
		virt->flush(&v->hw);
	return true;
}

/* Task priority; a partition without a virtual APIC only keeps the value. */
static bool cr8_write(struct vcpu *v, u64 val)
{
	if (val > 15)
		return false;
	if (v->apic)
		vapic_tpr_set(v, (u32)val << 4);
	else
		v->cr8 = val;
	return true;
}

static bool cr_write(struct vcpu *v, u8 nr, u64 val)
{
	switch (nr) {
	case 0:
		return cr0_write(v, val);
	case 2:
		reg_set(v, VREG_CR2, val);
		return true;
	case 3:
		return cr3_write(v, val);
	case 4:
		return cr4_write(v, val);
	}
	return cr8_write(v, val);
}

static u64 cr_read(struct vcpu *v, u8 nr)
{
	switch (nr) {
	case 0:
		return reg_get(v, VREG_CR0);
	case 2:
		return reg_get(v, VREG_CR2);
	case 3:
		return reg_get(v, VREG_CR3);
	case 4:
		return reg_get(v, VREG_CR4);
	}
	return v->apic ? vapic_tpr(v) >> 4 : v->cr8;
}

static bool lmsw(struct vcpu *v, u16 val)
{
	u64 old = reg_get(v, VREG_CR0);

	/* PE can be set, not cleared */
	return cr0_write(v, (old & ~0xeull) | (val & 0xf));
}

/* The machine status word's operand: a register, or two bytes of memory. */
static bool msw_read(struct vcpu *v, const struct insn *i, u16 *val)
{
	*val = (u16)(i->mem ? 0 : trap_gpr(v, i->rm));
	return !i->mem ||
	       trap_read_gva(v, trap_seg_base(v, i->seg) + i->ea, val, 2);
}

static bool smsw(struct vcpu *v, const struct insn *i)
{
	u64 cr0 = reg_get(v, VREG_CR0);

	if (i->mem)
		return trap_write_gva(v, trap_seg_base(v, i->seg) + i->ea,
				      &cr0, 2);
	trap_gpr_set(v, i->rm, cr0, i->size);
	return true;
}

/* Fills *x as a CPU would that decodes for us. false: it is done, or faulted. */
static bool decode(struct vcpu *v, struct exit *x, struct insn *i)
{
	if (!trap_decode(v, i))
		return false;
	x->insn_len = i->len;
	x->cr.gpr = i->rm;
	/* LOCK MOV CR0 is CR8 on AMD (APM Vol. 3, MOV CRn) */
	x->cr.nr = i->reg | (i->lock ? 8 : 0);
	if (i->op == INSN_CLTS || i->op == INSN_LMSW)
		x->cr.nr = 0;
	switch (i->op) {
	case INSN_MOV_TO_CR:
		x->cr.op = CR_WRITE;
		return true;
	case INSN_MOV_FROM_CR:
		x->cr.op = CR_READ;
		return true;
	case INSN_CLTS:
		x->cr.op = CR_CLTS;
		return true;
	case INSN_LMSW:
		x->cr.op = CR_LMSW;
		return msw_read(v, i, &x->cr.lmsw);
	case INSN_SMSW:
		if (smsw(v, i))
			trap_advance(v, i->len);
		return false;
	}
	trap_not_understood(v);
	return false;
}

void trap_cr(struct vcpu *v, struct exit *x)
{
	struct insn i = { .size = trap_mode(v) == 8 ? 8 : 4 };
	bool ok = true;

	if ((!x->cr.known || x->insn_len == INSN_UNKNOWN) && !decode(v, x, &i))
		return;
	if (x->cr.nr != 0 && x->cr.nr != 2 && x->cr.nr != 3 &&
	    x->cr.nr != 4 && x->cr.nr != 8) {
		trap_ud(v);
		return;
	}
	if (reg_get(v, VREG_CPL))
		ok = false;
	else if (x->cr.op == CR_WRITE)
		ok = cr_write(v, x->cr.nr,
			      insn_mask(trap_gpr(v, x->cr.gpr), i.size));
	else if (x->cr.op == CR_READ)
		trap_gpr_set(v, x->cr.gpr, cr_read(v, x->cr.nr), i.size);
	else if (x->cr.op == CR_CLTS)
		reg_set(v, VREG_CR0, reg_get(v, VREG_CR0) & ~CR0_TS);
	else
		ok = lmsw(v, x->cr.lmsw);
	if (ok)
		trap_advance(v, x->insn_len);
	else
		trap_gp(v, 0);
}
