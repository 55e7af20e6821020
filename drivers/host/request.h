/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line of the control channel: a request, carried out as a command, and its
 * answer, a line too. docs/operating.md has their form. Pure.
 */
#ifndef HOST_REQUEST_H
#define HOST_REQUEST_H

#include <stddef.h>

#define REQUEST_MAX 2048u /* bytes of a line */

/* Any line of up to REQUEST_MAX bytes, without its end. put writes the answer. */
void request_run(const char *line, size_t n,
		 void (*put)(const char *text, size_t n));

/* What is said of a line that was not taken in whole. */
void request_too_long(void (*put)(const char *text, size_t n));

#endif
