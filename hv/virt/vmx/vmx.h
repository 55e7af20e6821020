/* SPDX-License-Identifier: BSD-2-Clause */
/* VMX by the manual: encodings (SDM Vol. 3D, appendix B), control bits, exit
 * reasons (appendix C), and the accessors of the current VMCS. */
#pragma once

/* VMCS fields the stubs use, too. */
#define GUEST_SS_AR 0x4818
#define GUEST_RIP 0x681e
#define VM_EXIT_REASON 0x4402
#define HOST_RSP 0x6c14
#define GUEST_INTERRUPTIBILITY 0x4824
#define BLOCKED 3 /* of that: by STI, by MOV SS */
#define REASON_VMCALL 18

#ifndef __ASSEMBLER__
#include "virt/backend.h"

/* clang-format off */
enum vmcs_field {
	/* 16 bits; ES is the first of ES CS SS DS FS GS LDTR TR, 2 apart */
	VPID = 0x0000,          GUEST_ES_SEL = 0x0800,  HOST_ES_SEL = 0x0c00,
	HOST_CS_SEL = 0x0c02,   HOST_SS_SEL = 0x0c04,   HOST_DS_SEL = 0x0c06,
	HOST_FS_SEL = 0x0c08,   HOST_GS_SEL = 0x0c0a,   HOST_TR_SEL = 0x0c0c,
	/* 64 bits */
	IO_BITMAP_A = 0x2000,   IO_BITMAP_B = 0x2002,   MSR_BITMAP = 0x2004,
	TSC_OFFSET = 0x2010,    EPT_POINTER = 0x201a,   GUEST_PHYSICAL = 0x2400,
	VMCS_LINK = 0x2800,     GUEST_DEBUGCTL = 0x2802,
	GUEST_PAT = 0x2804,     GUEST_EFER = 0x2806,    GUEST_PDPTE0 = 0x280a,
	HOST_PAT = 0x2c00,      HOST_EFER = 0x2c02,
	/* 32 bits */
	PIN_CONTROLS = 0x4000,              PROC_CONTROLS = 0x4002,
	EXCEPTION_BITMAP = 0x4004,          CR3_TARGET_COUNT = 0x400a,
	EXIT_CONTROLS = 0x400c,             ENTRY_CONTROLS = 0x4012,
	ENTRY_INTR_INFO = 0x4016,           ENTRY_ERROR_CODE = 0x4018,
	ENTRY_INSN_LEN = 0x401a,            PROC2_CONTROLS = 0x401e,
	VM_INSN_ERROR = 0x4400,             EXIT_INTR_INFO = 0x4404,
	EXIT_INTR_ERROR = 0x4406,           IDT_VECTORING_INFO = 0x4408,
	IDT_VECTORING_ERROR = 0x440a,       EXIT_INSN_LEN = 0x440c,
	GUEST_ES_LIMIT = 0x4800,            GUEST_GDTR_LIMIT = 0x4810,
	GUEST_IDTR_LIMIT = 0x4812,          GUEST_ES_AR = 0x4814,
	GUEST_ACTIVITY = 0x4826,            GUEST_SYSENTER_CS = 0x482a,
	PREEMPTION_TIMER = 0x482e,          HOST_SYSENTER_CS = 0x4c00,
	/* natural width */
	CR0_MASK = 0x6000,      CR4_MASK = 0x6002,      CR0_SHADOW = 0x6004,
	CR4_SHADOW = 0x6006,    EXIT_QUALIFICATION = 0x6400,
	GUEST_CR0 = 0x6800,     GUEST_CR3 = 0x6802,     GUEST_CR4 = 0x6804,
	GUEST_ES_BASE = 0x6806, GUEST_GDTR_BASE = 0x6816,
	GUEST_IDTR_BASE = 0x6818,           GUEST_DR7 = 0x681a,
	GUEST_RSP = 0x681c,     GUEST_RFLAGS = 0x6820,
	GUEST_PENDING_DEBUG = 0x6822,       GUEST_SYSENTER_ESP = 0x6824,
	GUEST_SYSENTER_EIP = 0x6826,        HOST_CR0 = 0x6c00,
	HOST_CR3 = 0x6c02,      HOST_CR4 = 0x6c04,      HOST_FS_BASE = 0x6c06,
	HOST_GS_BASE = 0x6c08,  HOST_TR_BASE = 0x6c0a,  HOST_GDTR_BASE = 0x6c0c,
	HOST_IDTR_BASE = 0x6c0e,            HOST_SYSENTER_ESP = 0x6c10,
	HOST_SYSENTER_EIP = 0x6c12,         HOST_RIP = 0x6c16,
};
/* clang-format on */

#define PROC_WINDOW 4ull /* of PROC_CONTROLS: interrupt-window exiting */
#define PROC_MOV_DR (1ull << 23)
#define ENTRY_IA32E 0x200ull /* of ENTRY_CONTROLS: IA-32e mode guest */
#define REASON_ENTRY_FAILED (1u << 31)
#define TIMER_MAX 0xffffffffull

/* Counts an access for the probe: one instruction more, wherever it stands,
 * so that what the probe adds can be taken off exactly. */
static inline void vmx_count(void)
{
	__asm__ volatile("cmpb $0, virt_probe(%%rip)\n\tje 1f\n\t"
			 "incq virt_accesses(%%rip)\n1:" ::
				 : "cc", "memory");
}

static inline u64 vmread(u32 field)
{
	u64 val;

	vmx_count();
	__asm__ volatile("vmread %1, %0" : "=r"(val) : "r"((u64)field) : "cc");
	return val;
}

noreturn_fn void vmx_write_failed(u32 field, u64 val);

static inline void vmwrite(u32 field, u64 val)
{
	bool failed;

	vmx_count();
	__asm__ volatile("vmwrite %1, %2"
			 : "=@ccbe"(failed)
			 : "r"(val), "r"((u64)field)
			 : "memory");
	if (unlikely(failed))
		vmx_write_failed(field, val);
}

void vmx_exit_decode(struct virt_vcpu *v, struct exit *x);
u64 vmx_reg_get(struct virt_vcpu *v, enum vreg r);
void vmx_reg_set(struct virt_vcpu *v, enum vreg r, u64 val);
/* Drops the translation of one canonical address. */
void vmx_invlpg(struct virt_vcpu *v, u64 gva);

/* vmx/stub.S, by virt_stub: the entry, and the address that exits come to. */
extern const struct {
	struct virt_vcpu *(*enter)(struct virt_vcpu *v);
	void (*exit)(void);
} vmx_stubs[];

#endif
