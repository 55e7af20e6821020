/* SPDX-License-Identifier: BSD-2-Clause */
/* Exit codes and their information turned into neutral exits (APM Vol. 2,
 * 15.6 to 15.13, 15.20, appendix C). */
#include "virt/svm/svm.h"

/* Neutral kind, the instruction's length when it has no prefix and the code
 * names one instruction only, and the exit's variant. */
/* clang-format off */
static const struct {
	u8 kind, len, variant;
} codes[SVM_EXIT_TLBSYNC + 1] = {
#define C(code, k, l) [SVM_EXIT_##code] = { EXIT_##k, l, 0 }
#define V(code, k, l, v) [SVM_EXIT_##code] = { EXIT_##k, l, v }
	[0 ... SVM_EXIT_DR_READ - 1] = { EXIT_CR, 0, 0 },
	[SVM_EXIT_DR_READ ... SVM_EXIT_EXCEPTION - 1] = { EXIT_DR, 0, 0 },
	[SVM_EXIT_EXCEPTION ... SVM_EXIT_INTR - 1] = { EXIT_EXCEPTION, 0, 0 },
	C(INTR, HOST_IRQ, 0),  C(NMI, HOST_IRQ, 0),   C(SMI, HOST_IRQ, 0),
	C(VINTR, WINDOW, 0),   C(CR0_SELECTIVE, CR, 0),
	[SVM_EXIT_IDTR_READ ... SVM_EXIT_TR_WRITE] = { EXIT_DESC, 0, 0 },
	C(RDTSC, RDTSC, 0), /* QEMU: RDTSCP comes so, too */
	V(RDPMC, MONITOR, 2, VEC_GP),  C(CPUID, CPUID, 2),    C(RSM, VIRT_INSN, 2),
	C(INVD, WBINVD, 2),    C(PAUSE, PAUSE, 2),    C(HLT, HLT, 1),
	C(INVLPG, INVLPG, 0),  C(INVLPGA, VIRT_INSN, 3),
	C(IO, IO, 0),          C(MSR, MSR, 2),        C(SHUTDOWN, TRIPLE, 0),
	[SVM_EXIT_VMRUN ... SVM_EXIT_SKINIT] = { EXIT_VIRT_INSN, 3, 0 },
	V(RDTSCP, RDTSC, 3, true),   C(ICEBP, EXCEPTION, 0),
	C(WBINVD, WBINVD, 0), /* or WBNOINVD */
	V(MONITOR, MONITOR, 3, VEC_UD), V(MWAIT, MONITOR, 3, VEC_UD),
	V(MWAIT_ARMED, MONITOR, 3, VEC_UD),
	C(XSETBV, XSETBV, 3),  V(RDPRU, MONITOR, 3, VEC_UD),
	[SVM_EXIT_INVLPGB ... SVM_EXIT_TLBSYNC] = { EXIT_VIRT_INSN, 0, 0 },
#undef C
#undef V
};

/* Of info1. */
enum {
	IO_IN = 1, IO_STRING = 4,
	NPF_PRESENT = 1, NPF_WRITE = 2, NPF_EXEC = 16,
};
#define NPF_WALK (1ull << 33)
#define MOV_CR (1ull << 63)
/* clang-format on */

static void exception_decode(struct exit *x, const struct vmcb *b)
{
	bool icebp = b->exitcode == SVM_EXIT_ICEBP;

	x->exc_vector = icebp ? VEC_DB : b->exitcode - SVM_EXIT_EXCEPTION;
	if (x->exc_vector == VEC_MC) {
		__asm__ volatile("int $18" ::: "memory"); /* ours */
		x->kind = EXIT_HOST_IRQ;
		return;
	}
	x->exc_error = (u32)b->info1;
	x->exc_cr2 = x->exc_vector == VEC_DB ? b->dr6 & 0x600f : 0;
}

/* An event whose delivery the exit cut short has to be delivered again, but
 * for software's own, which is raised again by the instruction. */
