/* SPDX-License-Identifier: BSD-2-Clause */
/* VMX by the manual: encodings (SDM Vol. 3D, appendix B), control bits, exit
 * reasons (appendix C), and the accessors of the current VMCS. */
#ifndef VMX_VMX_H
#define VMX_VMX_H

/* VMCS fields the stubs use, too. */
#define GUEST_SS_AR 0x4818
#define GUEST_RIP 0x681e
#define VM_EXIT_REASON 0x4402
#define HOST_RSP 0x6c14
#define REASON_VMCALL 18

#ifndef __ASSEMBLER__
#include "virt/backend.h"

/* 16 bits */
#define VPID 0x0000
#define GUEST_ES_SEL 0x0800 /* then CS SS DS FS GS LDTR TR, 2 apart */
#define HOST_ES_SEL 0x0c00  /* then CS SS DS FS GS TR */
#define HOST_TR_SEL 0x0c0c
/* 64 bits */
#define IO_BITMAP_A 0x2000
#define IO_BITMAP_B 0x2002
#define MSR_BITMAP 0x2004
#define TSC_OFFSET 0x2010
#define EPT_POINTER 0x201a
#define GUEST_PHYSICAL 0x2400
#define VMCS_LINK 0x2800
#define GUEST_DEBUGCTL 0x2802
#define GUEST_PAT 0x2804
#define GUEST_EFER 0x2806
#define GUEST_PDPTE0 0x280a
#define HOST_PAT 0x2c00
#define HOST_EFER 0x2c02
/* 32 bits */
#define PIN_CONTROLS 0x4000
#define PROC_CONTROLS 0x4002
#define EXCEPTION_BITMAP 0x4004
#define CR3_TARGET_COUNT 0x400a
#define EXIT_CONTROLS 0x400c
#define ENTRY_CONTROLS 0x4012
#define ENTRY_INTR_INFO 0x4016
#define ENTRY_ERROR_CODE 0x4018
#define ENTRY_INSN_LEN 0x401a
#define PROC2_CONTROLS 0x401e
#define VM_INSN_ERROR 0x4400
#define EXIT_INTR_INFO 0x4404
#define EXIT_INTR_ERROR 0x4406
#define IDT_VECTORING_INFO 0x4408
#define IDT_VECTORING_ERROR 0x440a
#define EXIT_INSN_LEN 0x440c
#define EXIT_INSN_INFO 0x440e
#define GUEST_ES_LIMIT 0x4800
#define GUEST_GDTR_LIMIT 0x4810
#define GUEST_IDTR_LIMIT 0x4812
#define GUEST_ES_AR 0x4814
#define GUEST_CS_AR 0x4816
#define GUEST_INTERRUPTIBILITY 0x4824
#define GUEST_ACTIVITY 0x4826
#define GUEST_SYSENTER_CS 0x482a
#define PREEMPTION_TIMER 0x482e
#define HOST_SYSENTER_CS 0x4c00
/* natural width */
#define CR0_MASK 0x6000
#define CR4_MASK 0x6002
#define CR0_SHADOW 0x6004
#define CR4_SHADOW 0x6006
#define EXIT_QUALIFICATION 0x6400
#define GUEST_LINEAR 0x640a
#define GUEST_CR0 0x6800
#define GUEST_CR3 0x6802
#define GUEST_CR4 0x6804
#define GUEST_ES_BASE 0x6806
#define GUEST_CS_BASE 0x6808
#define GUEST_SS_BASE 0x680a
#define GUEST_DS_BASE 0x680c
#define GUEST_FS_BASE 0x680e
#define GUEST_GS_BASE 0x6810
#define GUEST_GDTR_BASE 0x6816
#define GUEST_IDTR_BASE 0x6818
#define GUEST_DR7 0x681a
#define GUEST_RSP 0x681c
#define GUEST_RFLAGS 0x6820
#define GUEST_PENDING_DEBUG 0x6822
#define GUEST_SYSENTER_ESP 0x6824
#define GUEST_SYSENTER_EIP 0x6826
#define HOST_CR0 0x6c00
#define HOST_CR3 0x6c02
#define HOST_CR4 0x6c04
#define HOST_FS_BASE 0x6c06
#define HOST_GS_BASE 0x6c08
#define HOST_TR_BASE 0x6c0a
#define HOST_GDTR_BASE 0x6c0c
#define HOST_IDTR_BASE 0x6c0e
#define HOST_SYSENTER_ESP 0x6c10
#define HOST_SYSENTER_EIP 0x6c12
#define HOST_RIP 0x6c16

