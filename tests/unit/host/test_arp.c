/* SPDX-License-Identifier: BSD-2-Clause */
/* ARP, byte by byte. */
/* TEST-SRC: drivers/host/arp.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/host/arp.h"

#define IP 0x0a000202u

static const uint8_t mac[NET_MAC] = { 2, 0, 0, 0, 0, 9 };

static const uint8_t question[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0,
				    0, 0, 9, 8, 6,
				    /* Ethernet, IPv4, a request */
				    0, 1, 8, 0, 6, 4, 0, 1,
				    /* from an address that is not known yet */
				    2, 0, 0, 0, 0, 9, 0, 0, 0, 0,
				    /* to */
				    0, 0, 0, 0, 0, 0, 10, 0, 2, 2 };

static void test_question(void **state)
{
	uint8_t frame[ARP_FRAME];

	(void)state;
	memset(frame, 0xee, sizeof(frame));
	arp_question(frame, mac, IP);
	assert_memory_equal(frame, question, sizeof(question));
	for (unsigned i = sizeof(question); i < ARP_FRAME; i++)
		assert_int_equal(frame[i], 0);
	assert_null(arp_answer(frame, sizeof(frame), 0)); /* it is none */
}

static void answer_fill(uint8_t frame[ARP_FRAME])
{
	memset(frame, 0, ARP_FRAME);
	memcpy(frame, question, sizeof(question));
	frame[21] = 2;
	memcpy(frame + 22, "\x52\x55\x0a\x00\x02\x02\x0a\x00\x02\x02", 10);
}

static void test_answer(void **state)
{
	uint8_t frame[ARP_FRAME];

	(void)state;
	answer_fill(frame);
	assert_ptr_equal(arp_answer(frame, 42, IP), frame + 22);
	assert_null(arp_answer(frame, 41, IP));
	assert_null(arp_answer(frame, 42, IP + 1));
	for (unsigned i = 12; i < 32; i++) {
		if (i >= 22 && i < 28)
			continue; /* the address itself */
		answer_fill(frame);
		frame[i] ^= 0x10;
		assert_null(arp_answer(frame, 42, IP));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question),
		cmocka_unit_test(test_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
