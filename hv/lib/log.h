/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's log: formatted lines, a ring, and the early UART. */
#pragma once

#include "lib/types.h"

/*
 * Formats (%s %u %x %lu %lx, width, 0 flag) into the log
 * ring and, while log_direct is true, to the sink. Lines from several CPUs do
 * not mix. Any context but NMI.
 */
void log(const char *fmt, ...) printf_like(1, 2);

/*
 * Where unread bytes go while log_direct is true: the UART, once it is found.
 * Takes what it can now (all of it when wait is true; a broken device may make
 * it drop bytes) and returns how many bytes it took. May be NULL.
 */
extern size_t (*log_sink)(const char *s, size_t n, bool wait);
extern bool log_direct;

/* Sends all unread bytes to the sink, waiting for it. Any context but NMI. */
void log_flush(void);

/*
 * From now on a reader shows the lines. It gets first what the sink has taken, as
 * far as it is kept, and a NUL behind it; without a sink, all as if it were new.
 */
void log_hand_over(void);

/*
 * For a panic: from now on log() takes no lock and waits for the sink, whatever
 * log_direct says. Any context.
 */
void log_panic_mode(void);

/* Takes up to n bytes that were not read yet (nor sent to the sink); returns
 * how many. When the ring of 16 KiB is full, the oldest bytes are lost. */
size_t log_read(char *buf, size_t n);

/* Formatter; returns the length that was needed, always terminates (n > 0). */
int fmt_buf(char *buf, size_t n, const char *fmt, ...) printf_like(3, 4);
int fmt_vbuf(char *buf, size_t n, const char *fmt, __builtin_va_list ap);
