/* SPDX-License-Identifier: BSD-2-Clause */
/* All registers at once: loaded, held, stored. struct regs is in leak.h. */
	.set YMM, 128
	.set MM, 128 + 512

	.bss
	.balign 64
	.globl regs_want, regs_got, regs_avx, regs_started
regs_want:	.skip 704
regs_got:	.skip 704
regs_avx:	.skip 4
regs_started:	.skip 4
spins:		.skip 8
	.text

.macro VECTORS sse, avx, area, load
	cmpl $0, regs_avx(%rip)
	jne 1f
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	.if \load
	\sse \area+YMM+32*\n(%rip), %xmm\n
	.else
	\sse %xmm\n, \area+YMM+32*\n(%rip)
	.endif
	.endr
	jmp 2f
1:
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	.if \load
	\avx \area+YMM+32*\n(%rip), %ymm\n
	.else
	\avx %ymm\n, \area+YMM+32*\n(%rip)
	.endif
	.endr
2:
.endm

.macro LOAD
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7
	movq regs_want+MM+8*\n(%rip), %mm\n
	.endr
	VECTORS movdqu, vmovdqu, regs_want, 1
	mov regs_want+8*0(%rip), %rax
	mov regs_want+8*2(%rip), %rdx
	mov regs_want+8*3(%rip), %rbx
	mov regs_want+8*5(%rip), %rbp
	mov regs_want+8*6(%rip), %rsi
	mov regs_want+8*7(%rip), %rdi
	.irp n, 8, 9, 10, 11, 12, 13, 14, 15
	mov regs_want+8*\n(%rip), %r\n
	.endr
.endm

.macro STORE
	mov %rax, regs_got+8*0(%rip)
	mov %rcx, regs_got+8*1(%rip)
	mov %rdx, regs_got+8*2(%rip)
	mov %rbx, regs_got+8*3(%rip)
	mov %rbp, regs_got+8*5(%rip)
	mov %rsi, regs_got+8*6(%rip)
	mov %rdi, regs_got+8*7(%rip)
	.irp n, 8, 9, 10, 11, 12, 13, 14, 15
	mov %r\n, regs_got+8*\n(%rip)
	.endr
	VECTORS movdqu, vmovdqu, regs_got, 0
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7
	movq %mm\n, regs_got+MM+8*\n(%rip)
	.endr
	emms
.endm

.macro KEEP op regs:vararg
	.irp r, \regs
	\op %\r
	.endr
.endm

	.globl regs_hold
regs_hold:
	KEEP push rbx, rbp, r12, r13, r14, r15
	mov %rdi, spins(%rip)
	LOAD
	mov spins(%rip), %rcx
3:	dec %rcx
	jnz 3b
	STORE
	KEEP pop r15, r14, r13, r12, rbp, rbx
	ret

	.globl regs_call
regs_call:
	KEEP push rbx, rbp, r12, r13, r14, r15
	LOAD
	xor %eax, %eax /* PV_CALL_nop */
771:	vmcall
	.pushsection pv_calls, "a"
	.quad 771b
	.popsection
	STORE
	KEEP pop r15, r14, r13, r12, rbp, rbx
	ret

	.globl regs_at_start
regs_at_start:
	STORE
	movl $1, regs_started(%rip)
4:	mov $7, %eax /* PV_CALL_vcpu_stop */
771:	vmcall
	.pushsection pv_calls, "a"
	.quad 771b
	.popsection
	jmp 4b
