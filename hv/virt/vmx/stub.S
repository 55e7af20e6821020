/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry to and exit from a VMX guest, and the fast path of a hypercall.
 *
 * An exit comes with RSP = HOST_RSP, where the entry has left v; all other
 * general registers are still the guest's. A handler finds the arguments where
 * C expects them. See virt.h for the contract.
 */
#include "virt/stub.inc"
#include "virt/vmx/vmx.h"

.macro VMX_STUB name probe=0 floor=0 mitigate=0

/* void vmx_enter_NAME(struct virt_vcpu *v) */
	.balign 16
vmx_enter_\name:
	HOST_PUSH
	sub $8, %rsp
	push %rdi
	cmp %rsp, V_HOST_RSP(%rdi)
	je 1f
	mov %rsp, V_HOST_RSP(%rdi)
	mov $HOST_RSP, %eax
	vmwrite %rsp, %rax
1:
	MITIGATE_ENTRY \mitigate
	PROBE_ENTRY \probe
	cmpl $0, V_LAUNCHED(%rdi)
	mov V_AX(%rdi), %rax
	GUEST_LOAD
	je 2f
	vmresume
	jmp .Lfailed_\name
2:	vmlaunch
	jmp .Lfailed_\name

	.balign 16
vmx_exit_\name:
	RSB_FILL \mitigate
	PROBE_EXIT \probe
	push %r10
	mov $VM_EXIT_REASON, %r10d
	vmread %r10, %r10
	cmp $REASON_VMCALL, %r10d
	jne .Lslow_\name
	.if \floor
	cmp $VIRT_FLOOR_MAGIC, %eax
	je .Lfloor_\name
	.endif
	mov $GUEST_SS_AR, %r10d
	vmread %r10, %r10
	test $0x60, %r10b	/* DPL of SS is the CPL */
	mov $REASON_VMCALL, %r10d
	jnz .Lslow_\name
	mov $HCALL_TABLE_SIZE - 1, %r10d	/* no branch: nothing to mispredict */
	cmp %r10, %rax
	cmova %r10, %rax
	mov 8(%rsp), %r11
	incq V_CALLS(%r11)
	lea virt_hcall_table(%rip), %r10
	call *(%r10, %rax, 8)
	mov 8(%rsp), %r11
	cmpl $0, V_PENDING(%r11)
	jne .Lpending_\name
	PROBE_COUNT \probe 4 /* reason, SS, RIP twice */
	mov $GUEST_RIP, %ecx
	vmread %rcx, %rsi
	add $VIRT_CALL_LEN, %rsi
	vmwrite %rsi, %rcx
	MITIGATE_ENTRY \mitigate
	PROBE_ENTRY \probe at=8
	CLOBBERED_CLEAR
	vmresume
	pop %r10
	jmp .Lfailed_\name

	.if \floor
.Lfloor_\name:
	mov $GUEST_RIP, %ecx
	vmread %rcx, %rdx
	add $VIRT_CALL_LEN, %rdx
	vmwrite %rdx, %rcx
	vmresume
	pop %r10
	jmp .Lfailed_\name
	.endif

/* Any other exit: r10 (the guest's) and v on the stack, reason in R10. */
.Lslow_\name:
	push %r11
	mov 16(%rsp), %r11
	PROBE_COUNT \probe 1 /* reason */
	mov %r10, V_REASON(%r11)
	mov %rax, V_AX(%r11)
	GUEST_SAVE
	pop %rax
	mov %rax, V_R11(%r11)
	pop %rax
	mov %rax, V_R10(%r11)
	movl $1, V_LAUNCHED(%r11)
	movl $VIRT_HOW_EXIT, V_HOW(%r11)
	jmp vmx_leave

/* The handler has run, and there is work to do: results in RAX and RDX. */
.Lpending_\name:
	PROBE_COUNT \probe 2 /* reason, SS */
	pop %r10
	jmp vmx_leave_call

.Lfailed_\name:
	mov (%rsp), %rdi
	movl $VIRT_HOW_FAIL, V_HOW(%rdi)
	jmp vmx_leave
.endm

VMX_STUB plain
VMX_STUB probe probe=1
VMX_STUB floor floor=1
VMX_STUB mitigate mitigate=1

vmx_leave_call:
	GUEST_SAVE_CALL
	movl $1, V_LAUNCHED(%r11)
vmx_leave:
	add $16, %rsp
	HOST_POP_RET

	.section .data.rel.ro, "aw"
	.globl vmx_enters
	.hidden vmx_enters
	.balign 8
vmx_enters:
	.quad vmx_enter_plain, vmx_enter_probe, vmx_enter_floor, vmx_enter_mitigate
	.globl vmx_exits
	.hidden vmx_exits
vmx_exits:
	.quad vmx_exit_plain, vmx_exit_probe, vmx_exit_floor, vmx_exit_mitigate

	.section .note.GNU-stack, "", @progbits
