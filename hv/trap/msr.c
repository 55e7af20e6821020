/* SPDX-License-Identifier: BSD-2-Clause */
/* RDMSR and WRMSR: what is not listed here raises #GP. */
#include "lib/machine.h"
#include "lib/x86.h"
#include "core/vapic.h"
#include "trap/emul.h"

/* Places of the virtual MTRRs in v->mtrr. They change no mapping, so that any
 * value is kept. */
#define MTRR_DEF 0
#define MTRR_FIXED 1		 /* 11 registers */
#define MTRR_VAR 12		 /* 16 registers */
#define MISC_ENABLE_VALUE 0x1801 /* fast strings, no BTS, no PEBS */

/* Eight memory types, one a byte (SDM Vol. 3A, 11.12.2). */
static bool pat_ok(u64 val)
{
	for (; val; val >>= 8)
		if ((val & 0xff) > 7 || (val & 0xfe) == 2)
			return false;
	return true;
}

static int mtrr_index(u32 msr)
{
	static const struct {
		u16 msr, count, at;
	} groups[] = { { MSR_MTRR_PHYS0, 16, MTRR_VAR },
		       { MSR_MTRR_FIX64K, 1, MTRR_FIXED },
		       { MSR_MTRR_FIX16K, 2, MTRR_FIXED + 1 },
		       { MSR_MTRR_FIX4K, 8, MTRR_FIXED + 3 },
		       { MSR_MTRR_DEF_TYPE, 1, MTRR_DEF } };

	for (u32 i = 0; i < array_size(groups); i++)
		if (msr - groups[i].msr < groups[i].count)
			return groups[i].at + (int)(msr - groups[i].msr);
	return -1;
}

bool trap_efer_write(struct vcpu *v, u64 val)
{
	u64 old = reg_get(v, VREG_EFER);
	u64 allowed = EFER_SCE | EFER_LME | EFER_LMA |
		      (cpu_feat.nx ? EFER_NXE : 0);

	if (val & ~allowed)
		return false;
	if ((val ^ old) & EFER_LME && reg_get(v, VREG_CR0) & CR0_PG)
		return false;
	/* LMA follows LME and CR0.PG only */
	reg_set(v, VREG_EFER, (val & ~EFER_LMA) | (old & EFER_LMA));
	return true;
}

/* Both move the offset; TSC_ADJUST keeps the sum (SDM Vol. 3B, 17.17.3). */
static void tsc_move(struct vcpu *v, u64 by)
{
	v->tsc_adjust += by;
	reg_set(v, VREG_TSC_OFFSET, reg_get(v, VREG_TSC_OFFSET) + by);
	if (v->apic)
		vapic_timer_rearm(v);
}

static bool vapic_msr(const struct vcpu *v, u32 msr)
{
	return v->apic && (msr == MSR_APIC_BASE || msr == MSR_TSC_DEADLINE ||
			   (msr >= MSR_X2APIC && msr <= MSR_X2APIC_END));
}

/* MSRs that always read the same. */
static const struct {
	u32 msr, val;
} constants[] = {
	{ MSR_MTRRCAP, 0x508 }, /* 8 ranges, fixed ranges, write-combining */
	{ MSR_MISC_ENABLE, MISC_ENABLE_VALUE },
	{ MSR_FEATURE_CONTROL, 1 }, /* locked: VMX is off for good */
	{ MSR_PLATFORM_ID, 0 },
	{ MSR_UCODE_REV, 0 },
	{ MSR_MCG_CAP, 0 },
	{ MSR_MCG_STATUS, 0 },
	{ MSR_HWCR, 0 },
};

static bool msr_constant(u32 msr, u64 *val)
{
	for (u32 i = 0; i < array_size(constants); i++)
		if (constants[i].msr == msr) {
			*val = constants[i].val;
			return true;
		}
	return false;
}

/* The others; true: *val is what it reads. */
static bool msr_read(struct vcpu *v, u32 msr, u64 *val)
{
	int n = mtrr_index(msr);

	if (n >= 0)
		*val = v->mtrr[n];
	else if (msr == MSR_EFER)
		*val = reg_get(v, VREG_EFER);
	else if (msr == MSR_PAT)
		*val = reg_get(v, VREG_PAT);
	else if (msr == MSR_TSC)
		*val = rdtsc() + reg_get(v, VREG_TSC_OFFSET);
	else if (msr == MSR_TSC_ADJUST)
		*val = v->tsc_adjust;
	else
		return msr_constant(msr, val);
	return true;
}

static bool msr_write(struct vcpu *v, u32 msr, u64 val)
{
	int n = mtrr_index(msr);

	if (n >= 0) {
		v->mtrr[n] = val;
		return true;
	}
	switch (msr) {
	case MSR_EFER:
		return trap_efer_write(v, val);
	case MSR_PAT:
		if (!pat_ok(val))
			return false;
		reg_set(v, VREG_PAT, val);
		return true;
	case MSR_TSC:
		tsc_move(v, val - rdtsc() - reg_get(v, VREG_TSC_OFFSET));
		return true;
	case MSR_TSC_ADJUST:
		tsc_move(v, val - v->tsc_adjust);
		return true;
	case MSR_MISC_ENABLE:
		return val == MISC_ENABLE_VALUE;
	case MSR_UCODE_REV:
		return val == 0;
	}
	return false;
}

void trap_msr(struct vcpu *v, struct exit *x)
{
	u32 msr = (u32)v->hw.gpr[R_CX];
	u64 val = v->hw.gpr[R_DX] << 32 | (u32)v->hw.gpr[R_AX];
	u32 len = trap_length(v, x);
	bool ok;

	/* first, as decoding may fault and nothing may have changed */
	if (!len)
		return;
	if (x->msr.write)
		ok = vapic_msr(v, msr) ? vapic_write(v, msr, val) :
					 msr_write(v, msr, val);
	else
		ok = vapic_msr(v, msr) ? vapic_read(v, msr, &val) :
					 msr_read(v, msr, &val);
	if (!ok) {
		trap_gp(v, 0);
		return;
	}
	if (!x->msr.write) {
		v->hw.gpr[R_AX] = (u32)val;
		v->hw.gpr[R_DX] = val >> 32;
	}
	trap_advance(v, len);
}
