/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of the hypervisor: broken invariants of its own. */
#pragma once

#include "lib/types.h"

/* Prints the message, registers and a symbolised back trace straight to the
 * UART, stops the other CPUs, powers off with status 99. Any context. */
noreturn_fn void panic(const char *fmt, ...) printf_like(1, 2);

/*
 * The parts of it, for the exception handlers: panic_begin() makes this CPU the
 * one that reports (a second one stops for good, a second panic of the same CPU
 * powers off), panic_trace() prints the return addresses found between rsp and
 * the end of its stack, panic_end() powers off.
 */
void panic_begin(void);
void panic_trace(u64 rip, u64 rsp);
noreturn_fn void panic_end(void);

/* What lib cannot do itself; set by hv/arch, each may be NULL until then. */
struct panic_ops {
	void (*stop_others)(void);
	void (*registers)(void); /* prints control registers */
	noreturn_fn void (*power_off)(u32 status);
};
extern struct panic_ops panic_ops;
extern bool panic_active; /* written once, by the first CPU that panics */

#define PANIC_STATUS 99u

#define hv_assert(c)                                                       \
	do {                                                               \
		if (unlikely(!(c)))                                        \
			panic("assertion failed: %s, %s:%d", #c, __FILE__, \
			      __LINE__);                                   \
	} while (0)
