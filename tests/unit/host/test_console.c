/* SPDX-License-Identifier: BSD-2-Clause */
/* Console lines of several sources, and the emulated 16550. */
/* TEST-SRC: drivers/host/lines.c drivers/host/scroll.c drivers/host/uart16550.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/lines.h"
#include "host/uart16550.h"
#include "uart.h"

static char shown[4096];

static void out(const char *text, size_t n) { strncat(shown, text, n); }

static void put(struct lines *l, struct lines_source *s, const char *text)
{
	lines_put(l, s, text, strlen(text));
}

static void test_lines(void **state)
{
	struct lines l = { .out = out };
	struct lines_source a = { .name = "a" };
	struct lines_source b = { .name = "b", .live = true };
	struct lines_source own = { .live = true };

	(void)state;
	shown[0] = 0;
	put(&l, &a, "one\r\ntwo");
	assert_string_equal(shown, "[a] one\n");
	put(&l, &b, "> ");
	put(&l, &b, "go\n");
	put(&l, &a, "!\n");
	assert_string_equal(shown, "[a] one\n[b] > go\n[a] two!\n");
	shown[0] = 0;
	put(&l, &b, "half");
	put(&l, &own, "host: x\n");
	put(&l, &b, "rest\n");
	assert_string_equal(shown, "[b] half\nhost: x\n[b] rest\n");
	shown[0] = 0;
	put(&l, &a, "unfinished");
	lines_put(&l, &a, "\0\0", 2);
	lines_end(&l, &a);
	lines_end(&l, &a);
	assert_string_equal(shown, "[a] unfinished\n");
}

static void test_views(void **state)
{
	static char ring[SCROLL_SIZE];
	struct scroll back = { .buf = ring };
	struct lines l = { .out = out };
	struct lines_source a = { .name = "a", .live = true, .plain = true };
	struct lines_source b = { .name = "b", .hidden = true, .back = &back };

	(void)state;
	shown[0] = 0;
	put(&l, &b, "one\r\ntw");
	put(&l, &a, "> ");
	put(&l, &b, "o\nthree");
	lines_end(&l, &b);
	lines_break(&l);
	lines_break(&l);
	put(&l, &a, "x\n");
	assert_string_equal(shown, "> \nx\n");
	assert_int_equal(back.head, 14);
	assert_memory_equal(ring, "one\r\ntwo\nthree", 15);
	b.hidden = false; /* what was hidden does not come back */
	put(&l, &b, "four\n");
	assert_string_equal(shown, "> \nx\n[b] four\n");
}

static void test_long_line(void **state)
{
	struct lines l = { .out = out };
	struct lines_source a = { .name = "a" };
	char text[1001];

	(void)state;
	shown[0] = 0;
	memset(text, 'x', 1000);
	text[1000] = 0;
	put(&l, &a, text);
	put(&l, &a, "\n");
	assert_int_equal(strlen(shown), 4 + 1000 + 1);
	assert_int_equal(strspn(shown + 4, "x"), 1000);
}

static void test_uart_out(void **state)
{
	struct uart16550 u = { 0 };

	(void)state;
	assert_int_equal(uart16550_write(&u, UART_DATA, 'A'), 'A');
	assert_int_equal(uart16550_write(&u, UART_LCR, UART_LCR_DLAB), -1);
	assert_int_equal(uart16550_write(&u, UART_DATA, 1), -1);
	assert_int_equal(uart16550_write(&u, UART_IER, 2), -1);
	assert_int_equal(uart16550_read(&u, UART_DATA), 1);
	assert_int_equal(uart16550_read(&u, UART_IER), 2);
	uart16550_write(&u, UART_LCR, UART_LCR_8N1);
	assert_int_equal(uart16550_read(&u, UART_LSR),
			 UART_LSR_THRE | UART_LSR_TEMT);
	uart16550_write(&u, UART_SCR, 0x5a);
	assert_int_equal(uart16550_read(&u, UART_SCR), 0x5a);
}

static void test_uart_in(void **state)
{
	struct uart16550 u = { 0 };
	uint8_t many[400];

	(void)state;
	memset(many, 'k', sizeof(many));
	assert_int_equal(uart16550_type(&u, many, sizeof(many)), UART16550_IN);
	assert_int_equal(uart16550_type(&u, many, 1), 0);
	assert_true(uart16550_read(&u, UART_LSR) & UART_LSR_RX);
	for (unsigned i = 0; i < UART16550_IN; i++)
		assert_int_equal(uart16550_read(&u, UART_DATA), 'k');
	assert_int_equal(uart16550_read(&u, UART_DATA), 0);
	assert_false(uart16550_read(&u, UART_LSR) & UART_LSR_RX);
	uart16550_write(&u, UART_MCR, 0x10); /* loop */
	assert_int_equal(uart16550_write(&u, UART_DATA, 'L'), -1);
	assert_int_equal(uart16550_read(&u, UART_DATA), 'L');
	uart16550_type(&u, many, 5);
	uart16550_write(&u, UART_FCR, 3); /* clears the receiver */
	assert_false(uart16550_read(&u, UART_LSR) & UART_LSR_RX);
	uart16550_write(&u, UART_IER, UART_IER_RX);
	assert_int_equal(uart16550_read(&u, UART_IIR) & 7, UART_IIR_NONE);
	uart16550_type(&u, many, 1);
	assert_int_equal(uart16550_read(&u, UART_IIR) & 7, UART_IIR_RX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_uart_out),
		cmocka_unit_test(test_uart_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
