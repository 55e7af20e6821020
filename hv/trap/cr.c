/* SPDX-License-Identifier: BSD-2-Clause */
/* Control and debug registers: MOV, CLTS, LMSW, SMSW (SDM Vol. 3A, 2.5, and for
 * the classic profile 3B, 17.2). */
#include "core/vapic.h"
#include "trap/emul.h"

#define CR_NUMBERS 0x11du /* those that there are, as bits */

/* Fills *x as a CPU would that decodes for us. false: it is done, or faulted. */
static bool decode(struct vcpu *v, struct exit *x)
{
	struct insn i;

	if (x->known && x->insn_len != INSN_UNKNOWN)
		return true;
	if (!trap_decode(v, &i, INSN_SMSW, INSN_CLTS))
		return false;
	x->cr_gpr = i.rm;
	/* LOCK MOV CR0 is CR8 on AMD (APM Vol. 3, MOV CRn) */
	x->cr_nr = i.op == INSN_LMSW ? 0 : i.reg | (i.lock ? 8 : 0);
	if (i.op == INSN_SMSW) {
		if (trap_rm16_put(v, &i, reg_get(v, VREG_CR0)))
			trap_advance(v, i.len);
		return false;
	}
	x->cr_op = i.op == INSN_LMSW	  ? CR_LMSW :
		   i.op == INSN_CLTS	  ? CR_CLTS :
		   i.op >= INSN_MOV_TO_CR ? CR_WRITE :
					    CR_READ;
	return i.op != INSN_LMSW || trap_rm16_get(v, &i, &x->cr_lmsw);
}

/* The size of a MOV's operands. */
static unsigned size(struct vcpu *v) { return trap_mode(v) == 8 ? 8 : 4; }

/* ---- control registers; false: #GP ---- */

/* What switching paging on or off needs, and does to EFER.LMA. */
static bool paging_switch(struct vcpu *v, bool on)
{
	u64 efer = reg_get(v, VREG_EFER);

	if (!on && trap_mode(v) == 8)
		return false;
	if (on && efer & EFER_LME &&
	    (!(reg_get(v, VREG_CR4) & CR4_PAE) ||
	     reg_get(v, VREG_CS_AR) & AR_LONG))
		return false;
	efer &= ~(u64)EFER_LMA;
	reg_set(v, VREG_EFER, on && efer & EFER_LME ? efer | EFER_LMA : efer);
	return true;
}

static bool cr0_write(struct vcpu *v, u64 val)
{
	u64 old = reg_get(v, VREG_CR0);

	if (val >> 32 || (val & CR0_NW && !(val & CR0_CD)) ||
	    (val & CR0_PG && !(val & CR0_PE)))
		return false;
	val = (val & CR0_KNOWN) | CR0_ET;
	if ((val ^ old) & CR0_PG && !paging_switch(v, val & CR0_PG))
		return false;
	reg_set(v, VREG_CR0, val);
	return true;
}

/* Task priority; a partition without a virtual APIC only keeps the value. */
static bool cr8_write(struct vcpu *v, u64 val)
{
	if (val > 15)
		return false;
	v->cr8 = val;
	reg_set(v, VREG_CR8, val);
	if (v->apic)
		vapic_tpr_set(v, (u32)val << 4);
	return true;
}

static const u8 cr_vregs[] = { VREG_CR0, 0, VREG_CR2, VREG_CR3, VREG_CR4 };

static bool cr_write(struct vcpu *v, u8 nr, u64 val)
{
	bool long_bad; /* not in long mode */

	if (nr == 0)
		return cr0_write(v, val);
	if (nr == 8)
		return cr8_write(v, val);
	long_bad = nr == 3 ? val >> cpu_feat.phys_bits :
			     nr == 4 && !(val & CR4_PAE);
	if ((nr == 4 && val & ~guest_cpu.cr4) || (long_bad && trap_lma(v)))
		return false;
	reg_set(v, cr_vregs[nr], val);
	return true;
}

static u64 cr_read(struct vcpu *v, u8 nr)
{
	if (nr <= 4)
		return reg_get(v, cr_vregs[nr]);
	return v->apic ? v->apic->reg[VAPIC_TPR] >> 4 : v->cr8;
}

static bool cr_access(struct vcpu *v, const struct exit *x)
{
	switch (x->cr_op) {
	case CR_READ:
		trap_gpr_set(v, x->cr_gpr, cr_read(v, x->cr_nr), size(v));
		return true;
	case CR_WRITE:
		return cr_write(v, x->cr_nr,
				insn_mask(trap_gpr(v, x->cr_gpr), size(v)));
	case CR_CLTS:
		return cr0_write(v, reg_get(v, VREG_CR0) & ~(u64)CR0_TS);
	default: /* LMSW: PE can be set, not cleared */
		return cr0_write(v, (reg_get(v, VREG_CR0) & ~0xeull) |
					    (x->cr_lmsw & 0xf));
	}
}

enum trap_end trap_cr(struct vcpu *v, struct exit *x)
{
	if (!decode(v, x))
		return TRAP_DONE;
	if (!(CR_NUMBERS >> x->cr_nr & 1))
		return TRAP_UD;
	return reg_get(v, VREG_CPL) || !cr_access(v, x) ? TRAP_GP : TRAP_NEXT;
}

/* ---- debug registers ---- */

static bool dr_access(struct vcpu *v, const struct exit *x)
{
	static const u8 vregs[] = { VREG_DR0, VREG_DR1, VREG_DR2, VREG_DR3,
				    VREG_DR6, VREG_DR7, VREG_DR6, VREG_DR7 };
	enum vreg r = vregs[x->cr_nr];
	u64 val = insn_mask(trap_gpr(v, x->cr_gpr), size(v));

	if (x->cr_op == CR_READ) {
		trap_gpr_set(v, x->cr_gpr, reg_get(v, r), size(v));
		return true;
	}
	if (x->cr_nr >= 4 && val >> 32)
		return false;
	if (r == VREG_DR6)
		val = (val & 0xe00f) | DR6_RESET;
	else if (r == VREG_DR7)
		val = (val & ~DR7_ZERO) | DR7_RESET;
	reg_set(v, r, val);
	return true;
}

enum trap_end trap_dr(struct vcpu *v, struct exit *x)
{
	u64 dr7 = reg_get(v, VREG_DR7);

	/* the first: from now on it has debug registers; executed again */
	if (v->part->profile != PROFILE_CLASSIC) {
		reg_set(v, VREG_DR_FREE, 1);
		return TRAP_DONE;
	}
	if (!decode(v, x))
		return TRAP_DONE;
	/* DR4 and DR5 are DR6 and DR7 unless CR4.DE is set */
	if (x->cr_nr > 7 ||
	    ((x->cr_nr & 6) == 4 && reg_get(v, VREG_CR4) & CR4_DE))
		return TRAP_UD;
	if (reg_get(v, VREG_CPL))
		return TRAP_GP;
	if (dr7 & DR7_GD) {
		reg_set(v, VREG_DR7, dr7 & ~(u64)DR7_GD);
		reg_set(v, VREG_DR6, reg_get(v, VREG_DR6) | DR6_BD);
		trap_fault(v, VEC_DB, 0);
		return TRAP_DONE;
	}
	return dr_access(v, x) ? TRAP_NEXT : TRAP_GP;
}
