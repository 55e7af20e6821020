/* SPDX-License-Identifier: BSD-2-Clause */
/* What a started CPU runs: copied to the page below 1 MiB, real to long mode. */

#define OFF(x) ((x) - ap_code)
#define CR0_ON 0x80010031 /* PG, WP, NE, ET, PE */
#define MSR_EFER 0xC0000080
#define EFER_ON 0x900 /* LME, NXE */

	.section .rodata.trampoline, "a", @progbits
	.globl	ap_code, ap_code_end, ap_params
	.hidden	ap_code, ap_code_end, ap_params
	.balign	16
	.code16
ap_code:
	cli
	cld
	movw	%cs, %ax
	movw	%ax, %ds
	lgdtl	OFF(ap_gdt_ptr)
	lidtl	OFF(ap_no_idt)
	movl	OFF(ap_cr4), %eax
	movl	%eax, %cr4
	movl	OFF(ap_cr3), %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	movl	$EFER_ON, %eax
	xorl	%edx, %edx
	wrmsr
	movl	$CR0_ON, %eax
	movl	%eax, %cr0
	ljmpl	*OFF(ap_far)

	.code64
ap_long:
	movw	$0x10, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movq	ap_start(%rip), %rax	/* struct ap_start */
	xorl	%esp, %esp
	xchgq	%rsp, (%rax)		/* each stack goes to one CPU only */
	testq	%rsp, %rsp
	jz	1f
	xorl	%ebp, %ebp
	callq	*8(%rax)
1:	cli
	hlt
	jmp	1b

/* The accessed bits are set: the CPU writes nothing here. */
	.balign	8
ap_gdt:
	.quad	0
	.quad	0x00AF9B000000FFFF
	.quad	0x00CF93000000FFFF
ap_no_idt:
	.word	0
	.long	0
ap_gdt_ptr:
	.word	ap_no_idt - ap_gdt - 1

/* Filled in before the page becomes read-only: struct ap_params. */
ap_params:
ap_gdt_base:
	.long	0
ap_far:
	.long	0
	.word	0x08, 0
ap_cr4:
	.long	0
ap_cr3:
	.long	0
ap_start:
	.quad	0
ap_long_offset:
	.long	OFF(ap_long)
ap_gdt_offset:
	.long	OFF(ap_gdt)
ap_code_end:

	.section .note.GNU-stack, "", @progbits
