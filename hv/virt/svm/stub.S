/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry to and exit from an SVM guest, and the fast path of a hypercall.
 *
 * After VMRUN, RAX is the VMCB again and the guest's RAX is in it; all other
 * general registers are the guest's. [RSP] is room for R11, [RSP + 8] the
 * host's VMCB. GIF stays 0 from before the entry until the slow exit, so that
 * no interrupt, NMI or SMI sees the guest's TR, FS or GS.
 */
#include "virt/stub.inc"
#include "virt/svm/svm.h"

/* RIP behind the call; clobbers RCX. */
.macro CALL_SKIP
	mov V_ctl(%r11), %rcx
	addq $VIRT_CALL_LEN, VMCB_RIP(%rcx)
	movl $0, VMCB_INT_SHADOW(%rcx)
	movl $0, VMCB_EVENTINJ(%rcx) /* not every CPU clears it at an exit */
.endm

/* So too where another may be loaded: this entry has done what it was asked. */
.macro CALL_DONE
	CALL_SKIP
	cmpb $0, VMCB_TLB_CONTROL(%rcx)
	je 1f
	movb $0, VMCB_TLB_CONTROL(%rcx)
	mov %gs:CPU_VIRT, %rcx
	movb $0, VIRT_FLUSH_ALL(%rcx)
1:
.endm

.macro SVM_STUB name probe=0 floor=0 mitigate=0

/* struct virt_vcpu *svm_enter_NAME(struct virt_vcpu *v, u64 host) */
	.balign 16
svm_enter_\name:
	HOST_PUSH
	push %rsi
	push %rsi
.Lnext_\name:
	clgi
	sti			/* INTR exits need the host's IF */
	mov V_ctl(%rdi), %rax
	mov V_ax(%rdi), %rcx
	mov %rcx, VMCB_RAX(%rax)
	vmload %rax
	MITIGATE_ENTRY \mitigate
	PROBE \probe
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
	CALL_SKIP
	mov %rax, VMCB_RAX(%rcx)
	mov %rcx, %rax
	vmload %rax
	MITIGATE_ENTRY \mitigate
	PROBE \probe
	CLOBBERED_CLEAR
.Lrun_\name:
	vmrun %rax

	MITIGATE_EXIT \mitigate
	.if \floor
	cmpl $SVM_EXIT_VMMCALL, VMCB_EXITCODE(%rax)
	jne 1f
	cmpl $VIRT_FLOOR_MAGIC, VMCB_RAX(%rax)
	je .Lfloor_\name
1:
	.endif
	PROBE \probe, exit=1
	vmsave %rax
	cmpl $SVM_EXIT_VMMCALL, VMCB_EXITCODE(%rax)
	jne svm_leave_exit
	cmpb $0, VMCB_CPL(%rax)
	jne svm_leave_exit
	mov VMCB_RAX(%rax), %r10
	mov 8(%rsp), %rax
	vmload %rax
	HCALL %r10, %rax
	je .Lresume_\name
	jmp svm_leave_call
.endm

SVM_STUB plain
SVM_STUB probe probe=1
SVM_STUB floor floor=1
SVM_STUB mitigate mitigate=1

/* The handler has run, and there is work to do: results in RAX and RDX. */
svm_leave_call:
	GUEST_SAVE_CALL CALL_DONE
	cli
	stgi
	NEXT svm_nexts
	HOST_POP_RET

/* Any other exit: RAX is the VMCB, the rest the guest's. */
svm_leave_exit:
	mov %r11, (%rsp)
	mov V_AT(%rsp), %r11
	GUEST_SAVE
	STORE %r11, 10
	mov (%rsp), %rcx
	mov %rcx, V_11(%r11)
	mov VMCB_RAX(%rax), %rcx
	mov %rcx, V_ax(%r11)
	mov 8(%rsp), %rax
	vmload %rax
	movl $VIRT_HOW_EXIT, V_how(%r11)
	cli
	stgi
	HOST_POP_RET

	.section .data.rel.ro, "aw"
	.globl svm_enters
	.balign 8
svm_enters:
	.irp name, plain, probe, floor, mitigate
	.quad svm_enter_\name
	.endr
svm_nexts:
	.irp name, plain, probe, floor, mitigate
	.quad .Lnext_\name
	.endr

	.section .note.GNU-stack, "", @progbits
