/* SPDX-License-Identifier: BSD-2-Clause */
/* Control registers: MOV, CLTS, LMSW, SMSW; validation as SDM Vol. 3A, 2.5. */
#include "lib/x86.h"
#include "core/vapic.h"
#include "trap/emul.h"

#define CR0_KNOWN                                                       \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | \
	 CR0_AM | CR0_NW | CR0_CD | CR0_PG)
#define CR_NUMBERS 0x11du /* those that there are, as bits */
/* a change of these changes translations */

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
	return true;
}

static bool cr3_write(struct vcpu *v, u64 val)
{
	if (reg_get(v, VREG_EFER) & EFER_LMA &&
	    val & ~0ull << cpu_feat.phys_bits)
		return false;
	reg_set(v, VREG_CR3, val);
	return true;
}

static bool cr4_write(struct vcpu *v, u64 val)
{
	if (val & ~guest_cpu.cr4 ||
	    (!(val & CR4_PAE) && reg_get(v, VREG_EFER) & EFER_LMA))
		return false;
	reg_set(v, VREG_CR4, val);
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
	if (nr == 0)
		return cr0_write(v, val);
	if (nr == 3)
		return cr3_write(v, val);
	if (nr == 4)
		return cr4_write(v, val);
	if (nr == 8)
		return cr8_write(v, val);
	reg_set(v, VREG_CR2, val);
	return true;
}

static u64 cr_read(struct vcpu *v, u8 nr)
{
	static const u8 vregs[] = { VREG_CR0, 0, VREG_CR2, VREG_CR3, VREG_CR4 };

	if (nr <= 4)
		return reg_get(v, vregs[nr]);
	return v->apic ? vapic_tpr(v) >> 4 : v->cr8;
}

static bool lmsw(struct vcpu *v, u16 val)
{
	u64 old = reg_get(v, VREG_CR0);

	/* PE can be set, not cleared */
	return cr0_write(v, (old & ~0xeull) | (val & 0xf));
}

/* Fills *x as a CPU would that decodes for us. false: it is done, or faulted. */
static bool decode(struct vcpu *v, struct exit *x, struct insn *i)
{
	if (!trap_decode(v, i))
		return false;
	if (i->op < INSN_MOV_FROM_CR || i->op > INSN_SMSW) {
		trap_not_understood(v);
		return false;
	}
	x->insn_len = i->len;
	x->cr.gpr = i->rm;
	/* LOCK MOV CR0 is CR8 on AMD (APM Vol. 3, MOV CRn) */
	x->cr.nr = i->reg | (i->lock ? 8 : 0);
	if (i->op == INSN_CLTS || i->op == INSN_LMSW)
		x->cr.nr = 0;
	if (i->op == INSN_SMSW) {
		if (trap_rm16_put(v, i, reg_get(v, VREG_CR0)))
			trap_advance(v, i->len);
		return false;
	}
	x->cr.op = i->op == INSN_MOV_FROM_CR ? CR_READ :
		   i->op == INSN_CLTS	     ? CR_CLTS :
		   i->op == INSN_LMSW	     ? CR_LMSW :
					       CR_WRITE;
	return i->op != INSN_LMSW || trap_rm16_get(v, i, &x->cr.lmsw);
}

void trap_cr(struct vcpu *v, struct exit *x)
{
	struct insn i = { .size = trap_mode(v) == 8 ? 8 : 4 };
	bool ok = true;

	if ((!x->cr.known || x->insn_len == INSN_UNKNOWN) && !decode(v, x, &i))
		return;
	if (x->cr.nr != 0 && x->cr.nr != 2 && x->cr.nr != 3 && x->cr.nr != 4 &&
	    x->cr.nr != 8) {
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
