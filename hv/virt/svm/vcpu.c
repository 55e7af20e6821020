/* SPDX-License-Identifier: BSD-2-Clause */
/* The SVM backend's operations. A VMCB: making, loading, entering; window,
 * injection, flushes. */
#include "virt/svm/svm.h"
#include "arch/irq.h"

#define BIT(code) SVM_BIT(code)
#define MISC1_ALWAYS                                                        \
	(BIT(INTR) | BIT(NMI) | BIT(SMI) | BIT(INIT) | BIT(CR0_SELECTIVE) | \
	 BIT(RDPMC) | BIT(CPUID) | BIT(RSM) | BIT(INVD) | BIT(HLT) |        \
	 BIT(INVLPGA) | BIT(IO) | BIT(MSR) | BIT(TASK) | BIT(FERR) |        \
	 BIT(SHUTDOWN))
#define MISC1_DESC (0xffu << 6) /* reads and writes of IDTR GDTR LDTR TR */
#define MISC1_CLASSIC (MISC1_DESC | BIT(RDTSC) | BIT(PAUSE) | BIT(INVLPG))
#define MISC2_VMX_LIKE 0x7fu /* VMRUN to SKINIT */
#define MISC2_ALWAYS                                                \
	(MISC2_VMX_LIKE | BIT(ICEBP) | BIT(WBINVD) | BIT(MONITOR) | \
	 BIT(MWAIT) | BIT(MWAIT_ARMED) | BIT(XSETBV) | BIT(RDPRU))
#define MISC3_ALL 0x1fu /* INVLPGB to TLBSYNC */
#define DR0_TO_DR3 0xf
#define CR_BIT(n) (1u << (n))
#define V_INTR_MASKING 1u
#define TLB_FLUSH_ALL 1

/* APM Vol. 2, 15.25: as the hypervisor's own tables, seen as user accesses. */
/* clang-format off */
static struct nested_format npt_format = {
	.read = PTE_P, .write = PTE_W, .exec = PTE_NX, .invert = PTE_NX,
	.device = PTE_PCD | PTE_PWT, /* PAT entry 3 */
	.leaf = PTE_U, .table = PTE_P | PTE_W | PTE_U,
	.accessed = PTE_A, .dirty = PTE_D,
};
/* clang-format on */

static void intercepts_write(struct virt_vcpu *v, struct vmcb *b)
{
	b->cr_write = CR_BIT(4) | CR_BIT(8);
	b->exceptions = EXCEPTIONS;
	b->misc1 = MISC1_ALWAYS;
	b->misc2 = MISC2_ALWAYS;
	b->misc3 = MISC3_ALL;
	b->dr_read = b->dr_write = DR0_TO_DR3; /* the VMCB has the others */
	if (v->profile != PROFILE_CLASSIC)
		return;
	b->cr_write |= CR_BIT(0) | CR_BIT(3);
	b->cr_read = CR_BIT(0) | CR_BIT(3) | CR_BIT(4) | CR_BIT(8);
	b->dr_read = b->dr_write = 0xffff;
	b->misc1 |= MISC1_CLASSIC;
	b->misc2 |= BIT(RDTSCP);
}

static void svm_vcpu_init(struct virt_vcpu *v)
{
	struct vmcb *b = vmcb_of(v);

	intercepts_write(v, b);
	b->iopm = v->space->io_bitmap;
	b->msrpm = msr_bitmap;
	b->np_enable = 1;
	b->n_cr3 = v->space->root;
	b->v_masking = V_INTR_MASKING;
	b->dr6 = DR6_RESET; /* virt_state_set sets the rest */
}

static void svm_tag_set(struct virt_vcpu *v, bool all_void)
{
	if (all_void)
		vmcb_of(v)->tlb_control = virt_cpu()->flush_all = TLB_FLUSH_ALL;
	vmcb_of(v)->asid = v->tag;
}

static void svm_load(struct virt_vcpu *from, struct virt_vcpu *v)
{
	/* a new round of tags that nobody has entered in yet */
	if (unlikely(virt_cpu()->flush_all))
		vmcb_of(v)->tlb_control = TLB_FLUSH_ALL;
	write_cr2(vmcb_of(v)->cr2); /* Bochs' VMRUN does not */
}

static struct virt_vcpu *svm_enter(struct virt_vcpu *v)
{
	v->entries++;
	return svm_enters[v->stub](v, ptr_hpa(virt_cpu()).v + CPU_HOST_VMCB);
}

/*
 * The type numbers are those of VMX but for software exceptions, which are
 * exceptions here. Those and software interrupts are executed again instead.
 */
static void svm_inject(struct virt_vcpu *v, const struct inject *i)
{
	u32 e = i->event | EVENT_VALID;

	if (svm_virq_inject(vmcb_of(v), e))
		return;
	if ((e & INJECT_TYPE) >= INJECT_PRIV_SOFT)
		e = (e & ~INJECT_TYPE) | INJECT_EXCEPTION;
	vmcb_of(v)->eventinj = (u64)i->error << 32 | e;
}

/* A virtual interrupt that nobody takes: its intercept says when it could. */
static void svm_window(struct virt_vcpu *v, bool on)
{
	struct vmcb *b = vmcb_of(v);
	u32 e = svm_virq_take(b);

	if (e)
		b->eventinj = e;
	b->v_irq = on ? V_IRQ_ON : 0;
	b->v_prio = on ? V_PRIO_IGN_TPR : 0;
	b->misc1 = on ? b->misc1 | BIT(VINTR) : b->misc1 & ~BIT(VINTR);
}

static void svm_deadline_arm(struct virt_vcpu *v, u64 tsc, u64 now)
{
	v->deadline = tsc;
	lapic_timer_arm(tsc);
}

/* Without a translation under its new ASID, a vCPU needs no other flush. */
/* clang-format off */
const struct virt_ops svm_ops = {
	.name = "SVM",                    .format = &npt_format,
	.soft_first = VREG_DR0,           .vcpu_init = svm_vcpu_init,
	.load = svm_load,                 .enter = svm_enter,
	.exit_decode = svm_exit_decode,   .reg_get = svm_reg_get,
	.reg_set = svm_reg_set,           .inject = svm_inject,
	.window = svm_window,             .deadline_arm = svm_deadline_arm,
	.flush = virt_tag_take,           .tag_set = svm_tag_set,
};
/* clang-format on */
