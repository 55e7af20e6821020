/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry to and exit from a VMX guest, and the fast path of a hypercall.
 *
 * An exit comes with RSP = HOST_RSP, where the entry has left v; all other
 * general registers are still the guest's. A handler finds the arguments where
 * C expects them. See virt.h for the contract.
 */
#include "virt/offsets.h"
#include "virt/vmx/vmx.h"

#define PEND_RESUME 512
#define HCALL_LAST 63 /* HCALL_TABLE_SIZE - 1 */
#define FLOOR_MAGIC 0x464c4f4f
#define ACCESSES_FAST 4 /* reason, SS, RIP twice */
#define ACCESSES_SLOW 1

#include "virt/mitigate.inc"

	.hidden virt_hcall_table
	.hidden virt_mitigations
	.section .rodata
verw_sel:
	.word 0x10 /* SEL_DATA */
	.text

/* Time stamp in RAX; RDX is lost. The jump starts a new trace in Bochs. */
.macro STAMP
	jmp 773f
773:	rdtsc
	shl $32, %rdx
	or %rdx, %rax
.endm

/* \at: where v is on the stack before the two pushes. */
.macro PROBE_EXIT at
	push %rax
	push %rdx
	STAMP
	mov \at+16(%rsp), %rdx
	sub V_ENTRY_STAMP(%rdx), %rax
	add %rax, V_GUEST_TSC(%rdx)
	pop %rdx
	pop %rax
.endm

.macro PROBE_ENTRY at
	push %rax
	push %rdx
	STAMP
	mov \at+16(%rsp), %rdx
	mov %rax, V_ENTRY_STAMP(%rdx)
	pop %rdx
	pop %rax
.endm

.macro VMX_STUB name probe=0 floor=0 mitigate=0

/* void vmx_enter_NAME(struct virt_vcpu *v) */
	.globl vmx_enter_\name
	.hidden vmx_enter_\name
	.type vmx_enter_\name, @function
	.balign 16
vmx_enter_\name:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	sub $8, %rsp
	push %rdi
	cmp %rsp, V_HOST_RSP(%rdi)
	je 1f
	mov %rsp, V_HOST_RSP(%rdi)
	mov $HOST_RSP, %eax
	vmwrite %rsp, %rax
1:
	.if \mitigate
	MITIGATE_ENTRY
	.endif
	.if \probe
	PROBE_ENTRY 0
	.endif
	cmpl $0, V_LAUNCHED(%rdi)
	mov V_AX(%rdi), %rax
	mov V_CX(%rdi), %rcx
	mov V_DX(%rdi), %rdx
	mov V_BX(%rdi), %rbx
	mov V_BP(%rdi), %rbp
	mov V_SI(%rdi), %rsi
	mov V_R8(%rdi), %r8
	mov V_R9(%rdi), %r9
	mov V_R10(%rdi), %r10
	mov V_R11(%rdi), %r11
	mov V_R12(%rdi), %r12
	mov V_R13(%rdi), %r13
	mov V_R14(%rdi), %r14
	mov V_R15(%rdi), %r15
	mov V_DI(%rdi), %rdi
	je 2f
	vmresume
	jmp .Lfailed_\name
2:	vmlaunch
	jmp .Lfailed_\name

	.globl vmx_exit_\name
	.hidden vmx_exit_\name
	.type vmx_exit_\name, @function
	.balign 16
vmx_exit_\name:
	.if \mitigate
	RSB_FILL
	.endif
	.if \probe
	PROBE_EXIT 0
	.endif
	push %r10
	mov $VM_EXIT_REASON, %r10d
	vmread %r10, %r10
	cmp $REASON_VMCALL, %r10d
	jne .Lslow_\name
	.if \floor
	cmp $FLOOR_MAGIC, %eax
	je .Lfloor_\name
	.endif
	mov $GUEST_SS_AR, %r10d
	vmread %r10, %r10
	test $0x60, %r10b	/* DPL of SS is the CPL */
	mov $REASON_VMCALL, %r10d
	jnz .Lslow_\name
	mov $HCALL_LAST, %r10d	/* no branch: nothing to mispredict */
	cmp %r10, %rax
	cmova %r10, %rax
	mov 8(%rsp), %r11
	incq V_CALLS(%r11)
	lea virt_hcall_table(%rip), %r10
	call *(%r10, %rax, 8)
	mov 8(%rsp), %r11
	cmpl $0, V_PENDING(%r11)
	jne .Lpending_\name
	.if \probe
	addq $ACCESSES_FAST, V_VMCS_ACCESSES(%r11)
	.endif
	mov $GUEST_RIP, %ecx
	vmread %rcx, %rsi
	add $VIRT_CALL_LEN, %rsi
	vmwrite %rsi, %rcx
	.if \mitigate
	MITIGATE_ENTRY
	.endif
	.if \probe
	PROBE_ENTRY 8
	.endif
	xor %ecx, %ecx
	xor %esi, %esi
	xor %edi, %edi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r11d, %r11d
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
	.if \probe
	addq $ACCESSES_SLOW, V_VMCS_ACCESSES(%r11)
	.endif
	mov %r10, V_REASON(%r11)
	mov %rax, V_AX(%r11)
	mov %rcx, V_CX(%r11)
	mov %rdx, V_DX(%r11)
	mov %rbx, V_BX(%r11)
	mov %rbp, V_BP(%r11)
	mov %rsi, V_SI(%r11)
	mov %rdi, V_DI(%r11)
	mov %r8, V_R8(%r11)
	mov %r9, V_R9(%r11)
	mov %r12, V_R12(%r11)
	mov %r13, V_R13(%r11)
	mov %r14, V_R14(%r11)
	mov %r15, V_R15(%r11)
	pop %rax
	mov %rax, V_R11(%r11)
	pop %rax
	mov %rax, V_R10(%r11)
	movl $1, V_LAUNCHED(%r11)
	movl $VIRT_HOW_EXIT, V_HOW(%r11)
	jmp vmx_leave

/* The handler has run, and there is work to do: results in RAX and RDX. */
.Lpending_\name:
	.if \probe
	addq $2, V_VMCS_ACCESSES(%r11)
	.endif
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
	testl $PEND_RESUME, V_PENDING(%r11)
	jnz 1f /* virt_call_resume has set the registers */
	mov %rax, V_AX(%r11)
	mov %rdx, V_DX(%r11)
	xor %eax, %eax
	mov %rax, V_CX(%r11)
	mov %rax, V_SI(%r11)
	mov %rax, V_DI(%r11)
	mov %rax, V_R8(%r11)
	mov %rax, V_R9(%r11)
1:	xor %eax, %eax
	mov %rax, V_R10(%r11)
	mov %rax, V_R11(%r11)
	mov %rbx, V_BX(%r11)
	mov %rbp, V_BP(%r11)
	mov %r12, V_R12(%r11)
	mov %r13, V_R13(%r11)
	mov %r14, V_R14(%r11)
	mov %r15, V_R15(%r11)
	movl $1, V_LAUNCHED(%r11)
	movl $VIRT_HOW_HCALL, V_HOW(%r11)
vmx_leave:
	add $16, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret

	.section .note.GNU-stack, "", @progbits
