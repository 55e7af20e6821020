/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A correct signed 128 by 64 bit division for Debian's Bochs 3.1+dfsg-1,
 * whose own stores only half of the dividend: signs off, unsigned division,
 * signs back on. Assembled and put over the old one by bochs.py.
 *
 * RDI quotient (128 bits), RSI remainder, RDX dividend (128 bits), RCX divisor
 */
	.text
long_idiv:
	endbr64
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	sub	$24, %rsp
	mov	%rdi, %r12
	mov	%rsi, %r13
	mov	%rcx, %rbx
	mov	(%rdx), %rax
	mov	8(%rdx), %rbp
	mov	%rbp, %rdx
	test	%rbp, %rbp
	jns	1f
	neg	%rax
	adc	$0, %rdx
	neg	%rdx
1:	mov	%rax, (%rsp)
	mov	%rdx, 8(%rsp)
	mov	%rsp, %rdx
	test	%rcx, %rcx
	jns	2f
	neg	%rcx
2:	call	long_idiv - LONG_IDIV + LONG_DIV
	xor	%rbp, %rbx
	jns	3f
	negq	(%r12)
	adcq	$0, 8(%r12)
	negq	8(%r12)
3:	test	%rbp, %rbp
	jns	4f
	negq	(%r13)
4:	add	$24, %rsp
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