/* Controls */
#define PIN_EXTINT (1u << 0)
#define PIN_NMI (1u << 3)
#define PIN_TIMER (1u << 6)
#define PROC_WINDOW (1u << 2)
#define PROC_TSC_OFFSET (1u << 3)
#define PROC_HLT (1u << 7)
#define PROC_INVLPG (1u << 9)
#define PROC_MWAIT (1u << 10)
#define PROC_RDPMC (1u << 11)
#define PROC_RDTSC (1u << 12)
#define PROC_CR3_LOAD (1u << 15)
#define PROC_CR3_STORE (1u << 16)
#define PROC_CR8_LOAD (1u << 19)
#define PROC_CR8_STORE (1u << 20)
#define PROC_MOV_DR (1u << 23)
#define PROC_IO_BITMAPS (1u << 25)
#define PROC_MSR_BITMAPS (1u << 28)
#define PROC_MONITOR (1u << 29)
#define PROC_PAUSE (1u << 30)
#define PROC_SECONDARY (1u << 31)
#define PROC2_EPT (1u << 1)
#define PROC2_DESC (1u << 2)
#define PROC2_RDTSCP (1u << 3)
#define PROC2_VPID (1u << 5)
#define PROC2_WBINVD (1u << 6)
#define PROC2_UNRESTRICTED (1u << 7)
#define EXITC_SAVE_DEBUG (1u << 2)
#define EXITC_HOST64 (1u << 9)
#define EXITC_SAVE_PAT (1u << 18)
#define EXITC_LOAD_PAT (1u << 19)
#define EXITC_SAVE_EFER (1u << 20)
#define EXITC_LOAD_EFER (1u << 21)
#define EXITC_SAVE_TIMER (1u << 22)
#define ENTRYC_LOAD_DEBUG (1u << 2)
#define ENTRYC_IA32E (1u << 9)
#define ENTRYC_LOAD_PAT (1u << 14)
#define ENTRYC_LOAD_EFER (1u << 15)

#define INTR_VALID (1u << 31)
#define INTR_HAS_ERROR (1u << 11)
#define INTR_TYPE_SHIFT 8
#define BLOCKED_STI 1u
#define BLOCKED_MOV_SS 2u
#define REASON_ENTRY_FAILED (1u << 31)
#define AR_UNUSABLE (1u << 16)

#define TIMER_MAX 0xffffffffull

/* What this machine's VMX can do and what it forces: vmx/probe.c. */
struct vmx_caps {
	u32 revision;
	u32 pin, proc, proc2, exit, entry; /* as used by pv and hvm */
	u32 proc_classic, proc2_classic;
	u64 cr0_fixed, cr4_fixed; /* bits that must be 1 (PE, PG excluded) */
	u32 timer_shift;	  /* TSC ticks per timer tick, log2 */
	bool invvpid_addr, invvpid_all, invept_single, gb_pages;
};
extern struct vmx_caps vmx_caps;

const char *vmx_probe(void);
const char *vmx_cpu_on(struct cpu *c);

/* Counts an access for the probe; out of line, since it is rare. */
void vmx_count(void);

static inline u64 vmread(u32 field)
{
	u64 val;

	if (unlikely(virt_probe))
		vmx_count();
	__asm__ volatile("vmread %1, %0" : "=r"(val) : "r"((u64)field) : "cc");
	return val;
}

noreturn_fn void vmx_write_failed(u32 field, u64 val);

static inline void vmwrite(u32 field, u64 val)
{
	if (unlikely(virt_probe))
		vmx_count();
	__asm__ goto("vmwrite %0, %1\n\tjbe %l2"
		     :
		     : "r"(val), "r"((u64)field)
		     : "cc", "memory"
		     : failed);
	return;
failed:
	vmx_write_failed(field, val);
}

/* Makes v's VMCS current for a while if it is not; close with what open gave. */
bool vmx_open(struct virt_vcpu *v);
void vmx_close(struct virt_vcpu *v, bool opened);

void vmx_load(struct virt_vcpu *v);
void vmx_unload(struct virt_vcpu *v);
int vmx_vcpu_init(struct virt_vcpu *v);
void vmx_vcpu_free(struct virt_vcpu *v);
void vmx_enter(struct virt_vcpu *v);
void vmx_deadline_arm(struct virt_vcpu *v, u64 tsc);
void vmx_window(struct virt_vcpu *v, bool on);
void vmx_inject(struct virt_vcpu *v, const struct inject *i);
void vmx_flush(struct virt_vcpu *v);
void vmx_exit_decode(struct virt_vcpu *v, struct exit *x);
u64 vmx_reg_get(struct virt_vcpu *v, enum vreg r);
void vmx_reg_set(struct virt_vcpu *v, enum vreg r, u64 val);
void vmx_state_get(struct virt_vcpu *v, struct vstate *s);
const char *vmx_state_set(struct virt_vcpu *v, const struct vstate *s);
/* Guest-linear translations are void: a new VPID, now or at the next load. */
void vmx_tag_renew(struct virt_vcpu *v);
/* INVVPID of one address of v, which is loaded here. */
void vmx_invlpg(struct virt_vcpu *v, u64 gva);

/* vmx/stub.S: entries and the addresses that exits come to, by virt_stub. */
typedef void (*vmx_enter_fn)(struct virt_vcpu *v);
void vmx_enter_plain(struct virt_vcpu *v);
void vmx_enter_probe(struct virt_vcpu *v);
void vmx_enter_floor(struct virt_vcpu *v);
void vmx_enter_mitigate(struct virt_vcpu *v);
void vmx_exit_plain(void);
void vmx_exit_probe(void);
void vmx_exit_floor(void);
void vmx_exit_mitigate(void);

#endif
#endif
