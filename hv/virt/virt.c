/* SPDX-License-Identifier: BSD-2-Clause */
/* Choosing the backend, and what both backends do alike. */
#include "virt/backend.h"
#include "lib/iommu.h"
#include "lib/log.h"

const struct virt_ops *virt;
hcall_fn virt_hcall_table[2 * HCALL_TRACED];
bool virt_probe;
u64 virt_accesses;
struct virt_vcpu *(*virt_next)(struct virt_vcpu *v);

#define AT(field, off) \
	_Static_assert(offsetof(struct virt_vcpu, field) == (off), #field);
VIRT_OFFSETS(AT)
_Static_assert(PEND_LEAVE == (PEND_DIED | PEND_BLOCK | PEND_RESCHED),
	       "offsets.h");

void virt_init(void)
{
	virt = svm_caps.present ? &svm_ops : &vmx_ops;
	virt->format->read |= iommu.read;
	virt->format->write |= iommu.write;
	virt->format->leaf |= iommu.leaf;
	virt->format->table |= iommu.read | iommu.write;
	virt_soft = virt->soft_first != VREG_DR0;
}

int virt_vcpu_init(struct virt_vcpu *v)
{
	if (v->stub != VIRT_STUB_FLOOR)
		v->stub = virt_probe  ? VIRT_STUB_PROBE :
			  mitigations ? VIRT_STUB_MITIGATE :
					VIRT_STUB_PLAIN;
	v->ctl = v->space->block_alloc(v->space->owner, 0);
	if (!v->ctl)
		return -1;
	v->ctl_pa = ptr_hpa(v->ctl).v;
	v->table = virt_hcall_table;
	v->enter = virt->enter;
	v->decode = virt->exit_decode;
	virt->vcpu_init(v);
	return 0;
}

void virt_vcpu_free(struct virt_vcpu *v)
{
	if (!v->ctl)
		return;
	virt_unload(v);
	v->space->block_free(v->space->owner, v->ctl, 0);
}

/* ---- what a CPU caches for it ---- */

void virt_tag_take(struct virt_vcpu *v)
{
	struct virt_cpu *pc = virt_cpu();
	bool used_up = pc->last_tag == nested_caps.tags;

	if (used_up) {
		pc->last_tag = 0;
		pc->tag_gen++;
	}
	v->tag = ++pc->last_tag;
	v->tag_gen = pc->tag_gen;
	virt->tag_set(v, used_up);
}

void virt_flush(struct virt_vcpu *v)
{
	v->space_gen = load_acquire(&v->space->gen);
	virt->flush(v);
}

/* Under a VPID or ASID that is new here there are none (SDM Vol. 3C 29.4.1, APM
 * Vol. 2 15.16). */
void virt_flush_linear(struct virt_vcpu *v) { virt_tag_take(v); }

/* ---- registers ---- */

void virt_state_get(struct virt_vcpu *v, struct vstate *s)
{
	for (u32 r = 0; r < VREG_STATE; r++)
		s->reg[r] = virt->reg_get(v, r);
}

void virt_state_set(struct virt_vcpu *v, const struct vstate *s)
{
	for (u32 r = 0; r < VREG_STATE; r++)
		virt->reg_set(v, r, s->reg[r]);
	virt->reg_set(v, VREG_CPL, s->ss.ar >> 5 & 3);
	virt->reg_set(v, VREG_EVENT, 0);
}

/* ---- exits and events ---- */

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

void virt_reinject(struct virt_vcpu *v, u32 event, u32 error, u32 insn_len)
{
	v->reinject = (struct inject){ event & 0xfff, error, insn_len };
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
	/* clang-format off */
	static const char segments[][5] = {
		"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr",
	}, names[][13] = {
		"rip", "rsp", "rflags", "cr0", "cr3", "cr4", "efer", "pat", "dr7",
		"gdt base", "gdt limit", "idt base", "idt limit",
		"sysenter cs", "sysenter esp", "sysenter eip",
	};
	/* clang-format on */
	struct vstate s;

	x->kind = EXIT_ENTRY_FAIL;
	log("parley: VM entry failed: %s, reason %lx, qualification %lx\n", why,
	    x->hw_reason, x->hw_info1);
	virt_state_get(v, &s);
	for (u32 i = 0; i < array_size(names); i += 2)
		log("parley:   %s %lx, %s %lx\n", names[i], s.reg[VREG_RIP + i],
		    names[i + 1], s.reg[VREG_RIP + i + 1]);
	for (u32 i = 0; i < VREG_RIP; i += 4)
		log("parley:   %s base %lx limit %lx ar %lx sel %lx\n",
		    segments[i / 4], s.reg[i], s.reg[i + 1], s.reg[i + 2],
		    s.reg[i + 3]);
}
