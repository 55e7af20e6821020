/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry of every vCPU, and the 256 vectors with their common frame. */

	.text
	.globl kit_entry
kit_entry:
	cld
	leaq kit_stack0_top(%rip), %rsp
	xorl %ebp, %ebp
	call kit_begin
	ud2

/* RDI: struct kit_vcpu, RSP: its stack. */
	.globl kit_vcpu_entry
kit_vcpu_entry:
	cld
	xorl %ebp, %ebp
	movq 8(%rdi), %rsp
	call kit_vcpu_begin
	ud2

/* void kit_segments_load(const void *gdtr) */
	.globl kit_segments_load
kit_segments_load:
	lgdt (%rdi)
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	popq %rax
	pushq $0x08
	pushq %rax
	lretq

	.bss
	.balign 4096
	.globl kit_stack0
kit_stack0:
	.skip 65536
kit_stack0_top:

	.text
/*
 * struct kit_frame on the stack, RSP 16-byte aligned below it (64-bit mode
 * aligns it before it pushes). The vector state is the interrupted code's, so
 * it is kept: handlers may be compiled with SSE.
 */
kit_common:
	pushq %rax
	pushq %rbx
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %rbp
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	cld
	movq %rsp, %rdi
	leaq -512(%rsp), %rsp
	fxsave64 (%rsp)
	call kit_trap_entry
	fxrstor64 (%rsp)
	leaq 512(%rsp), %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rbp
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rbx
	popq %rax
	addq $16, %rsp
	iretq

	.globl kit_vectors
	.balign 16
kit_vectors:
	vector = 0
	.rept 256
	.balign 16
	.if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
	.else
	pushq $0
	.endif
	pushq $vector
	jmp kit_common
	vector = vector + 1
	.endr

	.section .note.GNU-stack, "", @progbits
