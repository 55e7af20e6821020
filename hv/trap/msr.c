/* SPDX-License-Identifier: BSD-2-Clause */
/* RDMSR and WRMSR: what is not listed here raises #GP. */
#include "arch/tsc.h"
#include "arch/x86.h"
#include "core/vapic.h"
#include "trap/emul.h"

/* Places of the virtual MTRRs in v->mtrr. They change no mapping. */
#define MTRR_DEF 0
#define MTRR_FIXED 1 /* 11 registers */
#define MTRR_VAR 12  /* 16 registers */
#define MTRRCAP_VALUE 0x508ull /* 8 ranges, fixed ranges, write-combining */
#define MISC_ENABLE_VALUE 0x1801ull /* fast strings, no BTS, no PEBS */
#define FEATURE_CONTROL_LOCKED 1ull /* VMX is off for good */

static bool mtrr_type_ok(u64 t)
{
	return t <= 6 && t != 2 && t != 3;
}

/* Eight memory types, one a byte; PAT has one more (SDM Vol. 3A, 11.12.2). */
static bool types_ok(u64 val, bool pat)
{
	for (; val; val >>= 8)
		if (!mtrr_type_ok(val & 0xff) && !(pat && (val & 0xff) == 7))
			return false;
	return true;
}

static int mtrr_index(u32 msr)
{
	if (msr == MSR_MTRR_DEF_TYPE)
		return MTRR_DEF;
	if (msr == MSR_MTRR_FIX64K)
		return MTRR_FIXED;
	if (msr == MSR_MTRR_FIX16K || msr == MSR_MTRR_FIX16K + 1)
		return MTRR_FIXED + 1 + (int)(msr - MSR_MTRR_FIX16K);
	if (msr >= MSR_MTRR_FIX4K && msr < MSR_MTRR_FIX4K + 8)
		return MTRR_FIXED + 3 + (int)(msr - MSR_MTRR_FIX4K);
	if (msr >= MSR_MTRR_PHYS0 && msr <= MSR_MTRR_PHYS_END)
		return MTRR_VAR + (int)(msr - MSR_MTRR_PHYS0);
	return -1;
}

static bool mtrr_write(struct vcpu *v, int n, u64 val)
{
	u64 high = ~0ull << cpu_feat.phys_bits;
	bool ok;

	if (n == MTRR_DEF)
		ok = !(val & ~0xcffull) && mtrr_type_ok(val & 0xff);
	else if (n < MTRR_VAR)
		ok = types_ok(val, false);
	else if (n & 1) /* a mask */
		ok = !(val & (high | 0x7ff));
	else
		ok = !(val & (high | 0xf00)) && mtrr_type_ok(val & 0xff);
	if (ok)
		v->mtrr[n] = val;
	return ok;
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
	if ((val ^ old) & EFER_NXE)
		virt->flush(&v->hw);
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

/* The others; true: *val is what it reads. */
static bool msr_read(struct vcpu *v, u32 msr, u64 *val)
{
	int n = mtrr_index(msr);

	if (n >= 0) {
		*val = v->mtrr[n];
		return true;
	}
	switch (msr) {
	case MSR_EFER:
		*val = reg_get(v, VREG_EFER);
		return true;
	case MSR_PAT:
		*val = reg_get(v, VREG_PAT);
		return true;
	case MSR_TSC:
		*val = rdtsc() + reg_get(v, VREG_TSC_OFFSET);
		return true;
	case MSR_TSC_ADJUST:
		*val = v->tsc_adjust;
		return true;
	case MSR_MTRRCAP:
		*val = MTRRCAP_VALUE;
		return true;
	case MSR_MISC_ENABLE:
		*val = MISC_ENABLE_VALUE;
		return true;
	case MSR_FEATURE_CONTROL:
		*val = FEATURE_CONTROL_LOCKED;
		return true;
	case MSR_PLATFORM_ID:
	case MSR_UCODE_REV:
	case MSR_MCG_CAP:
	case MSR_MCG_STATUS:
	case MSR_HWCR:
		*val = 0;
		return true;
	}
	return false;
}

static bool msr_write(struct vcpu *v, u32 msr, u64 val)
{
	int n = mtrr_index(msr);

	if (n >= 0)
		return mtrr_write(v, n, val);
	switch (msr) {
	case MSR_EFER:
		return trap_efer_write(v, val);
	case MSR_PAT:
		if (!types_ok(val, true))
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
	struct insn i;
	bool ok;

	/* first, as decoding may fault and nothing may have changed */
	if (!trap_length(v, x, &i))
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
	trap_advance(v, i.len);
}
