/* SPDX-License-Identifier: BSD-2-Clause */
/* The one early UART: a 16550 at port 0x3F8, polled. */
#pragma once

#include "lib/types.h"

/*
 * Looks for the UART by its scratch register, sets 115200 8N1 with FIFO and
 * makes it the log's sink, if it is there. Boot CPU.
 */
void uart_init(void);

/*
 * Sends bytes, "\n" as "\r\n". Without wait it stops when the FIFO is full;
 * with wait, each wait is bounded (some 10 ms) and then bytes are dropped.
 * Returns the number of bytes taken. Any context.
 */
size_t uart_write(const char *s, size_t n, bool wait);

/* Waits, bounded, until the last byte is on the wire. */
void uart_drain(void);
