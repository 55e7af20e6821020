/* SPDX-License-Identifier: BSD-2-Clause */
/* Is a vCPU's state one that a CPU can enter? The checks of a VM entry with
 * unrestricted guest (SDM Vol. 3C 27.3.1), which cover VMRUN's (APM Vol. 2
 * 15.5.1), and of WRMSR and MOV DR, by which the rest is loaded. */
#include "core/partition.h"

/* clang-format off */
enum {
	AR_V86 = 0xf3, TYPE_LDT = 2, TYPE_DATA = 3, TYPE_TSS16 = 3, TYPE_TSS = 11,
	SEL_TI = 4,
	RFLAGS_VM = 1 << 17, RFLAGS_ONE = 2, RFLAGS_KNOWN = 0x3f7fd7,
};
/* clang-format on */

static u32 dpl(const struct vseg *s) { return s->ar >> 5 & 3; }

static bool usable(const struct vseg *s) { return !(s->ar & AR_UNUSABLE); }

/* Present, no reserved bit, and a limit that the descriptor can hold. Those of the
 * system are in the GDT. */
static bool seg_ok(const struct vseg *s, u32 system)
{
	if ((s->ar & (AR_S | AR_P)) != (AR_P | (system ? 0 : AR_S)) ||
	    s->ar & AR_RESERVED || (system && s->sel & SEL_TI))
		return false;
	return s->ar & AR_G ? (s->limit & 0xfff) == 0xfff : !(s->limit >> 20);
}

static bool data_ok(const struct vseg *s)
{
	return !usable(s) || (seg_ok(s, false) && s->ar & AR_ACCESSED &&
			      (s->ar & AR_RW || !(s->ar & AR_CODE)));
}

static bool code_ok(const struct vstate *s, bool lma)
{
	u32 type = s->cs.ar & AR_TYPE;

	if (!usable(&s->cs) || !seg_ok(&s->cs, false))
		return false;
	if (s->cs.ar & AR_LONG && (!lma || s->cs.ar & AR_DB))
		return false;
	if (type == TYPE_DATA) /* left from real mode */
		return !dpl(&s->cs) && !dpl(&s->ss);
	if (!(type & AR_CODE) || !(type & AR_ACCESSED))
		return false;
	if (!(s->cr0 & CR0_PE) && dpl(&s->ss))
		return false;
	/* conforming: any ring from its own on */
	return type & 4 ? dpl(&s->cs) <= dpl(&s->ss) :
			  dpl(&s->cs) == dpl(&s->ss);
}

static bool stack_ok(const struct vseg *s)
{
	u32 type = s->ar & AR_TYPE;

	return !usable(s) || (seg_ok(s, false) && (type == 3 || type == 7));
}

static bool v86_ok(const struct vseg *s)
{
	return s->base == s->sel << 4 && s->limit == 0xffff && s->ar == AR_V86;
}

static bool system_ok(const struct vstate *s, bool lma)
{
	u32 tss = s->tr.ar & AR_TYPE;

	return usable(&s->tr) && seg_ok(&s->tr, true) &&
	       (tss == TYPE_TSS || (tss == TYPE_TSS16 && !lma)) &&
	       (!usable(&s->ldtr) ||
		(seg_ok(&s->ldtr, true) && (s->ldtr.ar & AR_TYPE) == TYPE_LDT));
}

static bool segments_ok(const struct vstate *s, bool lma)
{
	/* ES CS SS DS FS GS LDTR TR */
	const struct vseg *all = &s->es;
	bool v86 = s->rflags & RFLAGS_VM, ok = true;

	for (u32 i = 0; i < 8; i++) {
		ok &= !(all[i].sel >> 16 | all[i].limit >> 32 |
			all[i].ar >> 17);
		ok &= i < 4 ? !(all[i].base >> 32) || !usable(&all[i]) :
			      canonical48(all[i].base);
		ok &= !v86 || i > 5 || v86_ok(&all[i]);
	}
	if (v86)
		return ok && !lma && s->cr0 & CR0_PE && system_ok(s, lma);
	return ok && code_ok(s, lma) && stack_ok(&s->ss) && data_ok(&s->ds) &&
	       data_ok(&s->es) && data_ok(&s->fs) && data_ok(&s->gs) &&
	       system_ok(s, lma);
}

bool pat_ok(u64 val)
{
	for (; val; val >>= 8)
		if ((val & 0xff) > 7 || (val & 0xfe) == 2)
			return false;
	return true;
}

bool xcr0_ok(u64 x)
{
	return x & XCR0_X87 && !(x & ~(cpu_feat.xcr0_mask | XCR0_X87)) &&
	       !(x & XCR0_AVX && !(x & XCR0_SSE));
}

static bool control_ok(const struct vstate *s, bool lma)
{
	return !(s->cr0 & ~(u64)CR0_KNOWN) && s->cr0 & CR0_ET &&
	       !(s->cr0 & CR0_PG && !(s->cr0 & CR0_PE)) &&
	       !(s->cr0 & CR0_NW && !(s->cr0 & CR0_CD)) &&
	       !(s->cr4 & ~guest_cpu.cr4) && !(lma && !(s->cr4 & CR4_PAE)) &&
	       !(s->efer & ~(u64)EFER_GUEST) && !(s->efer & EFER_LMA) == !lma &&
	       !(s->cr3 >> cpu_feat.phys_bits) && pat_ok(s->pat) &&
	       (s->dr7 & ~DR7_ZERO) == s->dr7 && s->dr7 & DR7_RESET &&
	       !(s->dr7 >> 32);
}

static bool msrs_ok(const struct vstate *s)
{
	return canonical48(s->sysenter_esp) && canonical48(s->sysenter_eip) &&
	       canonical48(s->lstar) && canonical48(s->cstar) &&
	       canonical48(s->kernel_gs) &&
	       !(s->sysenter_cs >> 32 | s->sfmask >> 32);
}

bool vstate_ok(const struct vstate *s)
{
	bool lma = s->efer & EFER_LME && s->cr0 & CR0_PG;

	return control_ok(s, lma) && segments_ok(s, lma) && msrs_ok(s) &&
	       canonical48(s->gdt_base) && canonical48(s->idt_base) &&
	       s->gdt_limit <= 0xffff && s->idt_limit <= 0xffff &&
	       (lma && s->cs.ar & AR_LONG ? canonical48(s->rip) :
					    !(s->rip >> 32)) &&
	       !(s->rflags & ~(u64)RFLAGS_KNOWN) && s->rflags & RFLAGS_ONE;
}
