/* SPDX-License-Identifier: BSD-2-Clause */
/* The switch: learning, ageing, flooding, and ports that mean no good. */
/* TEST-SRC: drivers/host/netswitch.c drivers/net.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/host/netswitch.h"

#define PORTS 4u
#define BROADCAST 0xffffffffffffull

static struct netswitch s;
static struct netswitch_port port[PORTS];
static unsigned got; /* ports that the last frame went to, bits */
static uint64_t now;
static const uint8_t *sent;

static void on_send(struct netswitch_port *p, const struct net_frame *f)
{
	unsigned bit = 1u << (p - port);

	assert_ptr_equal(p->arg, p);
	assert_ptr_equal(f->data, sent);
	assert_false(got & bit); /* once only */
	got |= bit;
}

static void mac_put(uint8_t *to, uint64_t mac)
{
	for (int i = 0; i < 6; i++)
		to[i] = (uint8_t)(mac >> (40 - 8 * i));
}

static int setup(void **state)
{
	(void)state;
	memset(&s, 0, sizeof(s));
	now = 1;
	for (unsigned i = 0; i < PORTS; i++) {
		port[i] = (struct netswitch_port){ .send = on_send,
						   .arg = &port[i],
						   .max_macs = 8 };
		assert_true(netswitch_attach(&s, &port[i]));
	}
	return 0;
}

/* Where does a frame go? */
static unsigned frame(unsigned from, uint64_t src, uint64_t dst)
{
	static uint8_t bytes[60];
	struct net_frame f = { .data = bytes, .len = sizeof(bytes) };

	sent = bytes;
	mac_put(bytes, dst);
	mac_put(bytes + 6, src);
	got = 0;
	netswitch_input(&s, &port[from], &f, now);
	return got;
}

#define A 0x020000000001ull
#define B 0x020000000002ull
#define C 0x020000000003ull

static void test_learns(void **state)
{
	(void)state;
	assert_int_equal(frame(0, A, B), 0xe); /* unknown: all others */
	assert_int_equal(frame(1, B, A), 1);
	assert_int_equal(frame(0, A, B), 2);
	assert_int_equal(frame(2, C, A), 1);
	assert_int_equal(frame(0, A, BROADCAST), 0xe);
	assert_int_equal(frame(0, A, 0x01005e000001ull), 0xe);
	assert_int_equal(port[0].count.in_frames, 4);
	assert_int_equal(port[0].count.in_bytes, 240);
	assert_int_equal(port[0].count.flooded, 3);
	assert_int_equal(port[0].count.out_frames, 2);
	assert_int_equal(port[0].count.out_bytes, 120);
}

static void test_not_back(void **state)
{
	(void)state;
	frame(0, A, BROADCAST);
	frame(0, B, BROADCAST);
	assert_int_equal(frame(0, A, B), 0); /* both are at that port */
	assert_int_equal(frame(0, A, A), 0);
	assert_int_equal(port[0].count.filtered, 2);
	assert_int_equal(frame(1, C, B), 1);
}

static void test_moves(void **state)
{
	(void)state;
	frame(0, A, BROADCAST);
	assert_int_equal(frame(1, B, A), 1);
	frame(2, A, BROADCAST);
	assert_int_equal(frame(1, B, A), 4);
	assert_int_equal(port[0].nr_macs, 0);
	assert_int_equal(port[2].nr_macs, 1);
}

/* To where there is no room for it. */
static void test_moves_away(void **state)
{
	(void)state;
	port[1].max_macs = 0;
	frame(0, A, BROADCAST);
	frame(1, A, BROADCAST);
	assert_int_equal(port[0].nr_macs, 0);
	assert_int_equal(port[1].nr_macs, 0);
	assert_int_equal(frame(2, C, A), 0xb);
}

static void test_ages(void **state)
{
	(void)state;
	frame(0, A, BROADCAST);
	now += NETSWITCH_AGE_NS - 1;
	assert_int_equal(frame(1, B, A), 1);
	now += 1;
	assert_int_equal(frame(1, B, A), 0xd);
	assert_int_equal(port[0].nr_macs, 0);
	frame(0, A, BROADCAST);
	now += NETSWITCH_AGE_NS / 2;
	frame(0, A, BROADCAST); /* seen again */
	now += NETSWITCH_AGE_NS / 2;
	assert_int_equal(frame(1, B, A), 1);
}

static void refused(unsigned from, uint64_t src)
{
	uint64_t before = port[from].count.refused;

	assert_int_equal(frame(from, src, BROADCAST), 0);
	assert_int_equal(port[from].count.refused, before + 1);
}

static void test_bad_frames(void **state)
{
	static uint8_t bytes[1600] = { 0 };
	struct net_frame f = { .data = bytes, .len = 13 };

	(void)state;
	refused(0, BROADCAST);
	refused(0, 0x010000000001ull); /* a group as a source */
	refused(0, 0);
	assert_int_equal(port[0].nr_macs, 0);
	sent = bytes;
	got = 0;
	mac_put(bytes, B);
	mac_put(bytes + 6, A);
	netswitch_input(&s, &port[0], &f, now);
	f.len = 1519;
	netswitch_input(&s, &port[0], &f, now);
	f.len = 60;
	f.csum = (struct net_csum){ true, 58, 1 };
	netswitch_input(&s, &port[0], &f, now);
	assert_int_equal(got, 0);
	assert_int_equal(port[0].count.refused, 6);
	f.csum.offset = 0;
	netswitch_input(&s, &port[0], &f, now);
	assert_int_equal(got, 0xe);
}

