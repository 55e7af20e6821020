/* SPDX-License-Identifier: BSD-2-Clause */
/* The VMX backend's operations. A VMCS: making, loading, entering; timer,
 * window, injection, flushes. */
#include "virt/vmx/vmx.h"
#include "arch/irq.h"
#include "lib/panic.h"

#define MSR_FLUSH_CMD 0x10B
#define EPT_RWX 7ull
#define EPT_WB (6ull << 3)
#define EPTP_WB_4LEVEL (6u | 3u << 3)
#define EPTP_DIRTY (1u << 6)
#define STAY_US 250000
#define STAY_MASKED_US 5000
static u64 stay_masked; /* TSC ticks */
#define TIMER_TRIM 16	/* the timer stands still in root: set anew so often */

/* SDM Vol. 3C, 29.3. The guest's PAT is not ignored (bit 6 clear): it weakens
 * write-back. */
/* clang-format off */
static struct nested_format ept_format = {
	.read = 1, .write = 2, .exec = 4, .device = EPT_WB,
	.invert = EPT_WB, .table = EPT_RWX, .accessed = 1 << 8, .dirty = 1 << 9,
};
/* clang-format on */

noreturn_fn void vmx_write_failed(u32 field, u64 val)
{
	panic("VMWRITE of %lx to field %x failed (error %u)", val, field,
	      (u32)vmread(VM_INSN_ERROR));
}

static inline void vmclear(struct virt_vcpu *v)
{
	__asm__ volatile("vmclear %0" : : "m"(v->ctl_pa) : "cc", "memory");
	v->launched = 0;
}

/* INVEPT and INVVPID: of which type, and what their 16 bytes hold. */
#define invalidate(insn, type, what, gva)                          \
	__asm__ volatile(insn " %0, %1"                            \
			 :                                         \
			 : "m"(((const u64[2]){ (what), (gva) })), \
			   "r"((u64)(type))                        \
			 : "cc", "memory")

static u64 ept_pointer(const struct virt_vcpu *v)
{
	return v->space->root | EPTP_WB_4LEVEL |
	       (nested_caps.dirty ? EPTP_DIRTY : 0);
}

static void vmx_flush(struct virt_vcpu *v)
{
	invalidate("invept", 1, ept_pointer(v), 0);
}

static void vmx_tag_set(struct virt_vcpu *v, bool all_void)
{
	if (all_void)
		invalidate("invvpid", 2, 0, 0);
	vmwrite(VPID, v->tag);
}

void vmx_invlpg(struct virt_vcpu *v, u64 gva)
{
	invalidate("invvpid", 0, v->tag, gva);
}

/* ---- making and loading ---- */

/* All but what state_set and host_state_write give. */
static void vmcs_fill(struct virt_vcpu *v)
{
	const struct virt_space *space = v->space;
	bool classic = v->profile == PROFILE_CLASSIC;
	const u32 *control = vmx_caps.control[classic];
	/* clang-format off */
	const struct {
		u16 field;
		u64 val;
	} fields[] = {
		{ PIN_CONTROLS, control[VMX_PIN] },
		{ PROC_CONTROLS,
		  (control[VMX_PROC] & ~PROC_WINDOW) | PROC_MOV_DR },
		{ PROC2_CONTROLS, control[VMX_PROC2] },
		{ EXIT_CONTROLS, control[VMX_EXIT] },
		{ ENTRY_CONTROLS, control[VMX_ENTRY] },
		{ EXCEPTION_BITMAP, EXCEPTIONS },   { VMCS_LINK, ~0ull },
		{ CR0_MASK, classic ? ~0ull : CR0_NE | CR0_NW | CR0_CD },
		/* what the guest may change in CR4 it changes without an exit */
		{ CR4_MASK,
		  classic ? ~0ull : ~guest_cpu.cr4 | CR4_MCE | CR4_FSGSBASE },
		{ CR3_TARGET_COUNT, 0 },            { TSC_OFFSET, 0 },
		{ IO_BITMAP_A, space->io_bitmap },
		{ IO_BITMAP_B, space->io_bitmap + PAGE_SIZE },
		{ MSR_BITMAP, msr_bitmap },         { EPT_POINTER, ept_pointer(v) },
		{ GUEST_ACTIVITY, 0 },              { GUEST_DEBUGCTL, 0 },
		{ GUEST_INTERRUPTIBILITY, 0 },      { HOST_PAT, rdmsr(MSR_PAT) },
		{ HOST_ES_SEL, 0 }, { HOST_SS_SEL, 0 }, { HOST_DS_SEL, 0 },
		{ HOST_FS_SEL, 0 }, { HOST_GS_SEL, 0 }, { HOST_CS_SEL, SEL_CODE },
		{ HOST_FS_BASE, 0 }, { HOST_TR_SEL, SEL_TSS },
		{ HOST_SYSENTER_CS, 0 },            { HOST_SYSENTER_ESP, 0 },
		{ HOST_SYSENTER_EIP, 0 },           { HOST_EFER, rdmsr(MSR_EFER) },
		{ HOST_RSP, 0 }, { HOST_RIP, (u64)vmx_stubs[v->stub].exit },
	};
	/* clang-format on */

	v->host_rsp = 0;
	v->stay = 0;
	for (u32 i = 0; i < array_size(fields); i++)
		vmwrite(fields[i].field, fields[i].val);
	if (vmx_caps.timer)
		vmwrite(PREEMPTION_TIMER, TIMER_MAX);
}

