/* SPDX-License-Identifier: BSD-2-Clause */
/* The dispatch table, the short emulators, and the exits that end a guest. */
#include "lib/x86.h"
#include "core/event.h"
#include "core/sched.h"
#include "core/vapic.h"
#include "lib/log.h"
#include "trap/emul.h"

/*
 * HLT sleeps until an interrupt is there, whatever RFLAGS.IF says: a guest
 * that halts with interrupts off comes back and halts again.
 */
void trap_hlt(struct vcpu *v, struct exit *x)
{
	trap_skip(v, x);
	if (!(v->hw.pending & (PEND_INJECT | PEND_DIED)))
		sched_block(v, VCPU_WAITING, 0);
}

static void trap_invlpg(struct vcpu *v, struct exit *x)
{
	struct insn i = { .len = (u8)x->insn_len };
	u64 at = x->invlpg.gva;

	if (!x->invlpg.known || i.len == INSN_UNKNOWN) {
		if (!trap_decode(v, &i, INSN_INVLPG, INSN_INVLPG))
			return;
		at = trap_seg_base(v, i.seg) + i.ea;
	}
	/* there is no translation of a non-canonical address */
	if (canonical48(at))
		reg_set(v, VREG_INVLPG, at);
	trap_advance(v, i.len);
}

static void trap_rdtsc(struct vcpu *v, struct exit *x)
{
	struct insn i = { .len = (u8)x->insn_len };
	u64 t;

	/* some emulators report RDTSCP as RDTSC, but then give no length */
	if (i.len == INSN_UNKNOWN || x->insn_guess) {
		if (!trap_decode(v, &i, INSN_RDTSCP, INSN_OTHER))
			return;
		x->rdtscp |= i.op == INSN_RDTSCP;
	}
	if (x->rdtscp && !cpu_feat.rdtscp) {
		trap_ud(v);
		return;
	}
	t = rdtsc() + reg_get(v, VREG_TSC_OFFSET);
	v->hw.gpr[R_AX] = (u32)t;
	v->hw.gpr[R_DX] = t >> 32;
	if (x->rdtscp)
		v->hw.gpr[R_CX] = (u32)reg_get(v, VREG_TSC_AUX);
	trap_advance(v, i.len);
}

static void trap_pause(struct vcpu *v, struct exit *x)
{
	trap_skip(v, x);
	sched_yield(v);
}

/* Caches are coherent and hold nothing that a guest could lose. */
static void trap_wbinvd(struct vcpu *v, struct exit *x)
{
	if (reg_get(v, VREG_CPL))
		trap_gp(v, 0);
	else
		trap_skip(v, x);
}

/* SDM Vol. 2, XSETBV; Vol. 1, 13.3. */
static void trap_xsetbv(struct vcpu *v, struct exit *x)
{
	u64 val = v->hw.gpr[R_DX] << 32 | (u32)v->hw.gpr[R_AX];
	u32 len = trap_length(v, x);

	if (!len)
		return;
	if (!cpu_feat.xsave || !(reg_get(v, VREG_CR4) & CR4_OSXSAVE)) {
		trap_ud(v);
		return;
	}
	if (reg_get(v, VREG_CPL) || (u32)v->hw.gpr[R_CX] || !(val & XCR0_X87) ||
	    val & ~cpu_feat.xcr0_mask ||
	    (val & XCR0_AVX && !(val & XCR0_SSE))) {
		trap_gp(v, 0);
		return;
	}
	v->hw.xcr0 = val;
	xsetbv(0, val);
	trap_advance(v, len);
}

/* MONITOR, MWAIT, RDPMC; and what only a hypervisor may execute. */
static void trap_refused(struct vcpu *v, struct exit *x)
{
	if (x->kind == EXIT_MONITOR && x->refuse == VEC_GP)
		trap_gp(v, 0);
	else
		trap_ud(v);
}

static void trap_exception(struct vcpu *v, struct exit *x)
{
	if (x->exc.vector == VEC_PF)
		trap_pf(v, x->exc.cr2, x->exc.error);
	else
		trap_inject_exception(v, x->exc.vector, x->exc.has_error,
				      x->exc.error);
}

static void trap_triple(struct vcpu *v, struct exit *x)
{
	partition_die(v, "triple fault");
}

static void trap_entry_fail(struct vcpu *v, struct exit *x)
{
	partition_die(v,
		      "the CPU refused to enter: reason 0x%lx info 0x%lx 0x%lx "
		      "cs 0x%lx ss 0x%lx",
		      x->hw_reason, x->hw_info1, x->hw_info2,
		      reg_get(v, VREG_CS_AR), reg_get(v, VREG_SS_AR));
}

static void trap_other(struct vcpu *v, struct exit *x)
{
	partition_die(v, "unexpected exit: reason 0x%lx info 0x%lx 0x%lx",
		      x->hw_reason, x->hw_info1, x->hw_info2);
}

/* Run has done all there is. */
static void trap_none(struct vcpu *v, struct exit *x)
{
}

/* clang-format off */
const trap_fn trap_table[24] = {
	[EXIT_NONE] = trap_none,	[EXIT_HCALL] = trap_none,
	[EXIT_CPUID] = trap_cpuid,	[EXIT_MSR] = trap_msr,
	[EXIT_IO] = trap_io,		[EXIT_HLT] = trap_hlt,
	[EXIT_CR] = trap_cr,		[EXIT_DR] = trap_dr,
	[EXIT_MMIO] = trap_mmio,	[EXIT_INVLPG] = trap_invlpg,
	[EXIT_RDTSC] = trap_rdtsc,	[EXIT_DESC] = trap_desc,
	[EXIT_PAUSE] = trap_pause,	[EXIT_EXCEPTION] = trap_exception,
	[EXIT_XSETBV] = trap_xsetbv,	[EXIT_VIRT_INSN] = trap_refused,
	[EXIT_WBINVD] = trap_wbinvd,	[EXIT_MONITOR] = trap_refused,
	[EXIT_WINDOW] = trap_none,	[EXIT_HOST_IRQ] = trap_none,
	[EXIT_DEADLINE] = trap_none,	[EXIT_TRIPLE] = trap_triple,
	[EXIT_ENTRY_FAIL] = trap_entry_fail, [EXIT_OTHER] = trap_other,
};
/* clang-format on */

/* One timer per vCPU: the virtual APIC's when that has armed it. */
static void timer_fired(struct vcpu *v)
{
	if (v->apic && v->apic->armed)
		vapic_timer_fired(v);
	else
		event_timer(v);
}

void trap_init(void)
{
	sched_timer_fired = timer_fired;
}

/* Saved and restored with the vCPU, and checked by the CPU itself. */
void trap_space_setup(struct partition *p)
{
	struct virt_space *s = &p->space;

	for (u32 m = MSR_STAR; m <= MSR_SFMASK; m++)
		virt_msr_allow(s, m, true, true);
	for (u32 m = MSR_FS_BASE; m <= MSR_KERNEL_GS_BASE; m++)
		virt_msr_allow(s, m, true, true);
	for (u32 m = MSR_SYSENTER_CS; m <= MSR_SYSENTER_EIP; m++)
		virt_msr_allow(s, m, true, true);
	if (cpu_feat.rdtscp)
		virt_msr_allow(s, MSR_TSC_AUX, true, true);
}