static void vectoring_decode(struct virt_vcpu *v, struct vmcb *b)
{
	u32 e = (u32)b->exitintinfo, type = e & INJECT_TYPE, vector = e & 0xff;
	u32 virq = unlikely(b->v_irq) ? svm_virq_take(b) : 0;

	if (virq)
		return virt_reinject(v, virq, 0, 0);
	if (likely(!(e & EVENT_VALID)) || type == INJECT_SOFTINT ||
	    (type == INJECT_EXCEPTION &&
	     (vector == VEC_BP || vector == VEC_OF)))
		return;
	virt_reinject(v, e, (u32)(b->exitintinfo >> 32), 0);
}

static void details(struct exit *x, const struct vmcb *b)
{
	bool selective;

	switch (x->kind) {
	case EXIT_EXCEPTION:
		return exception_decode(x, b);
	case EXIT_IO:
		x->io_port = b->info1 >> 16;
		x->io_size = b->info1 >> 4 & 7;
		x->io_in = b->info1 & IO_IN;
		x->io_string = b->info1 & IO_STRING;
		x->insn_len = (u32)(b->info2 - b->rip);
		return;
	case EXIT_CR:
	case EXIT_DR:
		selective = b->exitcode == SVM_EXIT_CR0_SELECTIVE;
		x->cr_nr = selective ? 0 : b->exitcode & 15;
		x->cr_op = selective || b->exitcode & 16 ? CR_WRITE : CR_READ;
		x->cr_gpr = b->info1 & 15;
		x->cr_lmsw = 0;
		x->known = svm_caps.decode_assists &&
			   (x->kind == EXIT_DR || b->info1 & MOV_CR);
		return;
	case EXIT_MMIO:
		x->mmio_gpa = gpa(b->info2);
		x->mmio_write = b->info1 & NPF_WRITE;
		x->mmio_exec = b->info1 & NPF_EXEC;
		x->mmio_present = b->info1 & NPF_PRESENT;
		x->mmio_walk = b->info1 & NPF_WALK;
		x->mmio_delivery = b->exitintinfo & EVENT_VALID;
		return;
	case EXIT_MSR:
		x->variant = b->info1 & 1;
		return;
	case EXIT_HOST_IRQ:
		x->variant = b->int_shadow & 1;
		return;
	case EXIT_INVLPG:
		x->known = svm_caps.decode_assists;
		x->invlpg_gva = b->info1;
		return;
	default:
		return;
	}
}

void svm_exit_decode(struct virt_vcpu *v, struct exit *x)
{
	struct vmcb *b = vmcb_of(v);

	if (unlikely(b->tlb_control)) /* done by the entry */
		b->tlb_control = virt_cpu()->flush_all = 0;
	b->eventinj = 0;
	if (virt_exit_begin(v, x))
		return;
	x->hw_reason = b->exitcode;
	x->hw_info1 = b->info1;
	x->hw_info2 = b->info2;
	/* QEMU writes only the lower half */
	if (unlikely((u32)b->exitcode == SVM_EXIT_INVALID))
		return virt_entry_failed(v, x, "VMEXIT_INVALID");
	x->kind = b->exitcode == SVM_EXIT_NPF ? EXIT_MMIO : EXIT_OTHER;
	if (b->exitcode < array_size(codes) && codes[b->exitcode].kind) {
		x->kind = codes[b->exitcode].kind;
		x->insn_len = codes[b->exitcode].len;
		x->variant = codes[b->exitcode].variant;
	}
	details(x, b);
	if (x->insn_len != INSN_UNKNOWN && x->kind != EXIT_IO)
		x->insn_guess = !svm_caps.nrip;
	if (svm_caps.nrip && x->kind != EXIT_MMIO && x->kind != EXIT_IO &&
	    b->nrip > b->rip)
		x->insn_len = (u32)(b->nrip - b->rip);
	vectoring_decode(v, b);
}
