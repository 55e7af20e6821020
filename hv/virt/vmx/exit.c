/* SPDX-License-Identifier: BSD-2-Clause */
/* Exit reasons and qualifications turned into neutral exits (SDM Vol. 3C,
 * chapter 28 and 29.2). */
#include "virt/vmx/vmx.h"
#include "lib/x86.h"

#define VEC_NMI 2

/* clang-format off */
static const u8 kinds[] = {
	[0] = EXIT_EXCEPTION,  [1] = EXIT_HOST_IRQ,  [2] = EXIT_TRIPLE,
	[7] = EXIT_WINDOW,     [10] = EXIT_CPUID,    [11] = EXIT_VIRT_INSN,
	[12] = EXIT_HLT,       [13] = EXIT_WBINVD,   [14] = EXIT_INVLPG,
	[15] = EXIT_MONITOR,   [16] = EXIT_RDTSC,    [17 ... 27] = EXIT_VIRT_INSN,
	[28] = EXIT_CR,        [29] = EXIT_DR,       [30] = EXIT_IO,
	[31] = EXIT_MSR,       [32] = EXIT_MSR,      [36] = EXIT_MONITOR,
	[39] = EXIT_MONITOR,   [40] = EXIT_PAUSE,    [46] = EXIT_DESC,
	[47] = EXIT_DESC,      [48] = EXIT_MMIO,     [50] = EXIT_VIRT_INSN,
	[51] = EXIT_RDTSC,     [52] = EXIT_DEADLINE, [53] = EXIT_VIRT_INSN,
	[54] = EXIT_WBINVD,    [55] = EXIT_XSETBV,
};
/* clang-format on */
#define REASON_RDPMC 15
#define REASON_WRMSR 32
#define REASON_RDTSCP 51

/* MOV DR differs in the place of the direction and the width of the number. */
static void cr_decode(struct exit *x, u64 q)
{
	static const u8 ops[] = { CR_WRITE, CR_READ, CR_CLTS, CR_LMSW };

	x->cr.known = true;
	x->cr.nr = q & (x->kind == EXIT_DR ? 7 : 15);
	x->cr.op = ops[q >> 4 & (x->kind == EXIT_DR ? 1 : 3)];
	x->cr.gpr = q >> 8 & 15;
	x->cr.lmsw = q >> 16;
}

/* NMIs and machine checks are the hypervisor's: its own handlers take them
 * (and the handler's IRET ends the blocking of NMIs). */
static bool host_exception(u8 vector)
{
	if (vector == VEC_NMI)
		__asm__ volatile("int $2" ::: "memory");
	else if (vector == VEC_MC)
		__asm__ volatile("int $18" ::: "memory");
	else
		return false;
	return true;
}

static void exception_decode(struct virt_vcpu *v, struct exit *x, u64 q)
{
	u32 info = vmread(EXIT_INTR_INFO);

	if (host_exception(info & 0xff)) {
		x->kind = EXIT_HOST_IRQ;
		return;
	}
	x->exc.vector = info & 0xff;
	x->exc.has_error = info & EVENT_HAS_ERROR;
	x->exc.error = x->exc.has_error ? vmread(EXIT_INTR_ERROR) : 0;
	x->exc.cr2 = q;
	if (x->exc.vector == VEC_DB) /* the CPU has not set DR6 */
		virt_soft_set(v, VREG_DR6, read_dr6() | (q & 0x600f));
}

/* An event whose delivery the exit cut short has to be delivered again. */
static void vectoring_decode(struct virt_vcpu *v, struct exit *x)
{
	u32 info = vmread(IDT_VECTORING_INFO);
	bool soft = (info >> 8 & 7) >= INJECT_SOFTINT;

	if (x->kind == EXIT_MMIO)
		x->mmio.delivery = info & EVENT_VALID;
	if (unlikely(info & EVENT_VALID))
		virt_reinject(v, info,
			      info & EVENT_HAS_ERROR ?
				      vmread(IDT_VECTORING_ERROR) :
				      0,
			      soft ? vmread(EXIT_INSN_LEN) : 0);
}

/* What the exit qualification says: of no use for other kinds. */
static void qualification_decode(struct virt_vcpu *v, struct exit *x)
{
	u64 q = x->hw_info1 = vmread(EXIT_QUALIFICATION);

	switch (x->kind) {
	case EXIT_EXCEPTION:
		return exception_decode(v, x, q);
	case EXIT_IO:
		x->io.size = (q & 7) + 1;
		x->io.in = q >> 3 & 1;
		x->io.string = q >> 4 & 1;
		x->io.rep = q >> 5 & 1;
		x->io.port = q >> 16;
		return;
	case EXIT_CR:
	case EXIT_DR:
		return cr_decode(x, q);
	case EXIT_MMIO:
		x->mmio.gpa = gpa(vmread(GUEST_PHYSICAL));
		x->mmio.write = q >> 1 & 1;
		x->mmio.exec = q >> 2 & 1;
		x->mmio.present = q >> 3 & 7;
		x->mmio.walk = (q >> 7 & 3) == 1;
		return;
	default:
		x->invlpg.gva = q;
		x->invlpg.known = true;
	}
}

static void details(struct virt_vcpu *v, struct exit *x, u32 reason)
{
	switch (x->kind) {
	case EXIT_HOST_IRQ:
	case EXIT_WINDOW:
	case EXIT_DEADLINE:
		return;
	case EXIT_EXCEPTION:
	case EXIT_MMIO:
		return qualification_decode(v, x);
	case EXIT_IO:
	case EXIT_CR:
	case EXIT_DR:
	case EXIT_INVLPG:
		qualification_decode(v, x);
		break;
	case EXIT_MSR:
		x->msr.write = reason == REASON_WRMSR;
		break;
	case EXIT_RDTSC:
		x->rdtscp = reason == REASON_RDTSCP;
		break;
	case EXIT_MONITOR:
		x->refuse = reason == REASON_RDPMC ? 13 : 6;
		break;
	case EXIT_OTHER:
		x->hw_info1 = vmread(EXIT_QUALIFICATION);
		break;
	default:
		break;
	}
	x->insn_len = vmread(EXIT_INSN_LEN);
}

void vmx_exit_decode(struct virt_vcpu *v, struct exit *x)
{
	u32 reason = (u32)v->reason;

	if (virt_exit_begin(v, x)) {
		vmwrite(GUEST_RIP, vmread(GUEST_RIP) + virt_call_len(v));
		return vmx_shadow_clear();
	}
	x->hw_reason = reason;
	if (unlikely(v->how == VIRT_HOW_FAIL)) {
		x->hw_reason = vmread(VM_INSN_ERROR);
		return virt_entry_failed(v, x, "VM-instruction error");
	}
	if (unlikely(reason & REASON_ENTRY_FAILED)) {
		x->hw_info1 = vmread(EXIT_QUALIFICATION);
		return virt_entry_failed(v, x, "invalid guest state");
	}
	x->kind = reason < array_size(kinds) ? kinds[reason] : EXIT_NONE;
	if (x->kind == EXIT_NONE)
		x->kind = EXIT_OTHER;
	details(v, x, reason);
	/* only these come in the middle of a delivery (SDM 28.2.4) */
	if (x->kind == EXIT_EXCEPTION || x->kind == EXIT_MMIO ||
	    x->kind == EXIT_TRIPLE || x->kind == EXIT_OTHER)
		vectoring_decode(v, x);
}
