/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry to and exit from a VMX guest, and the fast path of a hypercall.
 *
 * An exit comes with RSP = HOST_RSP, where the entry has left room for R10 and
 * R11, and v; all general registers are still the guest's. A handler finds the
 * arguments where C expects them. See virt.h for the contract.
 */
#include "virt/stub.inc"
#include "virt/vmx/vmx.h"

/* RIP behind the call; clobbers RCX and RSI. */
.macro CALL_SKIP
	mov $GUEST_RIP, %ecx
	vmread %rcx, %rsi
	add $VIRT_CALL_LEN, %rsi
	vmwrite %rsi, %rcx
.endm

/* So too where the guest does not go on at once, and with the blocking of
 * interrupts by STI or MOV SS ended. */
.macro CALL_DONE
	CALL_SKIP
	mov $GUEST_INTERRUPTIBILITY, %ecx
	vmread %rcx, %rsi
	test $BLOCKED, %sil
	jz 1f
	and $~BLOCKED, %esi
	vmwrite %rsi, %rcx
1:
.endm

/* An instruction more for each access, as in C: see vmx_count. */
.macro CALL_DONE_PROBE
	incq V_vmcs_accesses(%r11)
	incq V_vmcs_accesses(%r11)
	incq V_vmcs_accesses(%r11)
	CALL_DONE
.endm

/* The handler has run, and there is work to do: results in RAX and RDX. */
.macro VMX_LEAVE done
	GUEST_SAVE_CALL \done
	movl $1, V_launched(%r11)
	NEXT vmx_nexts
	HOST_POP_RET
.endm

.macro VMX_STUB name probe=0 floor=0 mitigate=0

/* struct virt_vcpu *vmx_enter_NAME(struct virt_vcpu *v) */
	.balign 16
vmx_enter_\name:
	HOST_PUSH
	sub $V_AT, %rsp
.Lnext_\name:
	cmp %rsp, V_host_rsp(%rdi)
	je 1f
	mov %rsp, V_host_rsp(%rdi)
	mov $HOST_RSP, %eax
	vmwrite %rsp, %rax
1:
	MITIGATE_ENTRY \mitigate
	PROBE \probe
	cmpl $0, V_launched(%rdi)
	LOAD %rdi, ax
	GUEST_LOAD
	je 2f
	vmresume
	jmp vmx_failed
2:	vmlaunch
	jmp vmx_failed

	.balign 16
vmx_exit_\name:
	MITIGATE_EXIT \mitigate
	PROBE \probe, exit=1, accesses=1 /* reason */
	mov %r10, (%rsp)
	mov $VM_EXIT_REASON, %r10d
	vmread %r10, %r10
	cmp $REASON_VMCALL, %r10d
	jne vmx_leave_exit
	.if \floor
	cmp $VIRT_FLOOR_MAGIC, %eax
	je .Lfloor_\name
	.endif
	mov $GUEST_SS_AR, %r10d
	vmread %r10, %r10
	test $0x60, %r10b	/* DPL of SS is the CPL */
	mov $REASON_VMCALL, %r10d
	jnz vmx_leave_exit
	HCALL %rax, %r10, \probe
	jne vmx_leave_call_\probe
	CALL_SKIP
	MITIGATE_ENTRY \mitigate
	PROBE \probe, accesses=2 /* RIP */
	CLOBBERED_CLEAR
	vmresume
	jmp vmx_failed

	.if \floor
.Lfloor_\name:
	CALL_SKIP
	vmresume
	jmp vmx_failed
	.endif
.endm

VMX_STUB plain
VMX_STUB probe probe=1
VMX_STUB floor floor=1
VMX_STUB mitigate mitigate=1

vmx_failed:
	mov V_AT(%rsp), %rdi
	movl $VIRT_HOW_FAIL, V_how(%rdi)
	HOST_POP_RET

vmx_leave_call_0:
	VMX_LEAVE CALL_DONE
vmx_leave_call_1:
	VMX_LEAVE CALL_DONE_PROBE

/* Any other exit: the guest's R10 on the stack, the reason in R10. */
vmx_leave_exit:
	mov %r11, 8(%rsp)
	mov V_AT(%rsp), %r11
	mov %r10, V_reason(%r11)
	STORE %r11, ax
	GUEST_SAVE
	mov 8(%rsp), %rax
	mov %rax, V_11(%r11)
	mov (%rsp), %rax
	mov %rax, V_10(%r11)
	movl $VIRT_HOW_EXIT, V_how(%r11)
	movl $1, V_launched(%r11)
	HOST_POP_RET

	.section .data.rel.ro, "aw"
	.globl vmx_stubs
	.balign 8
vmx_stubs:
	.irp name, plain, probe, floor, mitigate
	.quad vmx_enter_\name, vmx_exit_\name
	.endr
vmx_nexts:
	.irp name, plain, probe, floor, mitigate
	.quad .Lnext_\name
	.endr

	.section .note.GNU-stack, "", @progbits
