/* SPDX-License-Identifier: BSD-2-Clause */
/* The VMX backend's operations. A VMCS: making, loading, entering; timer,
 * window, injection, flushes. */
#include "virt/vmx/vmx.h"
#include "arch/irq.h"
#include "lib/x86.h"
#include "lib/panic.h"

#define MSR_FLUSH_CMD 0x10B
#define EPT_RWX 7ull
#define EPT_WB (6ull << 3)
#define EPTP_WB_4LEVEL (6u | 3u << 3)
#define STAY_US 250000
#define STAY_MASKED_US 5000
#define TIMER_TRIM 16 /* the timer stands still in root: set anew so often */

/* SDM Vol. 3C, 29.3. The guest's PAT is not ignored (bit 6 clear): it weakens
 * write-back. */
struct nested_format ept_format = {
	.read = 1,
	.write = 2,
	.exec = 4,
	.device = EPT_WB,
	.invert = EPT_WB,
	.table = EPT_RWX,
	.levels = 4,
};

noreturn_fn void vmx_write_failed(u32 field, u64 val)
{
	panic("VMWRITE of %lx to field %x failed (error %u)", val, field,
	      (u32)vmread(VM_INSN_ERROR));
}

static void vmptrld(struct virt_vcpu *v)
{
	u8 bad;

	__asm__ volatile("vmptrld %1\n\tsetbe %0"
			 : "=r"(bad)
			 : "m"(v->ctl_pa)
			 : "cc", "memory");
	hv_assert(!bad);
}

static void vmclear(struct virt_vcpu *v)
{
	__asm__ volatile("vmclear %0" : : "m"(v->ctl_pa) : "cc", "memory");
	v->launched = 0;
}

bool vmx_open(struct virt_vcpu *v)
{
	if (likely(virt_cpu()->loaded == v))
		return false;
	vmptrld(v);
	return true;
}

void vmx_close(struct virt_vcpu *v, bool opened)
{
	if (likely(!opened))
		return;
	vmclear(v);
	if (virt_cpu()->loaded)
		vmptrld(virt_cpu()->loaded);
}

/* ---- translations ---- */

static void invept(u64 type, u64 eptp)
{
	u64 desc[2] = { eptp, 0 };

	__asm__ volatile("invept %0, %1"
			 :
			 : "m"(desc), "r"(type)
			 : "cc", "memory");
}

static void invvpid(u64 type, u64 vpid, u64 gva)
{
	u64 desc[2] = { vpid, gva };

	__asm__ volatile("invvpid %0, %1"
			 :
			 : "m"(desc), "r"(type)
			 : "cc", "memory");
}

static void vmx_flush(struct virt_vcpu *v)
{
	v->space_gen = load_acquire(&v->space->gen);
	invept(vmx_caps.invept_single ? 1 : 2, v->space->root | EPTP_WB_4LEVEL);
}

static void tag_take(struct virt_vcpu *v)
{
	if (virt_tag_new(v))
		invvpid(2, 0, 0);
	vmwrite(VPID, v->tag);
}

void vmx_tag_renew(struct virt_vcpu *v)
{
	if (v->live)
		tag_take(v);
	else
		v->tag_gen = 0;
}

void vmx_invlpg(struct virt_vcpu *v, u64 gva)
{
	if (v->live && vmx_caps.invvpid_addr && canonical48(gva))
		invvpid(0, v->tag, gva);
	else
		vmx_tag_renew(v);
}

/* ---- loading ---- */

struct pseudo_desc {
	u16 limit;
	u64 base;
} __attribute__((packed));

/* What differs from CPU to CPU (SDM Vol. 3C, 25.5). */
static void host_state_write(void)
{
	struct cpu *c = cpu_this();
	struct pseudo_desc gdt, idt;

	__asm__ volatile("sgdt %0" : "=m"(gdt));
	__asm__ volatile("sidt %0" : "=m"(idt));
	vmwrite(HOST_CR0, read_cr0());
	vmwrite(HOST_CR3, read_cr3());
	vmwrite(HOST_CR4, read_cr4());
	vmwrite(HOST_TR_BASE, ptr_hpa(&c->tss).v);
	vmwrite(HOST_GDTR_BASE, gdt.base);
	vmwrite(HOST_IDTR_BASE, idt.base);
}

static void vmx_load(struct virt_vcpu *v)
{
	struct virt_cpu *pc = virt_cpu();
	bool moved = v->last_cpu != cpu_this()->index;

	if (pc->loaded != v) {
		if (pc->loaded)
			vmclear(pc->loaded);
		vmptrld(v);
		pc->loaded = v;
	}
	if (moved)
		host_state_write();
	if (virt_tag_stale(v))
		tag_take(v);
	if (moved || v->space_gen != v->space->gen)
		vmx_flush(v);
	v->last_cpu = cpu_this()->index;
}

static void vmx_unload(struct virt_vcpu *v)
{
	if (virt_cpu()->loaded != v)
		return;
	vmclear(v);
	virt_cpu()->loaded = NULL;
}

/* ---- making ---- */

