/* SPDX-License-Identifier: BSD-2-Clause */
/* ISO C <assert.h>; a failed assertion ends the guest as failed. */
#undef assert
#ifdef NDEBUG
#define assert(cond) ((void)0)
#else
_Noreturn void libc_assert_fail(const char *cond, const char *file, int line);
#define assert(cond) \
	((cond) ? (void)0 : libc_assert_fail(#cond, __FILE__, __LINE__))
#endif
#ifndef LIBC_ASSERT_H
#define LIBC_ASSERT_H
#define static_assert _Static_assert
#endif
