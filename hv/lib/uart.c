/* SPDX-License-Identifier: BSD-2-Clause */
/* The one early UART, polled, with bounded waits. */
#include "lib/uart.h"
#include "lib/log.h"
#include "lib/x86.h"

/* The FIFO is empty; so is the shift register. */
enum { LSR_THRE = 0x20, LSR_TEMT = 0x40 };
enum { FIFO_BYTES = 16, SPIN_LIMIT = 2000000 };

static u32 fifo_room; /* bytes that still fit since THRE was last seen */

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
	for (size_t i = 0; i < n; i++) {
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
	if (log_sink)
		wait_for(LSR_TEMT, true);
}
