/* SPDX-License-Identifier: BSD-2-Clause */
/* The kit's root: what a guest defines, where it came from, how it ends. */
#ifndef KIT_KIT_H
#define KIT_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pvabi/abi.h"

/*
 * The guest MUST define this. It is entered once, on vCPU 0, with interrupts
 * on, on a stack of KIT_STACK_SIZE bytes; what it returns is the exit code
 * (0..255). `cmdline` is the whole command line, never NULL.
 */
int kit_main(const char *cmdline);

#define KIT_STACK_SIZE 65536u
#define KIT_PAGE_SIZE 4096ull

/* The boot information, as the hypervisor or the host partition wrote it. */
const struct pv_start *kit_info(void);

uint32_t kit_profile(void);	    /* PV_PROFILE_* */
const char *kit_profile_name(void); /* "pv", "hvm", "classic" */

/* Ends this partition with a code of 0..255. Any context. */
_Noreturn void kit_exit(int code);

/*
 * Ends this partition as failed; the message (up to 120 bytes are kept) goes
 * into the report. Also prints a back trace of return addresses. Any context.
 */
_Noreturn void kit_panic(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/*
 * Finds `key=value` (or `key`, which has the value "") on the command line,
 * words being parted by blanks, and copies the value, NUL-terminated and cut
 * to size. Returns false, and leaves buf alone, when the key is absent.
 */
bool kit_option(const char *key, char *buf, size_t size);
/* The same for a number: decimal, or hexadecimal with or without 0x. */
uint64_t kit_option_u64(const char *key, uint64_t otherwise);
uint64_t kit_option_hex(const char *key, uint64_t otherwise);

/*
 * Walks the devices: the first (or, after `from`, the next) one of that type
 * and, unless NULL, of that name. NULL at the end.
 */
const struct pv_device *kit_device(const struct pv_device *from, uint32_t type,
				   const char *name);
/* Modules handed over at boot (host partition); NULL when absent. */
const struct pv_module *kit_module(const char *name);

/* The two kinds of formatting that the kit itself needs; see format.c for the
 * conversions (d i u x X p s c, width, 0, -, l, ll, z). Returns what would
 * have been written, like snprintf. */
int kit_format(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int kit_vformat(char *buf, size_t size, const char *fmt, __builtin_va_list ap);

#endif
