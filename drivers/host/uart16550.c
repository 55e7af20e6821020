/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers of an emulated 16550; pure. */
#include "uart16550.h"

#include "uart.h"

#define MCR_LOOP 0x10u
#define MCR_OUT2 0x08u /* lets the interrupt out of the chip, on PCs */

int uart16550_write(struct uart16550 *u, unsigned reg, uint8_t v)
{
	if (reg < 2 && (u->lcr & UART_LCR_DLAB)) {
		unsigned shift = 8 * reg;

		u->divisor = (uint16_t)((u->divisor & ~(0xff << shift)) |
					v << shift);
		return -1;
	}
	switch (reg) {
	case UART_DATA:
		u->tx_due = true;
		if (!(u->mcr & MCR_LOOP))
			return v;
		uart16550_type(u, &v, 1);
		break;
	case UART_IER:
		u->tx_due |= v & ~u->ier & UART_IER_TX;
		u->ier = v & 0x0f;
		break;
	case UART_FCR:
		u->fcr = v;
		if (v & 2)
			u->in_tail = u->in_head;
		break;
	case UART_LCR:
		u->lcr = v;
		break;
	case UART_MCR:
		u->mcr = v & 0x1f;
		break;
	case UART_SCR:
		u->scr = v;
		break;
	}
	return -1;
}

static uint8_t data_read(struct uart16550 *u)
{
	if (u->in_head == u->in_tail)
		return 0;
	return u->in[u->in_tail++ % UART16550_IN];
}

static uint8_t reason(const struct uart16550 *u)
{
	if ((u->ier & UART_IER_RX) && u->in_head != u->in_tail)
		return UART_IIR_RX;
	if ((u->ier & UART_IER_TX) && u->tx_due)
		return UART_IIR_TX;
	return UART_IIR_NONE;
}

static uint8_t iir_read(struct uart16550 *u)
{
	uint8_t why = reason(u);

	if (why == UART_IIR_TX)
		u->tx_due = false;
	return why | (u->fcr & 1 ? UART_IIR_FIFO : 0);
}

bool uart16550_irq(const struct uart16550 *u)
{
	return (u->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2 &&
	       reason(u) != UART_IIR_NONE;
}

uint8_t uart16550_read(struct uart16550 *u, unsigned reg)
{
	if (reg < 2 && (u->lcr & UART_LCR_DLAB))
		return (uint8_t)(u->divisor >> 8 * reg);
	switch (reg) {
	case UART_DATA:
		return data_read(u);
	case UART_IER:
		return u->ier;
	case UART_IIR:
		return iir_read(u);
	case UART_LCR:
		return u->lcr;
	case UART_MCR:
		return u->mcr;
	case UART_LSR:
		return (uint8_t)(UART_LSR_THRE | UART_LSR_TEMT |
				 (u->in_head != u->in_tail ? UART_LSR_RX : 0));
	case UART_MSR:
		return 0xb0; /* CTS, DSR, DCD: somebody listens */
	default:
		return u->scr;
	}
}

size_t uart16550_type(struct uart16550 *u, const uint8_t *from, size_t n)
{
	size_t done = 0;

	while (done < n && u->in_head - u->in_tail < UART16550_IN)
		u->in[u->in_head++ % UART16550_IN] = from[done++];
	return done;
}
