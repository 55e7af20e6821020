/* SPDX-License-Identifier: BSD-2-Clause */
/* The one early UART: a 16550 at port 0x3F8, polled. */
#pragma once

#include "lib/types.h"

#define UART_DATA 0x3F8
#define UART_LSR 0x3FD

/*
 * Sends bytes, "\n" as "\r\n". Without wait it stops when the FIFO is full;
 * with wait, each wait is bounded (some 10 ms) and then bytes are dropped.
 * Returns the number of bytes taken. Any context.
 */
size_t uart_write(const char *s, size_t n, bool wait);

/* Waits, bounded, until the last byte is on the wire; without a sink, not. */
void uart_drain(void);
