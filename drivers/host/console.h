/* SPDX-License-Identifier: BSD-2-Clause */
/* The console: a UART that everybody shares. */
#ifndef HOST_CONSOLE_H
#define HOST_CONSOLE_H

#include "config.h"
#include "lines.h"

/* Takes the UART over; from now on kit_printf writes through it. */
void console_init(void);

/* The screen and its keyboard, too, where the configuration wants them. */
void console_screen(const struct config *c);

/* A guest's bytes; a null guest's name writes plain text. */
void console_put(struct lines_source *s, const char *text, size_t n);
void console_end(struct lines_source *s);
/* Ends an unfinished line on the screen, whosever it is. */
void console_break(void);

/* The hypervisor's log, and what is left of it. */
void console_log(const char *text, size_t n);
/* Lines of it that were on the UART before we had it. */
void console_log_old(const char *text, size_t n);
const struct scroll *console_log_back(void);

/* The shell's bytes, as they are but for the line ends. */
void console_plain(const char *text, size_t n);

/* Gives the UART what it takes; before sleeping. */
void console_pump(void);

/* Waits until everything is out (bounded by time). */
void console_flush(void);

/* Called with what is typed, amid whatever the host partition waits for. */
void console_on_key(void (*fn)(const char *text, size_t n));

/* Called before others' lines come to the screen, and behind whole ones. */
void console_on_text(void (*hide)(void), void (*show)(void));

#endif
