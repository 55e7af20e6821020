/* SPDX-License-Identifier: BSD-2-Clause */
/* The one early UART, polled, with bounded waits. */
#include "lib/uart.h"
#include "lib/log.h"
#include "lib/x86.h"

#define UART_BASE 0x3F8
#define UART_DATA (UART_BASE + 0) /* divisor low with DLAB */
#define UART_IER (UART_BASE + 1)  /* divisor high with DLAB */
#define UART_FCR (UART_BASE + 2)
#define UART_LCR (UART_BASE + 3)
#define UART_MCR (UART_BASE + 4)
#define UART_LSR (UART_BASE + 5)
#define UART_SCR (UART_BASE + 7)

#define LCR_8N1 0x03
#define LCR_DLAB 0x80
#define FCR_ENABLE_CLEAR 0x07
#define MCR_DTR_RTS_OUT2 0x0B
#define LSR_THRE 0x20 /* the FIFO is empty */
#define LSR_TEMT 0x40 /* so is the shift register */
#define FIFO_BYTES 16
#define SPIN_LIMIT 2000000u

static bool uart_present;
static u32 fifo_room; /* bytes that still fit since THRE was last seen */

static bool scratch_holds(u8 v)
{
	outb(UART_SCR, v);
	return inb(UART_SCR) == v;
}

bool uart_init(void)
{
	if (!scratch_holds(0x5A) || !scratch_holds(0xA5))
		return false;
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
	return true;
}

static bool wait_for(u8 lsr_bit, bool wait)
{
	u32 spins = wait ? SPIN_LIMIT : 1;

	while (spins--) {
		u8 lsr = inb(UART_LSR);

		if (lsr != 0xFF && (lsr & lsr_bit))
			return true;
		if (wait)
			cpu_relax();
	}
	return false;
}

static bool room_for(u32 n, bool wait)
{
	if (fifo_room < n) {
		if (!wait_for(LSR_THRE, wait))
			return false;
		fifo_room = FIFO_BYTES;
	}
	return true;
}

size_t uart_write(const char *s, size_t n, bool wait)
{
	size_t i;

	if (!uart_present)
		return n;
	for (i = 0; i < n; i++) {
		u32 need = s[i] == '\n' ? 2 : 1;

		if (!room_for(need, wait)) {
			if (!wait)
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
