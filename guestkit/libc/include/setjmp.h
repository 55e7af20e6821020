/* SPDX-License-Identifier: BSD-2-Clause */
/* ISO C <setjmp.h>. */
#ifndef LIBC_SETJMP_H
#define LIBC_SETJMP_H

typedef unsigned long jmp_buf[8]; /* RBX RBP R12-R15 RSP RIP */

int setjmp(jmp_buf env) __attribute__((returns_twice));
_Noreturn void longjmp(jmp_buf env, int value);

#endif