/* 802.1D, 7.12.6: these are between a bridge and its neighbour. */
static void test_reserved(void **state)
{
	(void)state;
	assert_int_equal(frame(0, A, 0x0180c2000000ull), 0);
	assert_int_equal(frame(0, A, 0x0180c200000full), 0);
	assert_int_equal(frame(0, A, 0x0180c2000010ull), 0xe);
}

static void own(unsigned i, uint64_t mac)
{
	netswitch_detach(&s, &port[i]);
	port[i].has_mac = true;
	mac_put(port[i].mac, mac);
}

/* An address that belongs to a port is that port's alone. */
static void test_forged(void **state)
{
	(void)state;
	own(0, A);
	frame(2, A, BROADCAST); /* before the owner is there */
	assert_true(netswitch_attach(&s, &port[0]));
	assert_int_equal(port[2].nr_macs, 0);
	assert_int_equal(frame(1, B, A), 1); /* before it has said a word */
	refused(2, A);
	assert_int_equal(frame(1, B, A), 1);
	now += 2 * NETSWITCH_AGE_NS;
	assert_int_equal(frame(1, B, A), 1);
	assert_int_equal(frame(0, A, B), 2);
	assert_int_equal(port[0].nr_macs, 0);
	own(3, A);
	assert_false(netswitch_attach(&s, &port[3]));
	netswitch_detach(&s, &port[0]);
	assert_true(netswitch_attach(&s, &port[3]));
	assert_int_equal(frame(1, B, A), 8);
}

static void test_detach(void **state)
{
	(void)state;
	frame(0, A, BROADCAST);
	frame(1, B, BROADCAST);
	netswitch_detach(&s, &port[0]);
	assert_int_equal(frame(1, B, A), 0xc);
	netswitch_detach(&s, &port[0]); /* it is not there */
	assert_true(netswitch_attach(&s, &port[0]));
	assert_int_equal(frame(1, B, A), 0xd);
	for (unsigned i = 0; i < PORTS; i++)
		netswitch_detach(&s, &port[i]);
	assert_int_equal(frame(1, C, A), 0);
}

/* A port that makes up addresses takes no place of another one's. */
static void test_floods(void **state)
{
	static const uint64_t others[] = { A, B };

	(void)state;
	port[0].max_macs = port[1].max_macs = 100000;
	frame(2, A, BROADCAST);
	frame(3, B, BROADCAST);
	srand(3);
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t src = 0x060000000000ull + ((uint64_t)rand() << 8);

		frame(i & 1, src, BROADCAST);
		assert_true(port[0].nr_macs + port[1].nr_macs <=
			    NETSWITCH_BUCKETS * NETSWITCH_WAYS - 2);
		if (!(i % 100))
			assert_int_equal(frame(0, src, others[i / 100 & 1]),
					 4u << (i / 100 & 1));
	}
	assert_true(port[0].nr_macs + port[1].nr_macs > 900);
	netswitch_detach(&s, &port[0]);
	netswitch_detach(&s, &port[1]);
	assert_int_equal(port[0].nr_macs + port[1].nr_macs, 0);
}

static void test_limit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		frame(0, A + i * 0x10001, BROADCAST);
	assert_int_equal(port[0].nr_macs, 8);
	port[1].max_macs = 0; /* it learns nothing */
	frame(1, C + 0x300000000, BROADCAST);
	assert_int_equal(port[1].nr_macs, 0);
	assert_int_equal(frame(2, C, C + 0x300000000), 0xb);
	/* what is too old makes room */
	now += NETSWITCH_AGE_NS;
	for (unsigned i = 0; i < 1000; i++)
		frame(2, A + i * 0x10001, BROADCAST);
	assert_int_equal(port[0].nr_macs, 0);
	assert_int_equal(port[2].nr_macs, 8);
}

static unsigned taps;

static void tap(void *arg, const struct net_frame *f, uint64_t at)
{
	assert_ptr_equal(arg, &taps);
	assert_ptr_equal(f->data, sent);
	assert_int_equal(at, now);
	taps++;
}

static void test_tap(void **state)
{
	(void)state;
	s.tap = tap;
	s.tap_arg = &taps;
	taps = 0;
	frame(0, A, BROADCAST);
	frame(0, A, A);
	frame(0, BROADCAST, A); /* refused */
	assert_int_equal(taps, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_learns, setup),
		cmocka_unit_test_setup(test_not_back, setup),
		cmocka_unit_test_setup(test_moves, setup),
		cmocka_unit_test_setup(test_moves_away, setup),
		cmocka_unit_test_setup(test_ages, setup),
		cmocka_unit_test_setup(test_bad_frames, setup),
		cmocka_unit_test_setup(test_reserved, setup),
		cmocka_unit_test_setup(test_forged, setup),
		cmocka_unit_test_setup(test_detach, setup),
		cmocka_unit_test_setup(test_floods, setup),
		cmocka_unit_test_setup(test_limit, setup),
		cmocka_unit_test_setup(test_tap, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
