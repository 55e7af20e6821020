/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry to and exit from an SVM guest, and the fast path of a hypercall.
 *
 * After VMRUN, RAX is the VMCB again and the guest's RAX is in it; all other
 * general registers are the guest's. [RSP] is v, [RSP + 8] the host's VMCB.
 * GIF stays 0 from before the entry until the slow exit, so that no interrupt,
 * NMI or SMI sees the guest's TR, FS or GS.
 */
#include "virt/stub.inc"
#include "virt/svm/svm.h"

.macro SVM_STUB name probe=0 floor=0 mitigate=0

/* void svm_enter_NAME(struct virt_vcpu *v, u64 host) */
	.balign 16
svm_enter_\name:
	HOST_PUSH
	sub $8, %rsp
	push %rsi
	push %rdi
	clgi
	sti			/* INTR exits need the host's IF */
	mov V_CTL(%rdi), %rax
	mov V_AX(%rdi), %rcx
	mov %rcx, VMCB_RAX(%rax)
	vmload %rax
	MITIGATE_ENTRY \mitigate
	PROBE_ENTRY \probe
	GUEST_LOAD
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
	MITIGATE_ENTRY \mitigate
	PROBE_ENTRY \probe
	CLOBBERED_CLEAR
.Lrun_\name:
	vmrun %rax

	RSB_FILL \mitigate
	.if \floor
	cmpl $SVM_EXIT_VMMCALL, VMCB_EXITCODE(%rax)
	jne 1f
	cmpl $VIRT_FLOOR_MAGIC, VMCB_RAX(%rax)
	je .Lfloor_\name
1:
	.endif
	PROBE_EXIT \probe
	vmsave %rax
	cmpl $SVM_EXIT_VMMCALL, VMCB_EXITCODE(%rax)
	jne .Lslow_\name
	cmpb $0, VMCB_CPL(%rax)
	jne .Lslow_\name
	mov VMCB_RAX(%rax), %r10
	mov 8(%rsp), %rax
	vmload %rax
	mov $HCALL_TABLE_SIZE - 1, %eax	/* no branch: nothing to mispredict */
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
	GUEST_SAVE
	mov %r10, V_R10(%r11)
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
	GUEST_SAVE_CALL
svm_return:
	cli
	stgi
	add $24, %rsp
	HOST_POP_RET

	.section .data.rel.ro, "aw"
	.globl svm_enters
	.hidden svm_enters
	.balign 8
svm_enters:
	.quad svm_enter_plain, svm_enter_probe, svm_enter_floor, svm_enter_mitigate

	.section .note.GNU-stack, "", @progbits
