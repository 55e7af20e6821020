/* SPDX-License-Identifier: BSD-2-Clause */
/* The console, both ways: by hypercall (pv) or a 16550 at port 0x3F8. */
#ifndef KIT_CONSOLE_H
#define KIT_CONSOLE_H

#include "kit/kit.h"

/* Writes all n bytes; blocks while the console is full. Any context. */
void kit_write(const void *buf, size_t n);
/* Writes what fits now; returns how many bytes that were, perhaps 0. */
size_t kit_write_try(const void *buf, size_t n);

/* Takes what was typed: blocks until there is at least one byte; returns how
 * many were put. Not in a handler. */
size_t kit_read(void *buf, size_t n);
/* The same without waiting; 0 when nothing was typed. */
size_t kit_read_try(void *buf, size_t n);

/* Formats (see kit_format) a line of up to 256 bytes and writes it at once. */
void kit_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Writes everything (kit_write, kit_printf, panics) through another function:
 * for a kernel that has its own console device, such as the host partition's.
 * NULL goes back to the kit's own.
 */
void kit_console_redirect(void (*write)(const void *buf, size_t n));

#endif
