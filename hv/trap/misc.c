/* SPDX-License-Identifier: BSD-2-Clause */
/* The dispatch table, the short emulators, and the exits that end a guest. */
#include "core/sched.h"
#include "trap/emul.h"

/*
 * HLT sleeps until an interrupt is there, whatever RFLAGS.IF says: a guest
 * that halts with interrupts off comes back and halts again.
 */
static enum trap_end trap_hlt(struct vcpu *v, struct exit *x)
{
	trap_advance(v, x->insn_len);
	if (!(v->hw.pending & (PEND_INJECT | PEND_DIED)))
		sched_block(v, VCPU_WAITING, 0);
	return TRAP_DONE;
}

/*
 * Between STI and HLT. QEMU's VMRUN does not load the interrupt shadow: what is
 * injected next would be handled before HLT, which then sleeps. So HLT begins
 * here, as it would after the entry.
 */
static enum trap_end trap_host_irq(struct vcpu *v, struct exit *x)
{
	if (likely(!x->variant) || reg_get(v, VREG_CPL) || !trap_at_hlt(v))
		return TRAP_DONE;
	x->insn_len = 1;
	return trap_hlt(v, x);
}

static enum trap_end trap_invlpg(struct vcpu *v, struct exit *x)
{
	u64 at = x->invlpg_gva;
	struct insn i;

	if (!x->known || x->insn_len == INSN_UNKNOWN) {
		if (!trap_decode(v, &i, INSN_INVLPG, INSN_INVLPG))
			return TRAP_DONE;
		at = trap_seg_base(v, i.seg) + i.ea;
	}
	/* there is no translation of a non-canonical address */
	if (canonical48(at))
		reg_set(v, VREG_INVLPG, at);
	return TRAP_NEXT;
}

static enum trap_end trap_rdtsc(struct vcpu *v, struct exit *x)
{
	struct insn i;
	u64 t;

	/* some emulators report RDTSCP as RDTSC, but then give no length */
	if (x->insn_len == INSN_UNKNOWN || x->insn_guess) {
		if (!trap_decode(v, &i, INSN_RDTSCP, INSN_OTHER))
			return TRAP_DONE;
		x->variant |= i.op == INSN_RDTSCP;
	}
	if (x->variant && !cpu_feat.rdtscp)
		return TRAP_UD;
	t = rdtsc() + reg_get(v, VREG_TSC_OFFSET);
	v->hw.gpr[R_AX] = (u32)t;
	v->hw.gpr[R_DX] = t >> 32;
	if (x->variant)
		v->hw.gpr[R_CX] = (u32)reg_get(v, VREG_TSC_AUX);
	return TRAP_NEXT;
}

static enum trap_end trap_pause(struct vcpu *v, struct exit *x)
{
	sched_yield(v);
	return TRAP_NEXT;
}

/* Caches are coherent and hold nothing that a guest could lose. */
static enum trap_end trap_wbinvd(struct vcpu *v, struct exit *x)
{
	return reg_get(v, VREG_CPL) ? TRAP_GP : TRAP_NEXT;
}

/* SDM Vol. 2, XSETBV. */
static enum trap_end trap_xsetbv(struct vcpu *v, struct exit *x)
{
	u64 val = v->hw.gpr[R_DX] << 32 | (u32)v->hw.gpr[R_AX];

	if (!cpu_feat.xsave || !(reg_get(v, VREG_CR4) & CR4_OSXSAVE))
		return TRAP_UD;
	if (reg_get(v, VREG_CPL) || (u32)v->hw.gpr[R_CX] || !xcr0_ok(val))
		return TRAP_GP;
	v->hw.xcr0 = val;
	xsetbv(0, val);
	return TRAP_NEXT;
}

/* MONITOR, MWAIT, RDPMC; and what only a hypervisor may execute. */
static enum trap_end trap_refused(struct vcpu *v, struct exit *x)
{
	return x->kind == EXIT_MONITOR && x->variant == VEC_GP ? TRAP_GP :
								 TRAP_UD;
}

/* #DB and #AC: they are intercepted only so that none loops in its delivery. */
static enum trap_end trap_exception(struct vcpu *v, struct exit *x)
{
	trap_fault(v, x->exc_vector, x->exc_error);
	return TRAP_DONE;
}

static enum trap_end trap_fatal(struct vcpu *v, struct exit *x)
{
	const char *what = x->kind == EXIT_TRIPLE ? "triple fault" :
			   x->kind == EXIT_OTHER  ? "unexpected exit" :
						    "the CPU refused to enter";

	partition_die(v, "%s: reason 0x%lx info 0x%lx 0x%lx cs 0x%lx ss 0x%lx",
		      what, x->hw_reason, x->hw_info1, x->hw_info2,
		      reg_get(v, VREG_CS_AR), reg_get(v, VREG_SS_AR));
	return TRAP_DONE;
}

/* What run has done all there is for stands without a function. `sized`: the
 * emulator finds the length in x->insn_len. */
/* clang-format off */
static const struct {
	trap_fn *fn;
	bool sized;
} table[] = {
	[EXIT_CPUID] = { trap_cpuid, true },   [EXIT_MSR] = { trap_msr, true },
	[EXIT_IO] = { trap_io, true },         [EXIT_HLT] = { trap_hlt, true },
	[EXIT_CR] = { trap_cr, false },        [EXIT_DR] = { trap_dr, false },
	[EXIT_MMIO] = { trap_mmio, false },    [EXIT_INVLPG] = { trap_invlpg, false },
	[EXIT_RDTSC] = { trap_rdtsc, false },  [EXIT_DESC] = { trap_desc, false },
	[EXIT_PAUSE] = { trap_pause, true },   [EXIT_EXCEPTION] = { trap_exception, false },
	[EXIT_XSETBV] = { trap_xsetbv, true }, [EXIT_VIRT_INSN] = { trap_refused, false },
	[EXIT_WBINVD] = { trap_wbinvd, true }, [EXIT_MONITOR] = { trap_refused, false },
	[EXIT_HOST_IRQ] = { trap_host_irq, false },
	[EXIT_TRIPLE] = { trap_fatal, false }, [EXIT_ENTRY_FAIL] = { trap_fatal, false },
	[EXIT_OTHER] = { trap_fatal, false },
};
/* clang-format on */

void trap_handle(struct vcpu *v, struct exit *x)
{
	trap_fn *fn = table[x->kind].fn;
	/* a call has no length: x has one of an earlier exit */
	bool unsure = fn && (x->insn_len == INSN_UNKNOWN || x->insn_guess);
	enum trap_end end;

	/* first, as decoding may fault and nothing may have changed */
	if (!fn || (unsure && table[x->kind].sized && !trap_length(v, x)))
		return;
	end = fn(v, x);
	if (likely(end == TRAP_NEXT))
		trap_advance(v, x->insn_len);
	else if (end == TRAP_UD)
		trap_fault(v, VEC_UD, 0);
	else if (end == TRAP_GP)
		trap_fault(v, VEC_GP, 0);
}
