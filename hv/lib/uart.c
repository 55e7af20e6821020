/* SPDX-License-Identifier: BSD-2-Clause */
/* The one early UART, polled, with bounded waits. */
#include "lib/uart.h"
#include "lib/log.h"
#include "lib/x86.h"

/* clang-format off */
enum {
	UART_DATA = 0x3F8, /* divisor low with DLAB */
	UART_IER = 0x3F9,  /* divisor high with DLAB */
	UART_FCR = 0x3FA, UART_LCR = 0x3FB, UART_MCR = 0x3FC,
	UART_LSR = 0x3FD, UART_SCR = 0x3FF,

	LCR_8N1 = 0x03, LCR_DLAB = 0x80, FCR_ENABLE_CLEAR = 0x07,
	MCR_DTR_RTS_OUT2 = 0x0B,
	LSR_THRE = 0x20, /* the FIFO is empty */
	LSR_TEMT = 0x40, /* so is the shift register */

	FIFO_BYTES = 16, SPIN_LIMIT = 2000000,
};
/* clang-format on */

static bool uart_present;
static u32 fifo_room; /* bytes that still fit since THRE was last seen */

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
	uart_present = true;
	uart_drain();
	outb(UART_LCR, LCR_DLAB | LCR_8N1);
	outb(UART_DATA, 1);
	outb(UART_IER, 0);
	outb(UART_LCR, LCR_8N1);
	outb(UART_FCR, FCR_ENABLE_CLEAR);
	outb(UART_MCR, MCR_DTR_RTS_OUT2);
	log_sink = uart_write;
}

/* Looks once, or until the bit shows; an absent UART reads as all ones. */
static bool wait_for(u8 lsr_bit, bool wait)
{
	for (u32 spins = wait ? SPIN_LIMIT : 1; spins--; cpu_relax()) {
		u8 lsr = inb(UART_LSR);

		if (lsr != 0xFF && (lsr & lsr_bit))
			return true;
	}
	return false;
}

size_t uart_write(const char *s, size_t n, bool wait)
{
	for (size_t i = 0; uart_present && i < n; i++) {
		u32 need = s[i] == '\n' ? 2 : 1;

		if (fifo_room < need) {
			if (!wait_for(LSR_THRE, wait) && !wait)
				return i;
			fifo_room = FIFO_BYTES; /* stuck: drop into it */
		}
		if (need == 2)
			outb(UART_DATA, '\r');
		outb(UART_DATA, (u8)s[i]);
		fifo_room -= need;
	}
	return n;
}

void uart_drain(void)
{
	if (uart_present)
		wait_for(LSR_TEMT, true);
}
