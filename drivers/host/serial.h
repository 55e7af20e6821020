/* SPDX-License-Identifier: BSD-2-Clause */
/* A serial line: a ring of bytes on their way to its UART, and what comes. */
#ifndef HOST_SERIAL_H
#define HOST_SERIAL_H

#include "pvabi/abi.h"
#include "uart.h"

#define SERIAL_RING 65536u
#define SERIAL_NO_IRQ 0u /* it is looked at from time to time */

struct serial {
	void (*in)(const char *text, size_t n); /* amid whatever waits */
	struct uart uart;
	bool has_irq;
	bool stuck; /* it took nothing for long: what is too much is lost */
	uint32_t head, tail; /* head - tail bytes wait */
	uint8_t ring[SERIAL_RING];
};

/* The UART at that port, if it is ours; else null. */
const struct pv_device *serial_device(uint16_t port);

/* false: there is no UART, and what is put goes nowhere. */
bool serial_init(struct serial *s, uint16_t port, unsigned irq);

/* Waits while the ring is full, within bounds. */
void serial_put(struct serial *s, const char *text, size_t n);

/* Gives the UART what it takes; before sleeping. */
void serial_pump(struct serial *s);

/* Waits until everything is out, within bounds. */
void serial_flush(struct serial *s);

#endif
