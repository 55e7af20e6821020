/* SPDX-License-Identifier: BSD-2-Clause */
/* Choosing the backend, and what both backends do alike. */
#include "virt/backend.h"
#include "lib/early.h"
#include "lib/regs.h"
#include "arch/x86.h"
#include "lib/log.h"

const struct virt_ops *virt;
hcall_fn virt_hcall_table[HCALL_TABLE_SIZE];
bool virt_probe;

#define AT(field, off) \
	_Static_assert(offsetof(struct virt_vcpu, field) == (off), #field)
AT(gpr[R_AX], V_AX);
AT(gpr[R_BX], V_BX);
AT(gpr[R_BP], V_BP);
AT(gpr[R_DI], V_DI);
AT(gpr[R_15], V_R15);
AT(ctl_pa, V_CTL_PA);
AT(ctl, V_CTL);
AT(pending, V_PENDING);
AT(launched, V_LAUNCHED);
AT(how, V_HOW);
AT(reason, V_REASON);
AT(host_rsp, V_HOST_RSP);
AT(calls, V_CALLS);
AT(guest_tsc, V_GUEST_TSC);
AT(entry_stamp, V_ENTRY_STAMP);
AT(vmcs_accesses, V_VMCS_ACCESSES);

static bool cpuid_bit(u32 leaf, u32 bit)
{
	struct cpuid_regs r = cpuid(leaf, 0);

	return r.c >> bit & 1;
}

static const char *virt_select(void)
{
	if (cpuid_bit(1, 5))
		virt = &vmx_ops;
	else if (cpuid(0x80000000, 0).a >= 0x80000001 &&
		 cpuid_bit(0x80000001, 2))
		virt = &svm_ops;
	else
		return "this CPU has neither VMX nor SVM (CPUID shows none; "
		       "firmware may have switched it off)";
	return virt->probe();
}

const char *virt_init(void)
{
	const char *lack = virt_select();
	u32 i;

	for (i = 0; !lack && i < cpu_count; i++) {
		struct virt_cpu *pc = early_alloc(3, PAGE_SIZE);

		pc->area[0] = ptr_hpa(pc).v + PAGE_SIZE;
		pc->area[1] = ptr_hpa(pc).v + 2 * PAGE_SIZE;
		pc->next_tag = pc->tag_gen = 1;
		cpu_table[i]->virt = pc;
	}
	return lack;
}

void virt_probe_enable(void)
{
	virt_probe = true;
}

bool virt_tag_new(struct virt_vcpu *v)
{
	struct virt_cpu *pc = virt_cpu();
	bool wrapped = pc->next_tag > pc->max_tag;

	if (wrapped) {
		pc->next_tag = 1;
		pc->tag_gen++;
	}
	v->tag = pc->next_tag++;
	v->tag_gen = pc->tag_gen;
	return wrapped;
}

void virt_stub_choose(struct virt_vcpu *v)
{
	if (v->stub == VIRT_STUB_FLOOR)
		return;
	v->stub = virt_probe	   ? VIRT_STUB_PROBE :
		  virt_mitigations ? VIRT_STUB_MITIGATE :
				     VIRT_STUB_PLAIN;
}

u64 virt_cr4_free(void)
{
	u64 bits = 0xf | 1 << 4 | CR4_PAE | CR4_PGE | CR4_OSFXSR |
		   CR4_OSXMMEXCPT; /* VME PVI TSD DE PSE */

	bits |= cpu_feat.smep ? CR4_SMEP : 0;
	bits |= cpu_feat.smap ? CR4_SMAP : 0;
	bits |= cpu_feat.umip ? 1 << 11 : 0;
	bits |= cpu_feat.xsave ? CR4_OSXSAVE : 0;
	return bits;
}

static bool rip_bad(const struct vstate *s)
{
	bool l = s->efer & EFER_LME && s->cr0 & CR0_PG && s->cs.ar & 1 << 13;

	return l ? !canonical48(s->rip) : s->rip >> 32;
}

const char *virt_state_bad(const struct vstate *s)
{
	if (s->cr0 >> 32 || (s->cr0 & CR0_PG && !(s->cr0 & CR0_PE)))
		return "CR0 has PG without PE, or bits above 31";
	if (s->cr0 & CR0_NW && !(s->cr0 & CR0_CD))
		return "CR0 has NW without CD";
	if (s->efer & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE))
		return "EFER has an unknown bit";
	if (s->efer & EFER_LME && s->cr0 & CR0_PG && !(s->cr4 & CR4_PAE))
		return "long mode without CR4.PAE";
	if (s->cr3 >> cpu_feat.phys_bits)
		return "CR3 is beyond the physical address width";
	if (rip_bad(s))
		return "RIP is not canonical";
	if (s->rflags & ~0x3f7fd7ull)
		return "RFLAGS has a reserved bit";
	return NULL;
}

void virt_hcall_finish(struct virt_vcpu *v)
{
	if (__atomic_load_n(&v->pending, __ATOMIC_RELAXED) & PEND_RESUME) {
		__atomic_and_fetch(&v->pending, ~PEND_RESUME, __ATOMIC_RELAXED);
		return;
	}
	virt->reg_set(v, VREG_RIP, virt->reg_get(v, VREG_RIP) + VIRT_CALL_LEN);
}

void virt_call_resume(struct virt_vcpu *v, u64 nr, u64 a0, u64 a1, u64 a2,
		      u64 a3, u64 a4, u64 a5)
{
	v->gpr[R_AX] = nr;
	v->gpr[R_DI] = a0;
	v->gpr[R_SI] = a1;
	v->gpr[R_DX] = a2;
	v->gpr[R_CX] = a3;
	v->gpr[R_8] = a4;
	v->gpr[R_9] = a5;
	__atomic_or_fetch(&v->pending, PEND_RESUME, __ATOMIC_RELAXED);
}

static void seg_log(const char *name, const struct vseg *g)
{
	log("parley:   %s sel %04x ar %05x limit %08x base %016lx\n", name,
	    g->sel, g->ar, g->limit, g->base);
}

void virt_state_log(struct virt_vcpu *v)
{
	struct vstate s;

	virt->state_get(v, &s);
	log("parley:   rip %016lx rsp %016lx rflags %08lx\n", s.rip, s.rsp,
	    s.rflags);
	log("parley:   cr0 %08lx cr3 %012lx cr4 %08lx efer %04lx dr7 %08lx\n",
	    s.cr0, s.cr3, s.cr4, s.efer, s.dr7);
	seg_log("cs", &s.cs);
	seg_log("ss", &s.ss);
	seg_log("ds", &s.ds);
	seg_log("es", &s.es);
	seg_log("fs", &s.fs);
	seg_log("gs", &s.gs);
	seg_log("tr", &s.tr);
	seg_log("ldt", &s.ldtr);
	log("parley:   gdt %016lx limit %x idt %016lx limit %x pat %016lx\n",
	    s.gdt_base, s.gdt_limit, s.idt_base, s.idt_limit, s.pat);
}
