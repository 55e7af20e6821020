/* SPDX-License-Identifier: BSD-2-Clause */
/* MOV to and from the debug registers, for the classic profile. */
#include "trap/emul.h"

#define DR6_FIXED 0xffff0ff0ull
#define DR7_FIXED 0x400ull
#define DR7_ZERO 0xd000ull

/* SDM Vol. 3B, 17.2.2: DR4 and DR5 are DR6 and DR7 unless CR4.DE is set. */
static bool number(struct vcpu *v, u8 *nr)
{
	if (*nr > 7 ||
	    ((*nr == 4 || *nr == 5) && reg_get(v, VREG_CR4) & CR4_DE))
		return false;
	if (*nr == 4 || *nr == 5)
		*nr += 2;
	return true;
}

static enum vreg dr_vreg(u8 nr)
{
	return nr == 7 ? VREG_DR7 : nr == 6 ? VREG_DR6 : VREG_DR0 + nr;
}

static bool dr_write(struct vcpu *v, u8 nr, u64 val)
{
	if (nr >= 6 && val >> 32)
		return false;
	if (nr == 6)
		val = (val & 0xe00f) | DR6_FIXED;
	else if (nr == 7)
		val = (val & ~DR7_ZERO) | DR7_FIXED;
	reg_set(v, dr_vreg(nr), val);
	return true;
}

void trap_dr(struct vcpu *v, struct exit *x)
{
	struct insn i = { .len = (u8)x->insn_len,
			  .size = 8,
			  .reg = x->cr.nr,
			  .rm = x->cr.gpr };
	bool read = x->cr.op == CR_READ;
	u64 dr7 = reg_get(v, VREG_DR7);

	if (!x->cr.known || i.len == INSN_UNKNOWN) {
		if (!trap_decode(v, &i))
			return;
		read = i.op == INSN_MOV_FROM_DR;
	} else if (trap_mode(v) != 8) {
		i.size = 4;
	}
	if (!number(v, &i.reg)) {
		trap_ud(v);
		return;
	}
	if (reg_get(v, VREG_CPL)) {
		trap_gp(v, 0);
		return;
	}
	if (dr7 & DR7_GD) {
		reg_set(v, VREG_DR7, dr7 & ~DR7_GD);
		reg_set(v, VREG_DR6, reg_get(v, VREG_DR6) | DR6_BD);
		trap_inject_exception(v, VEC_DB, false, 0);
		return;
	}
	if (read) {
		trap_gpr_set(v, i.rm, reg_get(v, dr_vreg(i.reg)), i.size);
	} else if (!dr_write(v, i.reg, insn_mask(trap_gpr(v, i.rm), i.size))) {
		trap_gp(v, 0);
		return;
	}
	trap_advance(v, i.len);
}
