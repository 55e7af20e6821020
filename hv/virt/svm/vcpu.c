/* SPDX-License-Identifier: BSD-2-Clause */
/* A VMCB: making, loading, entering; window, injection, flushes. */
#include "virt/svm/svm.h"
#include "arch/irq.h"
#include "lib/regs.h"
#include "arch/x86.h"

#define EXCEPTIONS (1u << 1 | 1u << 17 | 1u << 18) /* #DB #AC #MC */
#define MISC1_ALWAYS                                                     \
	(MISC1_INTR | MISC1_NMI | MISC1_SMI | MISC1_INIT |               \
	 MISC1_CR0_SELECTIVE | MISC1_RDPMC | MISC1_CPUID | MISC1_RSM |   \
	 MISC1_INVD | MISC1_HLT | MISC1_INVLPGA | MISC1_IO | MISC1_MSR | \
	 MISC1_TASK | MISC1_FERR | MISC1_SHUTDOWN)
#define MISC1_CLASSIC (MISC1_DESC | MISC1_RDTSC | MISC1_PAUSE | MISC1_INVLPG)
#define MISC2_ALWAYS                                                   \
	(MISC2_VMX_LIKE | MISC2_ICEBP | MISC2_WBINVD | MISC2_MONITOR | \
	 MISC2_XSETBV | MISC2_RDPRU)
#define CR_BIT(n) (1u << (n))
#define V_IRQ_ON 1u
#define V_PRIO_IGN_TPR 0x1fu /* highest priority, V_TPR does not matter */
#define V_INTR_MASKING 1u
#define FLUSH_AT_LOAD 0 /* tag generation that is never current */

static void intercepts_write(struct virt_vcpu *v, struct vmcb *b)
{
	b->cr_write = CR_BIT(4) | CR_BIT(8);
	b->cr_read = CR_BIT(8);
	b->exceptions = EXCEPTIONS;
	b->misc1 = MISC1_ALWAYS;
	b->misc2 = MISC2_ALWAYS;
	b->misc3 = MISC3_ALL;
	if (v->profile != PROFILE_CLASSIC)
		return;
	b->cr_write |= CR_BIT(0) | CR_BIT(3);
	b->cr_read |= CR_BIT(0) | CR_BIT(3) | CR_BIT(4);
	b->dr_read = b->dr_write = 0xffff;
	b->misc1 |= MISC1_CLASSIC;
	b->misc2 |= MISC2_RDTSCP;
}

int svm_vcpu_init(struct virt_vcpu *v)
{
	struct vmcb *b;

	virt_stub_choose(v);
	b = v->space->table_alloc(v->space->owner);
	if (!b)
		return -1;
	v->ctl = b;
	v->ctl_pa = ptr_hpa(b).v;
	intercepts_write(v, b);
	b->iopm = v->space->io_bitmap;
	b->msrpm = v->space->msr_bitmap;
	b->np_enable = 1;
	b->n_cr3 = v->space->root;
	b->v_masking = V_INTR_MASKING;
	b->pat = PAT_RESET;
	b->efer = EFER_SVME;
	b->cr0 = CR0_ET;
	b->rflags = 2;
	b->dr6 = 0xffff0ff0;
	b->dr7 = 0x400;
	return 0;
}

void svm_vcpu_free(struct virt_vcpu *v)
{
	if (!v->ctl)
		return;
	v->space->table_free(v->space->owner, v->ctl);
	v->ctl = NULL;
}

/* Without a translation under its new ASID, a vCPU needs no other flush. */
static void tag_take(struct virt_vcpu *v)
{
	if (virt_tag_new(v))
		vmcb_of(v)->tlb_control = TLB_FLUSH_ALL;
	vmcb_of(v)->asid = v->tag;
}

void svm_tag_renew(struct virt_vcpu *v)
{
	if (v->live)
		tag_take(v);
	else
		v->tag_gen = FLUSH_AT_LOAD;
}

void svm_flush(struct virt_vcpu *v)
{
	v->space_gen = __atomic_load_n(&v->space->gen, __ATOMIC_ACQUIRE);
	tag_take(v);
}

void svm_load(struct virt_vcpu *v)
{
	virt_cpu()->loaded = v;
	if (virt_tag_stale(v) || v->space_gen != v->space->gen)
		svm_flush(v);
	v->last_cpu = cpu_this()->index;
}

void svm_unload(struct virt_vcpu *v)
{
	if (virt_cpu()->loaded == v)
		virt_cpu()->loaded = NULL;
}

void svm_enter(struct virt_vcpu *v)
{
	static const svm_enter_fn enters[] = { svm_enter_plain, svm_enter_probe,
					       svm_enter_floor,
					       svm_enter_mitigate };

	v->entries++;
	enters[v->stub](v, virt_cpu()->area[1]);
}

/*
 * The type numbers are those of VMX but for software exceptions, which are
 * exceptions here. Those and software interrupts are executed again instead.
 */
void svm_inject(struct virt_vcpu *v, const struct inject *i)
{
	u64 e = EVENT_VALID | (u64)i->type << EVENT_TYPE_SHIFT | i->vector;

	if (i->type >= INJECT_PRIV_SOFT)
		e = EVENT_VALID | (u64)INJECT_EXCEPTION << EVENT_TYPE_SHIFT |
		    i->vector;
	if (i->has_error)
		e |= EVENT_HAS_ERROR | (u64)i->error << 32;
	vmcb_of(v)->eventinj = e;
}

/* A virtual interrupt that nobody takes: its intercept says when it could. */
void svm_window(struct virt_vcpu *v, bool on)
{
	struct vmcb *b = vmcb_of(v);

	b->v_irq = on ? V_IRQ_ON : 0;
	b->v_prio = on ? V_PRIO_IGN_TPR : 0;
	b->misc1 = on ? b->misc1 | MISC1_VINTR : b->misc1 & ~MISC1_VINTR;
}

void svm_deadline_arm(struct virt_vcpu *v, u64 tsc)
{
	v->deadline = tsc;
	lapic_timer_arm(tsc);
}
