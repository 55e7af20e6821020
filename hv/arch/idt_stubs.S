/* SPDX-License-Identifier: BSD-2-Clause */
/* The 256 entry points of the IDT, 16 bytes each, and what they share. */

	.text
	.globl	idt_stubs
	.hidden	idt_stubs
	.hidden	exception_entry
	.hidden	irq_dispatch

/* Exceptions: vectors 0 to 31; 8, 10 to 14, 17, 21, 29, 30 push an error. */
	.balign	16
idt_stubs:
	.set	vec, 0
	.rept	32
	.balign	16
	.if	vec == 8 || (vec >= 10 && vec <= 14) || vec == 17 || vec == 21 || vec == 29 || vec == 30
	.else
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

/* struct cpu_regs, from its end. */
exception_common:
	pushq	%rax
	pushq	%rbx
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%rbp
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	cld
	movq	%rsp, %rdi
	call	exception_entry
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rbp
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rbx
	popq	%rax
	addq	$16, %rsp
	iretq

/* Interrupts come only in the windows of C code: callee-saved registers stay. */
irq_common:
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	cld
	movl	72(%rsp), %edi
	addl	$128, %edi
	subq	$8, %rsp
	call	irq_dispatch
	addq	$8, %rsp
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rax
	addq	$8, %rsp
	iretq

/* bool rdmsr_try(u32 msr, u64 *v); bool wrmsr_try(u32 msr, u64 v) */
	.globl	rdmsr_try, wrmsr_try, msr_read_insn, msr_write_insn, msr_failed
	.hidden	rdmsr_try, wrmsr_try, msr_read_insn, msr_write_insn, msr_failed
	.type	rdmsr_try, @function
	.type	wrmsr_try, @function
rdmsr_try:
	movl	%edi, %ecx
msr_read_insn:
	rdmsr
	shlq	$32, %rdx
	orq	%rdx, %rax
	movq	%rax, (%rsi)
	movl	$1, %eax
	ret
wrmsr_try:
	movl	%edi, %ecx
	movl	%esi, %eax
	movq	%rsi, %rdx
	shrq	$32, %rdx
msr_write_insn:
	wrmsr
	movl	$1, %eax
	ret
msr_failed:
	xorl	%eax, %eax
	ret

	.section .note.GNU-stack, "", @progbits
