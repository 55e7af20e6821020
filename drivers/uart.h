/* SPDX-License-Identifier: BSD-2-Clause */
/* 16550 UART: registers, and a driver that never waits. */
#ifndef DRIVERS_UART_H
#define DRIVERS_UART_H

#include "env.h"

/* Offsets; with LCR_DLAB the first two are the divisor. */
#define UART_DATA 0u
#define UART_IER 1u
#define UART_IIR 2u /* read */
#define UART_FCR 2u /* write */
#define UART_LCR 3u
#define UART_MCR 4u
#define UART_LSR 5u
#define UART_MSR 6u
#define UART_SCR 7u

#define UART_IER_RX 0x01u
#define UART_IER_TX 0x02u
#define UART_IIR_NONE 0x01u
#define UART_IIR_TX 0x02u
#define UART_IIR_RX 0x04u
#define UART_IIR_FIFO 0xc0u
#define UART_LCR_8N1 0x03u
#define UART_LCR_DLAB 0x80u
#define UART_MCR_DTR_RTS_OUT2 0x0bu
#define UART_LSR_RX 0x01u
#define UART_LSR_THRE 0x20u
#define UART_LSR_TEMT 0x40u

#define UART_FIFO 16u

struct uart {
	struct env *env;
	uint16_t base;
	uint8_t ier;
	uint8_t fifo; /* bytes that fit when THRE is set */
	bool present;
};

/* Sets 115200 8N1, FIFOs, receive interrupt. present false: nothing there. */
void uart_init(struct uart *u, struct env *e, uint16_t base);

/* Puts what the transmitter takes now; returns how many bytes. */
size_t uart_put(struct uart *u, const uint8_t *from, size_t n);

/* Takes what was received. */
size_t uart_get(struct uart *u, uint8_t *to, size_t n);

/* Interrupt when the transmitter is empty: wanted or not. */
void uart_tx_irq(struct uart *u, bool on);

/* Reads the interrupt's reason, which clears that of the transmitter. */
bool uart_irq_pending(struct uart *u);

/* True when all bytes have left. */
bool uart_idle(struct uart *u);

#endif
