/* SPDX-License-Identifier: BSD-2-Clause */
/* Choosing the backend, and what both backends do alike. */
#include "virt/backend.h"
#include "lib/x86.h"
#include "lib/log.h"

const struct virt_ops *virt;
hcall_fn virt_hcall_table[HCALL_TABLE_SIZE];
bool virt_probe;
u64 virt_accesses;

#define AT(field, off) \
	_Static_assert(offsetof(struct virt_vcpu, field) == (off), #field);
VIRT_OFFSETS(AT)

static const char *virt_select(void)
{
	if (cpuid(1, 0).c & 1u << 5)
		virt = &vmx_ops;
	else if (cpuid(0x80000000, 0).a >= 0x80000001 &&
		 cpuid(0x80000001, 0).c & 1u << 2)
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
		struct virt_cpu *pc = cpu_table[i]->virt;

		pc->area[0] = ptr_hpa(pc).v + PAGE_SIZE;
		pc->area[1] = ptr_hpa(pc).v + 2 * PAGE_SIZE;
		pc->next_tag = pc->tag_gen = 1;
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

void *virt_ctl_alloc(struct virt_vcpu *v)
{
	if (v->stub != VIRT_STUB_FLOOR)
		v->stub = virt_probe  ? VIRT_STUB_PROBE :
			  mitigations ? VIRT_STUB_MITIGATE :
					VIRT_STUB_PLAIN;
	v->ctl = v->space->block_alloc(v->space->owner, 0);
	v->ctl_pa = v->ctl ? ptr_hpa(v->ctl).v : 0;
	return v->ctl;
}

void virt_vcpu_free(struct virt_vcpu *v)
{
	if (!v->ctl)
		return;
	virt->unload(v);
	v->space->block_free(v->space->owner, v->ctl, 0);
	v->ctl = NULL;
}

static const char *state_bad(const struct vstate *s)
{
	bool lma = efer_with_lma(s->efer, s->cr0) & EFER_LMA;

	if (s->cr0 >> 32 || (s->cr0 & CR0_PG && !(s->cr0 & CR0_PE)))
		return "CR0 has PG without PE, or bits above 31";
	if (s->cr0 & CR0_NW && !(s->cr0 & CR0_CD))
		return "CR0 has NW without CD";
	if (s->efer & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE))
		return "EFER has an unknown bit";
	if (lma && !(s->cr4 & CR4_PAE))
		return "long mode without CR4.PAE";
	if (s->cr3 >> cpu_feat.phys_bits)
		return "CR3 is beyond the physical address width";
	if (lma && s->cs.ar & AR_LONG ? !canonical48(s->rip) : s->rip >> 32)
		return "RIP is not canonical";
	if (s->rflags & ~0x3f7fd7ull)
		return "RFLAGS has a reserved bit";
	return NULL;
}

void virt_state_get(struct virt_vcpu *v, struct vstate *s)
{
	u32 i;

	for (i = 0; i < VREG_STATE; i++)
		s->reg[i] = virt->reg_get(v, i);
	for (i = 0; i < SEGMENTS; i++)
		s->seg[i] = (struct vseg){
			.sel = virt->reg_get(v, VREG_ES_SEL + i),
			.ar = virt->reg_get(v, VREG_ES_AR + i),
			.limit = virt->reg_get(v, VREG_ES_LIMIT + i),
			.base = virt->reg_get(v, VREG_ES_BASE + i),
		};
}

const char *virt_state_set(struct virt_vcpu *v, const struct vstate *s)
{
	const char *bad = state_bad(s);
	u32 i;

	if (bad)
		return bad;
	for (i = 0; i < VREG_STATE; i++)
		virt->reg_set(v, i, s->reg[i]);
	for (i = 0; i < SEGMENTS; i++) {
		virt->reg_set(v, VREG_ES_SEL + i, s->seg[i].sel);
		virt->reg_set(v, VREG_ES_AR + i, s->seg[i].ar);
		virt->reg_set(v, VREG_ES_LIMIT + i, s->seg[i].limit);
		virt->reg_set(v, VREG_ES_BASE + i, s->seg[i].base);
	}
	virt->reg_set(v, VREG_CPL, s->ss.ar >> 5 & 3);
	virt->reg_set(v, VREG_EVENT, 0);
	return NULL;
}

static void pending_set(struct virt_vcpu *v, u32 bit)
{
	__atomic_or_fetch(&v->pending, bit, __ATOMIC_RELAXED);
}

bool virt_exit_begin(struct virt_vcpu *v, struct exit *x)
{
	x->kind = EXIT_HCALL;
	if (v->how == VIRT_HOW_HCALL)
		return true;
	x->insn_len = INSN_UNKNOWN;
	x->insn_guess = false;
	x->hw_info1 = x->hw_info2 = 0;
	return false;
}

u32 virt_event_pack(const struct inject *i)
{
	return EVENT_VALID | (i->has_error ? EVENT_HAS_ERROR : 0) |
	       (u32)i->type << 8 | i->vector;
}

void virt_reinject(struct virt_vcpu *v, u32 event, u32 error, u32 insn_len)
{
	v->reinject = (struct inject){
		.vector = event & 0xff,
		.type = event >> 8 & 7,
		.has_error = event & EVENT_HAS_ERROR,
		.error = error,
		.insn_len = insn_len,
	};
	pending_set(v, PEND_INJECT);
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
	pending_set(v, PEND_RESUME);
}

void virt_entry_failed(struct virt_vcpu *v, struct exit *x, const char *why)
{
	static const char names[SEGMENTS][4] = { "es", "cs", "ss",  "ds",
						 "fs", "gs", "ldt", "tr" };
	struct vstate s;
	u32 i;

	x->kind = EXIT_ENTRY_FAIL;
	log("parley: VM entry failed: %s, reason %lx, qualification %lx\n", why,
	    x->hw_reason, x->hw_info1);
	virt_state_get(v, &s);
	log("parley:   rip %016lx rsp %016lx rflags %08lx\n", s.rip, s.rsp,
	    s.rflags);
	log("parley:   cr0 %08lx cr3 %012lx cr4 %08lx efer %04lx dr7 %08lx\n",
	    s.cr0, s.cr3, s.cr4, s.efer, s.dr7);
	for (i = 0; i < SEGMENTS; i++)
		log("parley:   %s sel %04x ar %05x limit %08x base %016lx\n",
		    names[i], s.seg[i].sel, s.seg[i].ar, s.seg[i].limit,
		    s.seg[i].base);
	log("parley:   gdt %016lx limit %lx idt %016lx limit %lx pat %016lx\n",
	    s.gdt_base, s.gdt_limit, s.idt_base, s.idt_limit, s.pat);
}
