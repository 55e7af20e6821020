/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries: of vCPU 0, of the second one, and of the upcall. */
	.text
	.globl entry, second_entry, upcall_entry
entry:
	lea stack_end(%rip), %rsp
	call kernel
	hlt

/* A stack is there already: struct pv_vcpu_start has given it. RDI: an argument
 * that it has given, too. */
second_entry:
	call second
	hlt

upcall_entry:
	.irp r, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	push %\r
	.endr
	cld
	call upcall
	.irp r, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax
	pop %\r
	.endr
	iretq

	.bss
	.balign 16
	.skip 16384
stack_end:

	.section .note.GNU-stack, "", @progbits
