/* SPDX-License-Identifier: BSD-2-Clause */
/* Exit reasons and qualifications turned into neutral exits (SDM Vol. 3C,
 * chapter 28 and 29.2). */
#include "virt/vmx/vmx.h"

/* Each reason's kind and variant, and what else is to be read: the instruction's
 * length, the qualification; and whether it comes in the middle of a delivery,
 * too (SDM 28.2.4). */
enum { LEN = 1, QUAL = 2, CUT = 4 };
/* clang-format off */
static const struct {
	u8 kind, reads, variant;
} reasons[] = {
	[0] = { EXIT_EXCEPTION, QUAL | CUT, 0 },  [1] = { EXIT_HOST_IRQ, 0, 0 },
	[2] = { EXIT_TRIPLE, CUT, 0 },            [7] = { EXIT_WINDOW, 0, 0 },
	[10] = { EXIT_CPUID, LEN, 0 },            [11] = { EXIT_VIRT_INSN, LEN, 0 },
	[12] = { EXIT_HLT, LEN, 0 },              [13] = { EXIT_WBINVD, LEN, 0 },
	[14] = { EXIT_INVLPG, LEN | QUAL, 0 },    [15] = { EXIT_MONITOR, LEN, VEC_GP },
	[16] = { EXIT_RDTSC, LEN, 0 },
	[17 ... 27] = { EXIT_VIRT_INSN, LEN, 0 }, [28] = { EXIT_CR, LEN | QUAL, 0 },
	[29] = { EXIT_DR, LEN | QUAL, 0 },        [30] = { EXIT_IO, LEN | QUAL, 0 },
	[31] = { EXIT_MSR, LEN, 0 },              [32] = { EXIT_MSR, LEN, true },
	[36] = { EXIT_MONITOR, LEN, VEC_UD },     [39] = { EXIT_MONITOR, LEN, VEC_UD },
	[40] = { EXIT_PAUSE, LEN, 0 },            [46 ... 47] = { EXIT_DESC, LEN, 0 },
	[48] = { EXIT_MMIO, QUAL | CUT, 0 },      [50] = { EXIT_VIRT_INSN, LEN, 0 },
	[51] = { EXIT_RDTSC, LEN, true },         [52] = { EXIT_DEADLINE, 0, 0 },
	[53] = { EXIT_VIRT_INSN, LEN, 0 },        [54] = { EXIT_WBINVD, LEN, 0 },
	[55] = { EXIT_XSETBV, LEN, 0 },
};
/* clang-format on */

/* NMIs and machine checks are the hypervisor's: its own handlers take them
 * (and the handler's IRET ends the blocking of NMIs). */
static void exception_decode(struct virt_vcpu *v, struct exit *x, u64 q)
{
	u32 info = vmread(EXIT_INTR_INFO);

	x->exc_vector = info & 0xff;
	if (x->exc_vector == VEC_NMI || x->exc_vector == VEC_MC) {
		x->kind = EXIT_HOST_IRQ;
		if (x->exc_vector == VEC_NMI)
			__asm__ volatile("int $2" ::: "memory");
		else
			__asm__ volatile("int $18" ::: "memory");
		return;
	}
	x->exc_error = info & INJECT_ERROR ? vmread(EXIT_INTR_ERROR) : 0;
	x->exc_cr2 = q;
	if (x->exc_vector == VEC_DB) /* the CPU has not set DR6 */
		virt_soft_set(v, VREG_DR6,
			      virt_soft_get(v, VREG_DR6) | (q & 0x600f));
}

/* An event whose delivery the exit cut short has to be delivered again. */
static void vectoring_decode(struct virt_vcpu *v, struct exit *x)
{
	u32 info = vmread(IDT_VECTORING_INFO);
	bool soft = (info & INJECT_TYPE) >= INJECT_SOFTINT;

	x->mmio_delivery = info & EVENT_VALID;
	if (likely(!x->mmio_delivery))
		return;
	virt_reinject(v, info,
		      info & INJECT_ERROR ? vmread(IDT_VECTORING_ERROR) : 0,
		      soft ? vmread(EXIT_INSN_LEN) : 0);
}

/* q: the qualification, where the kind has one. */
static void details(struct virt_vcpu *v, struct exit *x, u64 q)
{
	switch (x->kind) {
	case EXIT_EXCEPTION:
		return exception_decode(v, x, q);
	case EXIT_IO:
		x->io_size = (q & 7) + 1;
		x->io_in = q >> 3 & 1;
		x->io_string = q >> 4 & 1;
		x->io_port = q >> 16;
		return;
	case EXIT_CR:
	case EXIT_DR: /* without CLTS and LMSW, and with fewer registers */
		x->known = true;
		x->cr_nr = q & (x->kind == EXIT_DR ? 7 : 15);
		x->cr_op = q >> 4 & (x->kind == EXIT_DR ? 1 : 3);
		x->cr_gpr = q >> 8 & 15;
		x->cr_lmsw = q >> 16;
		return;
	case EXIT_MMIO:
		x->mmio_gpa = gpa(vmread(GUEST_PHYSICAL));
		x->mmio_write = q >> 1 & 1;
		x->mmio_exec = q >> 2 & 1;
		x->mmio_present = q >> 3 & 7;
		x->mmio_walk = (q >> 7 & 3) == 1;
		return;
	case EXIT_DEADLINE:
		v->stay = 0; /* used up */
		return;
	case EXIT_INVLPG:
		x->invlpg_gva = q;
		x->known = true;
		return;
	default:
		return;
	}
}

void vmx_exit_decode(struct virt_vcpu *v, struct exit *x)
{
	u32 reason = (u32)v->reason;
	u8 reads = QUAL | CUT;

	if (virt_exit_begin(v, x))
		return;
	x->hw_reason = reason;
	if (unlikely(v->how == VIRT_HOW_FAIL)) {
		x->hw_reason = vmread(VM_INSN_ERROR);
		return virt_entry_failed(v, x, "VM-instruction error");
	}
	x->kind = EXIT_OTHER;
	if (reason < array_size(reasons) && reasons[reason].kind) {
		x->kind = reasons[reason].kind;
		reads = reasons[reason].reads;
		x->variant = reasons[reason].variant;
	}
	if (reads & QUAL)
		x->hw_info1 = vmread(EXIT_QUALIFICATION);
	if (unlikely(reason & REASON_ENTRY_FAILED))
		return virt_entry_failed(v, x, "invalid guest state");
	if (reads & LEN)
		x->insn_len = vmread(EXIT_INSN_LEN);
	details(v, x, x->hw_info1);
	if (reads & CUT)
		vectoring_decode(v, x);
}
