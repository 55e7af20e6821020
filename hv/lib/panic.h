/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of the hypervisor: broken invariants of its own. */
#pragma once

#include "lib/types.h"

/* Prints the message, registers and a symbolised back trace straight to the
 * UART, stops the other CPUs, powers off with status 99. Any context. */
noreturn_fn void panic(const char *fmt, ...) printf_like(1, 2);

/*
 * Its halves, for the exception handlers: panic_begin() makes this CPU the one
 * that reports (a second one stops for good, a second panic of the same CPU
 * powers off); panic_end() prints control registers and the return addresses
 * found between rsp and the end of its stack, and powers off.
 */
void panic_begin(void);
noreturn_fn void panic_end(u64 rip, u64 rsp);

extern void (*panic_stop_others)(void); /* by an NMI; set by hv/main */
extern bool panic_active; /* written once, by the first CPU that panics */

#define hv_assert(c)                                                       \
	do {                                                               \
		if (unlikely(!(c)))                                        \
			panic("assertion failed: %s, %s:%d", #c, __FILE__, \
			      __LINE__);                                   \
	} while (0)
