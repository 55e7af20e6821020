/* SPDX-License-Identifier: BSD-2-Clause */
/* RDMSR and WRMSR: what is not listed here raises #GP. */
#include "core/vapic.h"
#include "trap/emul.h"

/* clang-format off */
/* How an MSR behaves. One that is constant reads as `at`, and if it may be
 * written takes that value only. */
enum kind {
	CONSTANT, CONSTANT_RW, MTRR, EFER, PAT, TSC, TSC_ADJUST,
	SYSCALL, TSC_AUX, /* only writes exit */
};

static const struct row {
	u32 msr, count;
	u32 kind, at; /* MTRR: place in v->mtrr; they change no mapping, so that
		       * any value is kept */
} rows[] = {
	{ MSR_EFER, 1, EFER, 0 },            { MSR_PAT, 1, PAT, 0 },
	{ MSR_TSC, 1, TSC, 0 },              { MSR_TSC_ADJUST, 1, TSC_ADJUST, 0 },
	{ MSR_MTRR_DEF_TYPE, 1, MTRR, 0 },   { MSR_MTRR_FIX64K, 1, MTRR, 1 },
	{ MSR_MTRR_FIX16K, 2, MTRR, 2 },     { MSR_MTRR_FIX4K, 8, MTRR, 4 },
	{ MSR_MTRR_PHYS0, 16, MTRR, 12 },
	{ MSR_MTRRCAP, 1, CONSTANT, 0x508 }, /* 8 ranges, fixed ranges, write-combining */
	{ MSR_MISC_ENABLE, 1, CONSTANT_RW, 0x1801 }, /* fast strings, no BTS, no PEBS */
	{ MSR_FEATURE_CONTROL, 1, CONSTANT, 1 }, /* locked: VMX is off for good */
	{ MSR_PLATFORM_ID, 1, CONSTANT, 0 }, { MSR_UCODE_REV, 1, CONSTANT_RW, 0 },
	{ MSR_STAR, 4, SYSCALL, 0 },         { MSR_TSC_AUX, 1, TSC_AUX, 0 },
	{ MSR_MCG_CAP, 2, CONSTANT, 0 },     { MSR_HWCR, 1, CONSTANT, 0 },
};
/* clang-format on */

static const struct row *row_of(u32 msr)
{
	for (const struct row *r = rows; r < rows + array_size(rows); r++)
		if (msr - r->msr < r->count)
			return r;
	return NULL;
}

static bool efer_write(struct vcpu *v, u64 val)
{
	u64 old = reg_get(v, VREG_EFER);

	if (val & ~(u64)EFER_GUEST ||
	    ((val ^ old) & EFER_LME && reg_get(v, VREG_CR0) & CR0_PG))
		return false;
	/* LMA follows LME and CR0.PG only */
	reg_set(v, VREG_EFER, (val & ~(u64)EFER_LMA) | (old & EFER_LMA));
	return true;
}

/* Both move the offset; TSC_ADJUST keeps the sum (SDM Vol. 3B, 17.17.3). */
static bool tsc_move(struct vcpu *v, u64 by)
{
	v->tsc_adjust += by;
	reg_set(v, VREG_TSC_OFFSET, reg_get(v, VREG_TSC_OFFSET) + by);
	if (v->apic)
		vapic_timer_rearm(v);
	return true;
}

static u64 tsc(struct vcpu *v) { return rdtsc() + reg_get(v, VREG_TSC_OFFSET); }

/* STAR, LSTAR, CSTAR, SFMASK (SDM Vol. 3A, 5.8.8). Of the last, the upper half
 * is reserved; not every CPU refuses it. */
static bool syscall_write(struct vcpu *v, u32 msr, u64 val)
{
	bool good = msr == MSR_STAR || msr == MSR_SFMASK || canonical48(val);

	return reg_set_if(v, good, VREG_STAR + msr - MSR_STAR,
			  msr == MSR_SFMASK ? (u32)val : val);
}

static bool vapic_msr(const struct vcpu *v, u32 msr)
{
	return v->apic && (msr - MSR_X2APIC < 0x100 || msr == MSR_APIC_BASE ||
			   msr == MSR_TSC_DEADLINE);
}

static bool msr_read(struct vcpu *v, u32 msr, u64 *val)
{
	const struct row *r;

	if (vapic_msr(v, msr))
		return vapic_read(v, msr, val);
	r = row_of(msr);
	if (!r || r->kind >= SYSCALL)
		return false;
	*val = r->kind == MTRR	     ? v->mtrr[r->at + msr - r->msr] :
	       r->kind == EFER	     ? reg_get(v, VREG_EFER) :
	       r->kind == PAT	     ? reg_get(v, VREG_PAT) :
	       r->kind == TSC	     ? tsc(v) :
	       r->kind == TSC_ADJUST ? v->tsc_adjust :
				       r->at;
	return true;
}

static bool msr_write(struct vcpu *v, u32 msr, u64 val)
{
	const struct row *r;

	if (vapic_msr(v, msr))
		return vapic_write(v, msr, val);
	r = row_of(msr);
	switch (r ? r->kind : CONSTANT) {
	case MTRR:
		v->mtrr[r->at + msr - r->msr] = val;
		return true;
	case EFER:
		return efer_write(v, val);
	case PAT:
		return reg_set_if(v, pat_ok(val), VREG_PAT, val);
	case TSC:
		return tsc_move(v, val - tsc(v));
	case TSC_ADJUST:
		return tsc_move(v, val - v->tsc_adjust);
	case SYSCALL:
		return syscall_write(v, msr, val);
	case TSC_AUX:
		return reg_set_if(v, cpu_feat.rdtscp && !(val >> 32),
				  VREG_TSC_AUX, val);
	case CONSTANT_RW:
		return val == r->at;
	default:
		return false;
	}
}

enum trap_end trap_msr(struct vcpu *v, struct exit *x)
{
	u64 *gpr = v->hw.gpr, val = gpr[R_DX] << 32 | (u32)gpr[R_AX];
	u32 msr = (u32)gpr[R_CX];

	if (x->variant)
		return msr_write(v, msr, val) ? TRAP_NEXT : TRAP_GP;
	if (!msr_read(v, msr, &val))
		return TRAP_GP;
	gpr[R_AX] = (u32)val;
	gpr[R_DX] = val >> 32;
	return TRAP_NEXT;
}
