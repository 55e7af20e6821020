/* SPDX-License-Identifier: BSD-2-Clause */
/* The console: a UART that everybody shares. */
#ifndef HOST_CONSOLE_H
#define HOST_CONSOLE_H

#include "lines.h"

/* Takes the UART over; from now on kit_printf writes through it. */
void console_init(void);

/* A guest's bytes; a null guest's name writes plain text. */
void console_put(struct lines_source *s, const char *text, size_t n);
void console_end(struct lines_source *s);

/* The hypervisor's log. */
void console_log(const char *text, size_t n);

/* Gives the UART what it takes; before sleeping. */
void console_pump(void);

/* Waits until everything is out (bounded by time). */
void console_flush(void);

/* Called with what is typed. */
void console_on_key(void (*fn)(const char *text, size_t n));

#endif
