/* SPDX-License-Identifier: BSD-2-Clause */
/* The 256 entry points of the IDT, 16 bytes each, and what they share. */

	.text
	.globl	hv_vectors
	.hidden	hv_vectors
	.hidden	exception_entry
	.hidden	irq_dispatch

/* Exceptions: vectors 0 to 31; 8, 10 to 14, 17, 21, 29, 30 push an error. */
	.set	with_error, 0x60227D00
	.balign	16
hv_vectors:
	.set	vec, 0
	.rept	32
	.balign	16
	.ifeq	with_error >> vec & 1
	pushq	$0
	.endif
	pushq	$vec
	jmp	exception_common
	.set	vec, vec + 1
	.endr

/* Interrupts: the vector less 128 is a sign-extended byte. */
	.rept	224
	.balign	16
	pushq	$(vec - 128)
	jmp	irq_common
	.set	vec, vec + 1
	.endr

/* struct exception_regs, from its end. */
exception_common:
	.irp	r, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	pushq	%\r
	.endr
	cld
	movq	%rsp, %rdi
	call	exception_entry
	.irp	r, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
	popq	%\r
	.endr
	addq	$16, %rsp
	iretq

/* Interrupts come only in the windows of C code: callee-saved registers stay. */
irq_common:
	.irp	r, rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11
	pushq	%\r
	.endr
	cld
	movl	72(%rsp), %edi
	addl	$128, %edi
	subq	$8, %rsp
	call	irq_dispatch
	addq	$8, %rsp
	.irp	r, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax
	popq	%\r
	.endr
	addq	$8, %rsp
	iretq

	.section .note.GNU-stack, "", @progbits
