/* SPDX-License-Identifier: BSD-2-Clause */
/* The 16550 driver on a fake UART, slow, absent, or stuck. */
/* TEST-SRC: drivers/uart.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/fake_env.h"
#include "uart.h"

static uint8_t regs[8], sent[64];
static unsigned nr_sent, room, waiting;
static bool absent, fifo;

static uint32_t in(uint16_t port, unsigned size)
{
	assert_int_equal(size, 1);
	if (absent)
		return 0xff;
	switch (port - 0x3f8) {
	case UART_DATA:
		if (waiting)
			waiting--;
		return 'k';
	case UART_IIR:
		return fifo ? 0xc1 : 1;
	case UART_LSR:
		return (waiting ? UART_LSR_RX : 0u) |
		       (room ? UART_LSR_THRE | UART_LSR_TEMT : 0u);
	default:
		return regs[port - 0x3f8];
	}
}

static void out(uint16_t port, unsigned size, uint32_t v)
{
	assert_int_equal(size, 1);
	assert_in_range(port, 0x3f8, 0x3ff);
	if (port == 0x3f8 && !(regs[UART_LCR] & UART_LCR_DLAB)) {
		assert_true(room > 0); /* never more than it takes */
		room--;
		sent[nr_sent++] = (uint8_t)v;
	}
	regs[port - 0x3f8] = (uint8_t)v;
}

static struct uart u;

static int setup(void **state)
{
	(void)state;
	fake_env_reset();
	fake_in = in;
	fake_out = out;
	memset(regs, 0, sizeof(regs));
	nr_sent = waiting = 0;
	room = 16;
	absent = false;
	fifo = true;
	uart_init(&u, &fake_env, 0x3f8);
	return 0;
}

static void test_send(void **state)
{
	uint8_t text[40] = { 'a', 'b' };

	(void)state;
	assert_true(u.present);
	assert_int_equal(regs[UART_LCR], UART_LCR_8N1);
	assert_int_equal(uart_put(&u, text, 40), 16);
	assert_int_equal(uart_put(&u, text + 16, 24), 0);
	assert_false(uart_idle(&u));
	room = 16;
	assert_int_equal(uart_put(&u, text + 16, 24), 16);
	assert_int_equal(sent[1], 'b');
	assert_int_equal(uart_put(&u, text, 0), 0);
}

static void test_no_fifo(void **state)
{
	(void)state;
	fifo = false;
	uart_init(&u, &fake_env, 0x3f8);
	room = 1;
	assert_int_equal(uart_put(&u, (const uint8_t *)"abc", 3), 1);
}

static void test_absent(void **state)
{
	uint8_t text[4];

	(void)state;
	absent = true;
	uart_init(&u, &fake_env, 0x3f8);
	assert_false(u.present);
	assert_int_equal(uart_put(&u, text, 4), 4);
	assert_int_equal(uart_get(&u, text, 4), 0);
	assert_true(uart_idle(&u));
	assert_false(uart_irq_pending(&u));
}

static void test_receive(void **state)
{
	uint8_t text[8];

	(void)state;
	waiting = 3;
	assert_int_equal(uart_get(&u, text, 8), 3);
	waiting = 1000000; /* a line that is stuck: bounded */
	assert_int_equal(uart_get(&u, text, 8), 8);
	uart_tx_irq(&u, true);
	assert_int_equal(regs[UART_IER], UART_IER_RX | UART_IER_TX);
	uart_tx_irq(&u, false);
	assert_int_equal(regs[UART_IER], UART_IER_RX);
}

/* A card that was pulled out: registers read as ones. Nothing loops. */
static void test_gone(void **state)
{
	uint8_t text[64] = { 0 };

	(void)state;
	absent = true;
	room = 64; /* and takes what is written, to nowhere */
	assert_in_range(uart_put(&u, text, sizeof(text)), 0, UART_FIFO);
	assert_in_range(uart_get(&u, text, sizeof(text)), 0, sizeof(text));
	assert_true(uart_idle(&u)); /* nobody waits for it */
	assert_false(uart_irq_pending(&u));
	uart_tx_irq(&u, true);
}

static uint32_t any(uint16_t port, unsigned size)
{
	(void)port;
	(void)size;
	return (uint32_t)rand() & 0xff;
}

static void test_noise(void **state)
{
	uint8_t text[64] = { 0 };

	(void)state;
	srand(5);
	fake_in = any;
	for (unsigned i = 0; i < 5000; i++) {
		size_t n = (size_t)rand() % sizeof(text);

		if (i % 100 == 0)
			uart_init(&u, &fake_env, 0x3f8);
		room = UART_FIFO;
		nr_sent = 0;
		assert_in_range(uart_put(&u, text, n), 0, n);
		assert_in_range(uart_get(&u, text, n), 0, n);
		uart_irq_pending(&u);
		uart_tx_irq(&u, i & 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_send, setup),
		cmocka_unit_test_setup(test_no_fifo, setup),
		cmocka_unit_test_setup(test_absent, setup),
		cmocka_unit_test_setup(test_receive, setup),
		cmocka_unit_test_setup(test_gone, setup),
		cmocka_unit_test_setup(test_noise, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
