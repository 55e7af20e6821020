/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry to and exit from an SVM guest, and the fast path of a hypercall.
 *
 * After VMRUN, RAX is the VMCB again and the guest's RAX is in it; all other
 * general registers are the guest's. [RSP] is v, [RSP + 8] the host's VMCB.
 * GIF stays 0 from before the entry until the slow exit, so that no interrupt,
 * NMI or SMI sees the guest's TR, FS or GS.
 */
#include "virt/offsets.h"
#include "virt/svm/svm.h"

#define PEND_RESUME 512
#define HCALL_LAST 63 /* HCALL_TABLE_SIZE - 1 */
#define FLOOR_MAGIC 0x464c4f4f

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

.macro PROBE_EXIT
	push %rax
	push %rdx
	STAMP
	mov 16(%rsp), %rdx
	sub V_ENTRY_STAMP(%rdx), %rax
	add %rax, V_GUEST_TSC(%rdx)
	pop %rdx
	pop %rax
.endm

.macro PROBE_ENTRY
	push %rax
	push %rdx
	STAMP
	mov 16(%rsp), %rdx
	mov %rax, V_ENTRY_STAMP(%rdx)
	pop %rdx
	pop %rax
.endm

.macro SVM_STUB name probe=0 floor=0 mitigate=0

/* void svm_enter_NAME(struct virt_vcpu *v, u64 host) */
	.globl svm_enter_\name
	.hidden svm_enter_\name
	.type svm_enter_\name, @function
	.balign 16
svm_enter_\name:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	sub $8, %rsp
	push %rsi
	push %rdi
	clgi
	sti			/* INTR exits need the host's IF */
	mov V_CTL(%rdi), %rax
	mov V_AX(%rdi), %rcx
	mov %rcx, VMCB_RAX(%rax)
	vmload %rax
	.if \mitigate
	MITIGATE_ENTRY
	.endif
	.if \probe
	PROBE_ENTRY
	.endif
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
	jmp .Lrun_\name

	.if \floor
.Lfloor_\name:
	addq $VIRT_CALL_LEN, VMCB_RIP(%rax)
	jmp .Lrun_\name
	.endif

/* Back from a handler, results in RAX and RDX, v in R11. */
	.balign 16
.Lresume_\name:
	mov V_CTL(%r11), %rcx
	mov %rax, VMCB_RAX(%rcx)
	addq $VIRT_CALL_LEN, VMCB_RIP(%rcx)
	movl $0, VMCB_INT_SHADOW(%rcx)
	movl $0, VMCB_EVENTINJ(%rcx) /* not every CPU clears it at an exit */
	mov %rcx, %rax
	vmload %rax
	.if \mitigate
	MITIGATE_ENTRY
	.endif
	.if \probe
	PROBE_ENTRY
	.endif
	xor %ecx, %ecx
	xor %esi, %esi
	xor %edi, %edi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r11d, %r11d
.Lrun_\name:
	vmrun %rax

	.if \mitigate
	RSB_FILL
	.endif
	.if \floor
	cmpl $SVM_EXIT_VMMCALL, VMCB_EXITCODE(%rax)
	jne 1f
	cmpl $FLOOR_MAGIC, VMCB_RAX(%rax)
	je .Lfloor_\name
1:
	.endif
	.if \probe
	PROBE_EXIT
	.endif
	vmsave %rax
	cmpl $SVM_EXIT_VMMCALL, VMCB_EXITCODE(%rax)
	jne .Lslow_\name
	cmpb $0, VMCB_CPL(%rax)
	jne .Lslow_\name
	mov VMCB_RAX(%rax), %r10
	mov 8(%rsp), %rax
	vmload %rax
	mov $HCALL_LAST, %eax	/* no branch: nothing to mispredict */
	cmp %rax, %r10
	cmova %rax, %r10
	mov (%rsp), %r11
	incq V_CALLS(%r11)
	lea virt_hcall_table(%rip), %rax
	call *(%rax, %r10, 8)
	mov (%rsp), %r11
	cmpl $0, V_PENDING(%r11)
	je .Lresume_\name
	jmp svm_leave_call
.Lslow_\name:
	jmp svm_leave
.endm

SVM_STUB plain
SVM_STUB probe probe=1
SVM_STUB floor floor=1
SVM_STUB mitigate mitigate=1

/* Any other exit: RAX is the VMCB, the rest the guest's. */
svm_leave:
	push %r11
	mov 8(%rsp), %r11
	mov %rcx, V_CX(%r11)
	mov %rdx, V_DX(%r11)
	mov %rbx, V_BX(%r11)
	mov %rbp, V_BP(%r11)
	mov %rsi, V_SI(%r11)
	mov %rdi, V_DI(%r11)
	mov %r8, V_R8(%r11)
	mov %r9, V_R9(%r11)
	mov %r10, V_R10(%r11)
	mov %r12, V_R12(%r11)
	mov %r13, V_R13(%r11)
	mov %r14, V_R14(%r11)
	mov %r15, V_R15(%r11)
	pop %rcx
	mov %rcx, V_R11(%r11)
	mov VMCB_RAX(%rax), %rcx
	mov %rcx, V_AX(%r11)
	mov 8(%rsp), %rax
	vmload %rax
	movl $VIRT_HOW_EXIT, V_HOW(%r11)
	jmp svm_return

/* The handler has run, and there is work to do: results in RAX and RDX. */
svm_leave_call:
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
	movl $VIRT_HOW_HCALL, V_HOW(%r11)
svm_return:
	cli
	stgi
	add $24, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret

	.section .note.GNU-stack, "", @progbits