static void controls_write(struct virt_vcpu *v)
{
	bool classic = v->profile == PROFILE_CLASSIC;

	vmwrite(PIN_CONTROLS, vmx_caps.pin);
	vmwrite(PROC_CONTROLS, classic ? vmx_caps.proc_classic : vmx_caps.proc);
	vmwrite(PROC2_CONTROLS,
		classic ? vmx_caps.proc2_classic : vmx_caps.proc2);
	vmwrite(EXIT_CONTROLS, vmx_caps.exit);
	vmwrite(ENTRY_CONTROLS, vmx_caps.entry);
	vmwrite(EXCEPTION_BITMAP, EXCEPTIONS);
	vmwrite(CR0_MASK, classic ? ~0ull : CR0_NE | CR0_NW | CR0_CD);
	/* what the guest may change in CR4 it changes without an exit */
	vmwrite(CR4_MASK,
		classic ? ~0ull : ~guest_cpu.cr4 | CR4_MCE | CR4_FSGSBASE);
	vmwrite(IO_BITMAP_A, v->space->io_bitmap);
	vmwrite(IO_BITMAP_B, v->space->io_bitmap + PAGE_SIZE);
	vmwrite(MSR_BITMAP, v->space->msr_bitmap);
	vmwrite(EPT_POINTER, v->space->root | EPTP_WB_4LEVEL);
	vmwrite(VMCS_LINK, ~0ull);
	if (vmx_caps.pin & PIN_TIMER)
		vmwrite(PREEMPTION_TIMER, TIMER_MAX);
}

/* What state_set does not write; and of the host, what is the same on every
 * CPU. */
static void state_init(struct virt_vcpu *v)
{
	/* clang-format off */
	static const u16 zeros[] = {
		CR3_TARGET_COUNT, TSC_OFFSET, HOST_RSP,
		HOST_ES_SEL, HOST_SS_SEL, HOST_DS_SEL, HOST_FS_SEL, HOST_GS_SEL,
		HOST_FS_BASE, HOST_GS_BASE,
		HOST_SYSENTER_CS, HOST_SYSENTER_ESP, HOST_SYSENTER_EIP,
		GUEST_DEBUGCTL, GUEST_ACTIVITY, GUEST_INTERRUPTIBILITY,
	};
	/* clang-format on */
	u32 i;

	for (i = 0; i < array_size(zeros); i++)
		vmwrite(zeros[i], 0);
	vmwrite(HOST_CS_SEL, SEL_CODE);
	vmwrite(HOST_TR_SEL, SEL_TSS);
	vmwrite(HOST_PAT, rdmsr(MSR_PAT));
	vmwrite(HOST_EFER, rdmsr(MSR_EFER));
	vmwrite(HOST_RIP, (u64)(uintptr_t)vmx_stubs[v->stub].exit);
	v->host_rsp = 0;
}

static int vmx_vcpu_init(struct virt_vcpu *v)
{
	u32 *vmcs = virt_ctl_alloc(v);
	bool opened;

	if (!vmcs)
		return -1;
	*vmcs = vmx_caps.revision;
	vmclear(v);
	opened = vmx_open(v);
	controls_write(v);
	state_init(v);
	vmx_close(v, opened);
	return 0;
}

/* ---- running ---- */

/*
 * A stay without any exit has an end: where a CPU lets a guest that it enters
 * with IF = 0 hold interrupts off, they wait for this at most.
 */
static void timer_write(struct virt_vcpu *v)
{
	u64 now = rdtsc(), ticks = v->deadline > now ? v->deadline - now : 0;
	u64 most = tsc_from_us(
		vmread(GUEST_RFLAGS) & RFLAGS_IF ? STAY_US : STAY_MASKED_US);

	v->trim_at = v->entries + TIMER_TRIM;
	if (ticks > most)
		ticks = most;
	vmwrite(PREEMPTION_TIMER, ticks >> vmx_caps.timer_shift);
}

static void vmx_deadline_arm(struct virt_vcpu *v, u64 tsc)
{
	v->deadline = tsc;
	if (vmx_caps.pin & PIN_TIMER)
		timer_write(v);
	else
		lapic_timer_arm(tsc);
}

static void vmx_enter(struct virt_vcpu *v)
{
	if (++v->entries == v->trim_at && vmx_caps.pin & PIN_TIMER)
		timer_write(v);
	if (unlikely(mitigations & MIT_L1D))
		wrmsr(MSR_FLUSH_CMD, 1);
	vmx_stubs[v->stub].enter(v);
}

static void vmx_window(struct virt_vcpu *v, bool on)
{
	u64 c = vmread(PROC_CONTROLS);

	vmwrite(PROC_CONTROLS, on ? c | PROC_WINDOW : c & ~(u64)PROC_WINDOW);
}

static void vmx_inject(struct virt_vcpu *v, const struct inject *i)
{
	if (i->has_error)
		vmwrite(ENTRY_ERROR_CODE, i->error);
	if (i->type >= INJECT_SOFTINT)
		vmwrite(ENTRY_INSN_LEN, i->insn_len);
	vmwrite(ENTRY_INTR_INFO, virt_event_pack(i));
}

const struct virt_ops vmx_ops = {
	.name = "VMX",
	.soft_first = VREG_CR2,
	.format = &ept_format,
	.probe = vmx_probe,
	.cpu_on = vmx_cpu_on,
	.vcpu_init = vmx_vcpu_init,
	.vcpu_free = virt_vcpu_free,
	.load = vmx_load,
	.unload = vmx_unload,
	.enter = vmx_enter,
	.exit_decode = vmx_exit_decode,
	.reg_get = vmx_reg_get,
	.reg_set = vmx_reg_set,
	.state_get = virt_state_get,
	.state_set = virt_state_set,
	.inject = vmx_inject,
	.window = vmx_window,
	.deadline_arm = vmx_deadline_arm,
	.flush = vmx_flush,
};
