/* SPDX-License-Identifier: BSD-2-Clause */
/* Looks for the early UART, and sets it up. */
#include "boot/machine.h"
#include "lib/log.h"
#include "lib/uart.h"
#include "lib/x86.h"

enum {
	UART_DIVISOR_LOW = UART_DATA, /* and high: with DLAB */
	UART_DIVISOR_HIGH = 0x3F9,
	UART_IER = 0x3F9,
	UART_FCR = 0x3FA,
	UART_LCR = 0x3FB,
	UART_MCR = 0x3FC,
	UART_SCR = 0x3FF,
	LCR_8N1 = 0x03,
	LCR_DLAB = 0x80,
	FCR_ENABLE_CLEAR = 0x07,
	MCR_DTR_RTS_OUT2 = 0x0B,
};

static bool scratch_holds(u8 v)
{
	outb(UART_SCR, v);
	return inb(UART_SCR) == v;
}

void uart_init(void)
{
	if (!scratch_holds(0x5A) || !scratch_holds(0xA5))
		return;
	outb(UART_IER, 0);
	log_sink = uart_write;
	uart_drain();
	outb(UART_LCR, LCR_DLAB | LCR_8N1);
	outb(UART_DIVISOR_LOW, 1);
	outb(UART_DIVISOR_HIGH, 0);
	outb(UART_LCR, LCR_8N1);
	outb(UART_FCR, FCR_ENABLE_CLEAR);
	outb(UART_MCR, MCR_DTR_RTS_OUT2);
}
