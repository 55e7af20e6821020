/* SPDX-License-Identifier: BSD-2-Clause */
/* A VMCS: making, loading, entering; timer, window, injection, flushes. */
#include "virt/vmx/vmx.h"
#include "arch/irq.h"
#include "lib/regs.h"
#include "arch/x86.h"
#include "lib/panic.h"
#include "lib/string.h"

#define EPTP_WB_4LEVEL (6u | 3u << 3)
#define EXCEPTIONS (1u << 1 | 1u << 17 | 1u << 18) /* #DB #AC #MC */
#define TIMER_TRIM 15 /* the timer stands still in root: set anew so often */

void vmx_count(void)
{
	struct virt_vcpu *v = virt_cpu()->loaded;

	if (v)
		v->vmcs_accesses++;
}

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

struct inv_desc {
	u64 a, b;
};

static void invept(u64 type, u64 eptp)
{
	struct inv_desc d = { eptp, 0 };

	__asm__ volatile("invept %0, %1"
			 :
			 : "m"(d), "r"(type)
			 : "cc", "memory");
}

static void invvpid(u64 type, u64 vpid, u64 gva)
{
	struct inv_desc d = { vpid, gva };

	__asm__ volatile("invvpid %0, %1"
			 :
			 : "m"(d), "r"(type)
			 : "cc", "memory");
}

void vmx_flush(struct virt_vcpu *v)
{
	v->space_gen = __atomic_load_n(&v->space->gen, __ATOMIC_ACQUIRE);
	invept(vmx_caps.invept_single ? 1 : 2, v->space->root | EPTP_WB_4LEVEL);
}

void vmx_tag_renew(struct virt_vcpu *v)
{
	if (!v->live) {
		v->tag_gen = 0;
		return;
	}
	if (virt_tag_new(v))
		invvpid(2, 0, 0);
	vmwrite(VPID, v->tag);
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
	vmwrite(HOST_TR_BASE, (u64)(uintptr_t)c->tss);
	vmwrite(HOST_GDTR_BASE, gdt.base);
	vmwrite(HOST_IDTR_BASE, idt.base);
}

void vmx_load(struct virt_vcpu *v)
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
	if (virt_tag_stale(v)) {
		if (virt_tag_new(v))
			invvpid(2, 0, 0);
		vmwrite(VPID, v->tag);
	}
	if (moved || v->space_gen != v->space->gen)
		vmx_flush(v);
	v->last_cpu = cpu_this()->index;
}

void vmx_unload(struct virt_vcpu *v)
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
	vmwrite(CR3_TARGET_COUNT, 0);
	vmwrite(CR0_MASK, classic ? ~0ull : CR0_NE | CR0_NW | CR0_CD);
	vmwrite(CR4_MASK, classic ? ~0ull : ~virt_cr4_free());
	vmwrite(IO_BITMAP_A, v->space->io_bitmap);
	vmwrite(IO_BITMAP_B, v->space->io_bitmap + PAGE_SIZE);
	vmwrite(MSR_BITMAP, v->space->msr_bitmap);
	vmwrite(EPT_POINTER, v->space->root | EPTP_WB_4LEVEL);
	vmwrite(VMCS_LINK, ~0ull);
	vmwrite(TSC_OFFSET, 0);
	vmwrite(ENTRY_INTR_INFO, 0);
	if (vmx_caps.pin & PIN_TIMER)
		vmwrite(PREEMPTION_TIMER, TIMER_MAX);
}

static void host_state_init(struct virt_vcpu *v)
{
	static void (*const exits[])(void) = { vmx_exit_plain, vmx_exit_probe,
					       vmx_exit_floor,
					       vmx_exit_mitigate };
	u32 f;

	for (f = HOST_ES_SEL; f < HOST_TR_SEL; f += 2)
		vmwrite(f, f == HOST_ES_SEL + 2 ? SEL_CODE : 0);
	vmwrite(HOST_TR_SEL, SEL_TSS);
	vmwrite(HOST_FS_BASE, 0);
	vmwrite(HOST_GS_BASE, 0);
	vmwrite(HOST_SYSENTER_CS, 0);
	vmwrite(HOST_SYSENTER_ESP, 0);
	vmwrite(HOST_SYSENTER_EIP, 0);
	vmwrite(HOST_PAT, rdmsr(MSR_PAT));
	vmwrite(HOST_EFER, rdmsr(MSR_EFER));
	vmwrite(HOST_RIP, (u64)(uintptr_t)exits[v->stub]);
	vmwrite(HOST_RSP, 0);
	v->host_rsp = 0;
}

