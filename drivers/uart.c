/* SPDX-License-Identifier: BSD-2-Clause */
/* Driver of a 16550 UART. */
#include "uart.h"

static uint8_t reg_read(struct uart *u, unsigned reg)
{
	return in8(u->env, (uint16_t)(u->base + reg));
}

static void reg_write(struct uart *u, unsigned reg, uint8_t v)
{
	out8(u->env, (uint16_t)(u->base + reg), v);
}

void uart_init(struct uart *u, struct env *e, uint16_t base)
{
	*u = (struct uart){ .env = e, .base = base, .fifo = 1 };
	reg_write(u, UART_SCR, 0x5a);
	if (reg_read(u, UART_SCR) != 0x5a || reg_read(u, UART_LSR) == 0xff)
		return;
	u->present = true;
	reg_write(u, UART_LCR, UART_LCR_DLAB | UART_LCR_8N1);
	reg_write(u, UART_DATA, 1); /* 115200 baud */
	reg_write(u, UART_IER, 0);
	reg_write(u, UART_LCR, UART_LCR_8N1);
	reg_write(u, UART_FCR, 0x01); /* FIFOs on, nothing dropped */
	reg_write(u, UART_MCR, UART_MCR_DTR_RTS_OUT2);
	if ((reg_read(u, UART_IIR) & UART_IIR_FIFO) == UART_IIR_FIFO)
		u->fifo = UART_FIFO;
	u->ier = UART_IER_RX;
	reg_write(u, UART_IER, u->ier);
}

size_t uart_put(struct uart *u, const uint8_t *from, size_t n)
{
	size_t done = 0;

	if (!u->present)
		return n; /* nobody listens */
	if (!n || !(reg_read(u, UART_LSR) & UART_LSR_THRE))
		return 0;
	while (done < n && done < u->fifo)
		reg_write(u, UART_DATA, from[done++]);
	return done;
}

size_t uart_get(struct uart *u, uint8_t *to, size_t n)
{
	size_t done = 0;

	/* bounded: a line that always says "ready" must not hold us */
	while (u->present && done < n && (reg_read(u, UART_LSR) & UART_LSR_RX))
		to[done++] = reg_read(u, UART_DATA);
	return done;
}

void uart_tx_irq(struct uart *u, bool on)
{
	uint8_t ier = (uint8_t)(on ? UART_IER_RX | UART_IER_TX : UART_IER_RX);

	if (!u->present || ier == u->ier)
		return;
	u->ier = ier;
	reg_write(u, UART_IER, ier);
}

bool uart_irq_pending(struct uart *u)
{
	return u->present && !(reg_read(u, UART_IIR) & UART_IIR_NONE);
}

bool uart_idle(struct uart *u)
{
	return !u->present || (reg_read(u, UART_LSR) & UART_LSR_TEMT);
}
