/* SPDX-License-Identifier: BSD-2-Clause */
/* Exit codes and their information turned into neutral exits (APM Vol. 2,
 * 15.6 to 15.13, 15.20, appendix C). */
#include "virt/svm/svm.h"
#include "lib/x86.h"

#define VEC_BP 3
#define VEC_OF 4
#define FIRST SVM_EXIT_INTR
#define LAST SVM_EXIT_TLBSYNC

/* Neutral kind, and the instruction's length when it has no prefix and the
 * code names one instruction only. */
/* clang-format off */
static const struct {
	u8 kind, len;
} codes[LAST - FIRST + 1] = {
#define C(code, k, l) [SVM_EXIT_##code - FIRST] = { EXIT_##k, l }
	C(INTR, HOST_IRQ, 0),  C(NMI, HOST_IRQ, 0),   C(SMI, HOST_IRQ, 0),
	C(VINTR, WINDOW, 0),   C(CR0_SELECTIVE, CR, 0),
	C(RDTSC, RDTSC, 0), /* QEMU: RDTSCP comes so, too */
	C(RDPMC, MONITOR, 2),  C(CPUID, CPUID, 2),    C(RSM, VIRT_INSN, 2),
	C(INVD, WBINVD, 2),    C(PAUSE, PAUSE, 2),    C(HLT, HLT, 1),
	C(INVLPG, INVLPG, 0),  C(INVLPGA, VIRT_INSN, 3),
	C(IO, IO, 0),          C(MSR, MSR, 2),        C(SHUTDOWN, TRIPLE, 0),
	C(RDTSCP, RDTSC, 3),   C(ICEBP, EXCEPTION, 0),
	C(WBINVD, WBINVD, 0), /* or WBNOINVD */
	C(MONITOR, MONITOR, 3), C(MWAIT, MONITOR, 3), C(MWAIT_ARMED, MONITOR, 3),
	C(XSETBV, XSETBV, 3),  C(RDPRU, MONITOR, 3),
#undef C
	[SVM_EXIT_IDTR_READ - FIRST ... SVM_EXIT_TR_WRITE - FIRST] = { EXIT_DESC, 0 },
	[SVM_EXIT_VMRUN - FIRST ... SVM_EXIT_SKINIT - FIRST] = { EXIT_VIRT_INSN, 3 },
	[SVM_EXIT_INVLPGB - FIRST ... SVM_EXIT_TLBSYNC - FIRST] = { EXIT_VIRT_INSN, 0 },
};

/* clang-format on */

#define INFO1_IO_IN 1u
#define INFO1_IO_STRING 4u
#define INFO1_IO_REP 8u
#define INFO1_MOV_CR (1ull << 63)
#define NPF_PRESENT 1u
#define NPF_WRITE 2u
#define NPF_EXEC 16u
#define NPF_WALK (1ull << 33)

static void cr_decode(struct exit *x, const struct vmcb *b)
{
	u64 code = b->exitcode;
	bool selective = code == SVM_EXIT_CR0_SELECTIVE;

	x->cr.nr = selective ? 0 : code & 15;
	x->cr.op = selective || code & 0x10 ? CR_WRITE : CR_READ;
	x->cr.gpr = b->info1 & 15;
	x->cr.lmsw = 0;
	x->cr.known = svm_caps.decode_assists &&
		      (x->kind == EXIT_DR || b->info1 & INFO1_MOV_CR);
}

static void exception_decode(struct exit *x, const struct vmcb *b)
{
	bool icebp = b->exitcode == SVM_EXIT_ICEBP;

	x->exc.vector = icebp ? VEC_DB : b->exitcode - SVM_EXIT_EXCEPTION;
	if (x->exc.vector == VEC_MC) {
		__asm__ volatile("int $18" ::: "memory"); /* ours */
		x->kind = EXIT_HOST_IRQ;
		return;
	}
	x->exc.has_error = x->exc.vector == 17;
	x->exc.error = (u32)b->info1;
	x->exc.cr2 = x->exc.vector == VEC_DB ? b->dr6 & 0x600f : 0;
}

