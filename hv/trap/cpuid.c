/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID: the boot stage's allow-list, and what differs between vCPUs. */
#include "lib/machine.h"
#include "pvabi/calls.h"
#include "trap/emul.h"

#define L1_C_OSXSAVE (1u << 27)
#define L1_C_APIC (1u << 21 | 1u << 24) /* x2APIC, TSC deadline */
#define L1_D_APIC (1u << 9)
#define L1_D_HTT (1u << 28)
#define XSAVEC 2u

static void features(struct vcpu *v, struct cpuid_regs *r)
{
	r->b |= v->part->nr_vcpus << 16 | v->id << 24;
	if (v->apic) {
		r->c |= L1_C_APIC;
		r->d |= L1_D_APIC;
	}
	if (v->part->nr_vcpus > 1)
		r->d |= L1_D_HTT;
	if (cpu_feat.xsave && reg_get(v, VREG_CR4) & CR4_OSXSAVE)
		r->c |= L1_C_OSXSAVE;
}

/* Two levels: one thread in a core, all cores in one package (SDM Vol. 2). */
static struct cpuid_regs topology(const struct vcpu *v, u32 sub)
{
	return (struct cpuid_regs){
		.a = sub == 1 ? 6 : 0, /* PV_VCPUS_MAX is 1 << 6 */
		.b = sub == 0 ? 1 :
		     sub == 1 ? v->part->nr_vcpus :
				0,
		.c = sub | (sub < 2 ? (sub + 1) << 8 : 0),
		.d = v->id,
	};
}

/* The size of the enabled state follows XCR0, which is the guest's now. */
static struct cpuid_regs xsave(u32 sub, struct cpuid_regs r)
{
	u64 mask = cpu_feat.xcr0_mask;

	if (cpu_feat.xsave && sub == 0)
		return (struct cpuid_regs){ (u32)mask, cpuid(0xd, 0).b,
					    cpu_feat.xsave_size,
					    (u32)(mask >> 32) };
	if (cpu_feat.xsave && sub == 1) {
		r.a = guest_cpu.xsave_1;
		r.b = r.a & XSAVEC ? cpuid(0xd, 1).b : 0;
	}
	return r;
}

static struct cpuid_regs parley(const struct vcpu *v, u32 leaf)
{
	const struct partition *p = v->part;

	switch (leaf) {
	case PV_CPUID_BASE:
		return (struct cpuid_regs){ PV_CPUID_MAX, PV_CPUID_SIG_B,
					    PV_CPUID_SIG_C, PV_CPUID_SIG_D };
	case PV_CPUID_BASE + 1:
		return (struct cpuid_regs){ .a = PV_ABI_VERSION,
					    .c = PV_CALL_COUNT };
	case PV_CPUID_BASE + 2:
		return (struct cpuid_regs){ p->id, v->id, p->nr_vcpus,
					    p->profile };
	default:
		return (struct cpuid_regs){ .a = (u32)tsc_khz,
					    .b = v->apic ? (u32)tsc_khz : 0 };
	}
}

static struct cpuid_regs answer(struct vcpu *v, u32 leaf, u32 sub)
{
	struct cpuid_regs r = { 0 };
	const struct guest_leaf *l = guest_cpu.leaf;
	const struct guest_leaf *end = l + guest_cpu.nr_leaves;

	if (leaf - PV_CPUID_BASE <= PV_CPUID_MAX - PV_CPUID_BASE)
		return parley(v, leaf);
	while (l < end && (l->leaf != leaf ||
			   (l->sub != sub && (leaf == 7 || leaf == 0xd))))
		l++;
	if (l < end)
		r = l->regs;
	if (leaf == 1)
		features(v, &r);
	else if (leaf == 0xb)
		r = topology(v, sub);
	else if (leaf == 0xd)
		r = xsave(sub, r);
	return r;
}

enum trap_end trap_cpuid(struct vcpu *v, struct exit *x)
{
	u64 *gpr = v->hw.gpr;
	struct cpuid_regs r = answer(v, (u32)gpr[R_AX], (u32)gpr[R_CX]);

	gpr[R_AX] = r.a;
	gpr[R_BX] = r.b;
	gpr[R_CX] = r.c;
	gpr[R_DX] = r.d;
	return TRAP_NEXT;
}
