/* SPDX-License-Identifier: BSD-2-Clause */
/* An emulated 16550 at ports 0x3F8 to 0x3FF of an unported guest. */
#ifndef HOST_UART16550_H
#define HOST_UART16550_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART16550_PORT 0x3f8u
#define UART16550_IN 256u

struct uart16550 {
	uint8_t ier, lcr, mcr, scr, fcr;
	bool tx_due; /* the transmitter's interrupt, until IIR tells of it */
	uint16_t divisor;
	uint32_t in_head, in_tail; /* bytes that wait: head - tail */
	uint8_t in[UART16550_IN];
};

/* reg is 0 to 7. A byte that the guest sends comes back as 0..255, else -1. */
int uart16550_write(struct uart16550 *u, unsigned reg, uint8_t v);
uint8_t uart16550_read(struct uart16550 *u, unsigned reg);

/* Its interrupt line. */
bool uart16550_irq(const struct uart16550 *u);

/* Bytes typed for the guest; returns how many there was room for. */
size_t uart16550_type(struct uart16550 *u, const uint8_t *from, size_t n);

#endif
