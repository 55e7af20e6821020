/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID: the boot stage's allow-list, and what differs between vCPUs. */
#include "trap/emul.h"

#define L1_C_OSXSAVE (1u << 27)
#define L1_C_APIC (1u << 21 | 1u << 24) /* x2APIC, TSC deadline */
#define L1_D_APIC (1u << 9)
#define L1_D_HTT (1u << 28)

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

/* What of a leaf differs between vCPUs, or with a vCPU's state. */
static void adapt(const struct vcpu *v, u32 leaf, u32 sub, struct cpuid_regs *r)
{
	if (leaf == 0xb) { /* the level is echoed (SDM Vol. 2) */
		r->b = sub == 1 ? v->part->nr_vcpus : r->b;
		r->c |= sub;
		r->d = v->id;
	} else if (leaf == 0xd && r->b) {
		/* of the state that XCR0 enables, which is the guest's now */
		r->b = cpuid(0xd, sub).b;
	} else if (leaf == PV_CPUID_TIME) {
		r->b = v->apic ? r->a : 0;
	}
}

static struct cpuid_regs listed(u32 leaf, u32 sub)
{
	const struct guest_leaf *l = guest_cpu.leaf;

	for (u32 i = 0; i < guest_cpu.nr_leaves; i++, l++)
		if (l->leaf == leaf &&
		    (l->sub == GUEST_LEAF_ANY || l->sub == sub))
			return l->regs;
	return (struct cpuid_regs){ 0 };
}

static struct cpuid_regs answer(struct vcpu *v, u32 leaf, u32 sub)
{
	const struct partition *p = v->part;
	struct cpuid_regs r;

	if (leaf == PV_CPUID_SELF)
		return (struct cpuid_regs){ p->id, v->id, p->nr_vcpus,
					    p->profile };
	r = listed(leaf, sub);
	if (leaf == 1)
		features(v, &r);
	else
		adapt(v, leaf, sub, &r);
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