/* What differs from CPU to CPU (SDM Vol. 3C, 25.5). */
static void host_state_write(void)
{
	struct cpu *c = cpu_this();

	vmwrite(HOST_CR0, read_cr0());
	vmwrite(HOST_CR3, read_cr3());
	vmwrite(HOST_CR4, read_cr4());
	vmwrite(HOST_GS_BASE, (u64)c);
	vmwrite(HOST_TR_BASE, ptr_hpa(c->tss).v);
	vmwrite(HOST_GDTR_BASE, (u64)c->gdt);
	vmwrite(HOST_IDTR_BASE, c->idt);
}

/* The VMCS itself is written when it is current for the first time. */
static void vmx_vcpu_init(struct virt_vcpu *v)
{
	stay_masked = tsc_from_us(STAY_MASKED_US);
	*(u32 *)v->ctl = vmx_caps.revision;
	vmclear(v);
}

static noinline_fn void vmcs_adapt(struct virt_vcpu *v)
{
	if (v->last_cpu == VIRT_NOWHERE)
		vmcs_fill(v);
	host_state_write();
}

static void vmx_load(struct virt_vcpu *from, struct virt_vcpu *v)
{
	bool bad;

	if (likely(from))
		vmclear(from);
	__asm__ volatile("vmptrld %1"
			 : "=@ccbe"(bad)
			 : "m"(v->ctl_pa)
			 : "memory");
	hv_assert(!bad);
	if (unlikely(v->last_cpu != cpu_this()->index))
		vmcs_adapt(v);
}

/* ---- running ---- */

/*
 * A stay without any exit has an end: where a CPU lets a guest that it enters
 * with IF = 0 hold interrupts off, they wait for this at most.
 */
static noinline_fn void timer_write(struct virt_vcpu *v, u64 now)
{
	u64 ticks = v->deadline > now ? v->deadline - now : 0;
	u64 most = vmread(GUEST_RFLAGS) & RFLAGS_IF ? tsc_from_us(STAY_US) :
						      stay_masked;

	v->trim_at = v->entries + TIMER_TRIM;
	v->stay = ticks < most ? ticks : most;
	vmwrite(PREEMPTION_TIMER, v->stay >> vmx_caps.timer_shift);
}

/* What is left of a masked stay does, where the deadline is behind its end. */
static void vmx_deadline_arm(struct virt_vcpu *v, u64 tsc, u64 now)
{
	v->deadline = tsc;
	if (unlikely(!vmx_caps.timer))
		lapic_timer_arm(tsc);
	else if (v->stay != stay_masked || tsc < now + stay_masked)
		timer_write(v, now);
}

static struct virt_vcpu *vmx_enter(struct virt_vcpu *v)
{
	if (++v->entries >= v->trim_at && vmx_caps.timer)
		timer_write(v, rdtsc());
	if (unlikely(mitigations & MIT_L1D))
		wrmsr(MSR_FLUSH_CMD, 1);
	return vmx_stubs[v->stub].enter(v);
}

static void vmx_window(struct virt_vcpu *v, bool on)
{
	u64 c = vmread(PROC_CONTROLS) & ~PROC_WINDOW;

	vmwrite(PROC_CONTROLS, on ? c | PROC_WINDOW : c);
}

static void vmx_inject(struct virt_vcpu *v, const struct inject *i)
{
	if (i->event & INJECT_ERROR)
		vmwrite(ENTRY_ERROR_CODE, i->error);
	if ((i->event & INJECT_TYPE) >= INJECT_SOFTINT)
		vmwrite(ENTRY_INSN_LEN, i->insn_len);
	vmwrite(ENTRY_INTR_INFO, i->event | EVENT_VALID);
}

/* clang-format off */
const struct virt_ops vmx_ops = {
	.name = "VMX",                    .format = &ept_format,
	.soft_first = VREG_CR2,           .vcpu_init = vmx_vcpu_init,
	.load = vmx_load,                 .unload = vmclear,
	.enter = vmx_enter,               .exit_decode = vmx_exit_decode,
	.reg_get = vmx_reg_get,           .reg_set = vmx_reg_set,
	.inject = vmx_inject,             .window = vmx_window,
	.deadline_arm = vmx_deadline_arm, .flush = vmx_flush,
	.tag_set = vmx_tag_set,
};
/* clang-format on */