static void guest_state_init(void)
{
	vmwrite(GUEST_DEBUGCTL, 0);
	vmwrite(GUEST_ACTIVITY, 0);
	vmwrite(GUEST_INTERRUPTIBILITY, 0);
	vmwrite(GUEST_PENDING_DEBUG, 0);
	vmwrite(GUEST_RFLAGS, 2);
	vmwrite(GUEST_DR7, 0x400);
	vmwrite(GUEST_PAT, PAT_RESET);
	vmwrite(GUEST_EFER, 0);
	vmwrite(GUEST_CR0, vmx_caps.cr0_fixed | CR0_ET);
	vmwrite(GUEST_CR4, vmx_caps.cr4_fixed | CR4_MCE);
	vmwrite(CR0_SHADOW, CR0_ET);
	vmwrite(CR4_SHADOW, 0);
	vmwrite(GUEST_SYSENTER_CS, 0);
	vmwrite(GUEST_SYSENTER_ESP, 0);
	vmwrite(GUEST_SYSENTER_EIP, 0);
}

int vmx_vcpu_init(struct virt_vcpu *v)
{
	bool opened;

	virt_stub_choose(v);
	v->ctl = v->space->table_alloc(v->space->owner);
	if (!v->ctl)
		return -1;
	v->ctl_pa = ptr_hpa(v->ctl).v;
	*(u32 *)v->ctl = vmx_caps.revision;
	vmclear(v);
	opened = vmx_open(v);
	controls_write(v);
	host_state_init(v);
	guest_state_init();
	vmx_close(v, opened);
	return 0;
}

void vmx_vcpu_free(struct virt_vcpu *v)
{
	if (!v->ctl)
		return;
	vmx_unload(v);
	v->space->table_free(v->space->owner, v->ctl);
	v->ctl = NULL;
}

/* ---- running ---- */

static void timer_write(u64 deadline)
{
	u64 now = rdtsc(), ticks = TIMER_MAX;

	if (deadline) {
		ticks = deadline > now ? deadline - now : 0;
		ticks >>= vmx_caps.timer_shift;
		if (ticks > TIMER_MAX)
			ticks = TIMER_MAX;
	}
	vmwrite(PREEMPTION_TIMER, ticks);
}

void vmx_deadline_arm(struct virt_vcpu *v, u64 tsc)
{
	bool opened = vmx_open(v);

	v->deadline = tsc;
	if (vmx_caps.pin & PIN_TIMER)
		timer_write(tsc);
	else
		lapic_timer_arm(tsc);
	vmx_close(v, opened);
}

void vmx_enter(struct virt_vcpu *v)
{
	static const vmx_enter_fn enters[] = { vmx_enter_plain, vmx_enter_probe,
					       vmx_enter_floor,
					       vmx_enter_mitigate };

	if (!(++v->entries & TIMER_TRIM) && v->deadline &&
	    vmx_caps.pin & PIN_TIMER)
		timer_write(v->deadline);
	if (unlikely(virt_mitigations & MIT_L1D))
		virt_l1d_flush();
	enters[v->stub](v);
}

void vmx_window(struct virt_vcpu *v, bool on)
{
	bool opened = vmx_open(v);
	u64 c = vmread(PROC_CONTROLS);

	vmwrite(PROC_CONTROLS, on ? c | PROC_WINDOW : c & ~(u64)PROC_WINDOW);
	vmx_close(v, opened);
}

void vmx_inject(struct virt_vcpu *v, const struct inject *i)
{
	bool opened = vmx_open(v);

	if (i->has_error)
		vmwrite(ENTRY_ERROR_CODE, i->error);
	if (i->type >= INJECT_SOFTINT)
		vmwrite(ENTRY_INSN_LEN, i->insn_len);
	vmwrite(ENTRY_INTR_INFO,
		INTR_VALID | (i->has_error ? INTR_HAS_ERROR : 0) |
			(u32)i->type << INTR_TYPE_SHIFT | i->vector);
	vmx_close(v, opened);
}