/* An event whose delivery the exit cut short has to be delivered again, but
 * for software's own, which is raised again by the instruction. */
static void vectoring_decode(struct virt_vcpu *v, const struct vmcb *b)
{
	u32 e = (u32)b->exitintinfo, type = e >> 8 & 7, vector = e & 0xff;

	if (likely(!(e & EVENT_VALID)) || type == INJECT_SOFTINT ||
	    (type == INJECT_EXCEPTION &&
	     (vector == VEC_BP || vector == VEC_OF)))
		return;
	virt_reinject(v, e, (u32)(b->exitintinfo >> 32), 0);
}

static void kind_decode(struct exit *x, u64 code)
{
	if (code < SVM_EXIT_DR_READ) {
		x->kind = EXIT_CR;
	} else if (code < SVM_EXIT_EXCEPTION) {
		x->kind = EXIT_DR;
	} else if (code < SVM_EXIT_INTR) {
		x->kind = EXIT_EXCEPTION;
	} else if (code <= LAST && codes[code - FIRST].kind) {
		x->kind = codes[code - FIRST].kind;
		x->insn_len = codes[code - FIRST].len;
	} else {
		x->kind = code == SVM_EXIT_NPF ? EXIT_MMIO : EXIT_OTHER;
	}
}

static void details(struct exit *x, const struct vmcb *b)
{
	switch (x->kind) {
	case EXIT_EXCEPTION:
		return exception_decode(x, b);
	case EXIT_IO:
		x->io.port = b->info1 >> 16;
		x->io.size = b->info1 >> 4 & 7;
		x->io.in = b->info1 & INFO1_IO_IN;
		x->io.string = b->info1 & INFO1_IO_STRING;
		x->io.rep = b->info1 & INFO1_IO_REP;
		x->insn_len = (u32)(b->info2 - b->rip);
		return;
	case EXIT_CR:
	case EXIT_DR:
		return cr_decode(x, b);
	case EXIT_MMIO:
		x->mmio.gpa = gpa(b->info2);
		x->mmio.write = b->info1 & NPF_WRITE;
		x->mmio.exec = b->info1 & NPF_EXEC;
		x->mmio.present = b->info1 & NPF_PRESENT;
		x->mmio.walk = b->info1 & NPF_WALK;
		x->mmio.delivery = b->exitintinfo & EVENT_VALID;
		return;
	case EXIT_MSR:
		x->msr.write = b->info1 & 1;
		return;
	case EXIT_INVLPG:
		x->invlpg.known = svm_caps.decode_assists;
		x->invlpg.gva = b->info1;
		return;
	case EXIT_RDTSC:
		x->rdtscp = b->exitcode == SVM_EXIT_RDTSCP;
		return;
	case EXIT_MONITOR:
		x->refuse = b->exitcode == SVM_EXIT_RDPMC ? 13 : 6;
		return;
	default:
		return;
	}
}

void svm_exit_decode(struct virt_vcpu *v, struct exit *x)
{
	struct vmcb *b = vmcb_of(v);

	b->tlb_control = 0;
	b->eventinj = 0;
	if (virt_exit_begin(v, x)) {
		b->rip += virt_call_len(v);
		b->int_shadow = 0;
		return;
	}
	x->hw_reason = b->exitcode;
	x->hw_info1 = b->info1;
	x->hw_info2 = b->info2;
	/* QEMU writes only the lower half */
	if (unlikely((u32)b->exitcode == SVM_EXIT_INVALID))
		return virt_entry_failed(v, x, "VMEXIT_INVALID");
	kind_decode(x, b->exitcode);
	details(x, b);
	if (x->insn_len != INSN_UNKNOWN && x->kind != EXIT_IO)
		x->insn_guess = !svm_caps.nrip;
	if (svm_caps.nrip && x->kind != EXIT_MMIO && x->kind != EXIT_IO &&
	    b->nrip > b->rip)
		x->insn_len = (u32)(b->nrip - b->rip);
	vectoring_decode(v, b);
}
