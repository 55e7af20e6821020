/* SPDX-License-Identifier: BSD-2-Clause */
/* The SVM backend's operations. A VMCB: making, loading, entering; window,
 * injection, flushes. */
#include "virt/svm/svm.h"
#include "arch/irq.h"
#include "lib/x86.h"

#define NPT_P (1ull << 0)
#define NPT_W (1ull << 1)
#define NPT_U (1ull << 2)
#define NPT_UC (1ull << 4 | 1ull << 3) /* PCD, PWT: PAT entry 3 */
#define NPT_NX (1ull << 63)

/* Exit codes from 0x60 on are the bits of three words in their order. */
#define BIT(code) (1u << (SVM_EXIT_##code & 31))
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
#define CR_BIT(n) (1u << (n))
#define V_IRQ_ON 1u
#define V_PRIO_IGN_TPR 0x1fu /* highest priority, V_TPR does not matter */
#define V_INTR_MASKING 1u
#define TLB_FLUSH_ALL 1

/* APM Vol. 2, 15.25: as the hypervisor's own tables, seen as user accesses. */
struct nested_format npt_format = {
	.read = NPT_P,
	.write = NPT_W,
	.exec = NPT_NX,
	.device = NPT_UC,
	.invert = NPT_NX,
	.leaf = NPT_U,
	.table = NPT_P | NPT_W | NPT_U,
};

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
	b->misc2 |= BIT(RDTSCP);
}

static int svm_vcpu_init(struct virt_vcpu *v)
{
	struct vmcb *b = virt_ctl_alloc(v);

	if (!b)
		return -1;
	intercepts_write(v, b);
	b->iopm = v->space->io_bitmap;
	b->msrpm = v->space->msr_bitmap;
	b->np_enable = 1;
	b->n_cr3 = v->space->root;
	b->v_masking = V_INTR_MASKING;
	b->dr6 = 0xffff0ff0; /* state_set sets the rest */
	return 0;
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
		v->tag_gen = 0;
}

static void svm_flush(struct virt_vcpu *v)
{
	v->space_gen = load_acquire(&v->space->gen);
	tag_take(v);
}

static void svm_load(struct virt_vcpu *v)
{
	struct virt_cpu *pc = virt_cpu();

	if (pc->flush_all)
		vmcb_of(v)->tlb_control = TLB_FLUSH_ALL;
	pc->flush_all = false;
	if (virt_tag_stale(v) || v->space_gen != v->space->gen)
		svm_flush(v);
	v->last_cpu = cpu_this()->index;
}

/* All is in the VMCB, but the flush of a new round of tags is this CPU's: v may
 * not have entered since. */
static void svm_unload(struct virt_vcpu *v)
{
	virt_cpu()->flush_all |= vmcb_of(v)->tlb_control;
	vmcb_of(v)->tlb_control = 0;
}

static void svm_enter(struct virt_vcpu *v)
{
	v->entries++;
	svm_enters[v->stub](v, virt_cpu()->area[1]);
}

/*
 * The type numbers are those of VMX but for software exceptions, which are
 * exceptions here. Those and software interrupts are executed again instead.
 */
static void svm_inject(struct virt_vcpu *v, const struct inject *i)
{
	struct inject e = *i;

	if (e.type >= INJECT_PRIV_SOFT)
		e.type = INJECT_EXCEPTION;
	vmcb_of(v)->eventinj = virt_event_pack(&e);
	if (e.has_error)
		vmcb_of(v)->eventinj |= (u64)e.error << 32;
}

/* A virtual interrupt that nobody takes: its intercept says when it could. */
static void svm_window(struct virt_vcpu *v, bool on)
{
	struct vmcb *b = vmcb_of(v);

	b->v_irq = on ? V_IRQ_ON : 0;
	b->v_prio = on ? V_PRIO_IGN_TPR : 0;
	b->misc1 = on ? b->misc1 | BIT(VINTR) : b->misc1 & ~BIT(VINTR);
}

static void svm_deadline_arm(struct virt_vcpu *v, u64 tsc)
{
	v->deadline = tsc;
	lapic_timer_arm(tsc);
}

const struct virt_ops svm_ops = {
	.name = "SVM",
	.msr_pairs = true,
	.soft_first = VREG_DR0,
	.format = &npt_format,
	.probe = svm_probe,
	.cpu_on = svm_cpu_on,
	.vcpu_init = svm_vcpu_init,
	.vcpu_free = virt_vcpu_free,
	.load = svm_load,
	.unload = svm_unload,
	.enter = svm_enter,
	.exit_decode = svm_exit_decode,
	.reg_get = svm_reg_get,
	.reg_set = svm_reg_set,
	.state_get = virt_state_get,
	.state_set = virt_state_set,
	.inject = svm_inject,
	.window = svm_window,
	.deadline_arm = svm_deadline_arm,
	.flush = svm_flush,
};
