/* SPDX-License-Identifier: BSD-2-Clause */
/* What all network drivers have in common, over a driver made of variables. */
/* TEST-SRC: drivers/net.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/fake_env.h"
#include "net.h"

static struct net_dev net;
static uint8_t frame[2048];
static uint8_t wire[2048]; /* what was given to the driver last */
static struct net_tx *flying[128];
static unsigned nr_flying, restarts, left;
static bool full, comes_back, answers;

static enum net_status fake_send(struct net_dev *d, struct net_tx *tx)
{
	uint32_t at = 0;

	(void)d;
	if (full)
		return NET_EBUSY;
	for (uint32_t i = 0; i < tx->nsegs; at += tx->seg[i++].len)
		memcpy(wire + at, tx->seg[i].va, tx->seg[i].len);
	flying[nr_flying++] = tx;
	return NET_OK;
}

static void fake_flush(struct net_dev *d) { (void)d; }

static bool fake_poll(struct net_dev *d, unsigned budget)
{
	while (answers && nr_flying)
		net_sent(d, flying[--nr_flying], NET_OK);
	left = left > budget ? left - budget : 0;
	return !left;
}

static bool fake_restart(struct net_dev *d)
{
	(void)d;
	restarts++;
	nr_flying = 0;
	return comes_back;
}

static int setup(void **state)
{
	static const struct net_ops ops = { fake_send, fake_flush, fake_poll,
					    fake_restart };

	(void)state;
	fake_env_reset();
	nr_flying = restarts = left = 0;
	full = false;
	comes_back = true;
	answers = true;
	net = (struct net_dev){ .ops = &ops,
				.env = &fake_env,
				.driver = "fake",
				.mtu = NET_MTU,
				.link = true };
	assert_true(net_init(&net));
	return 0;
}

static struct net_seg seg[NET_SEGS + 1];
static unsigned ended;
static enum net_status end;

static void done(struct net_tx *tx, enum net_status status)
{
	(void)tx;
	ended++;
	end = status;
}

static struct net_tx tx_of(unsigned nsegs)
{
	for (unsigned i = 0; i <= NET_SEGS; i++)
		seg[i] = (struct net_seg){ frame, dev_addr(0), 100 };
	ended = 0;
	return (struct net_tx){ .nsegs = nsegs, .seg = seg, .done = done };
}

static void first_len(uint32_t len, enum net_status want)
{
	struct net_tx tx = tx_of(1);

	seg[0].len = len;
	assert_int_equal(net_send(&net, &tx), want);
	net_poll(&net, 1);
}

static void test_refused(void **state)
{
	struct net_tx tx = tx_of(0);
	struct net_frame f = { .data = frame, .len = NET_FRAME_MAX + 1 };

	(void)state;
	assert_int_equal(net_send(&net, &tx), NET_EINVAL);
	tx.nsegs = NET_SEGS + 1;
	assert_int_equal(net_send(&net, &tx), NET_EINVAL);
	first_len(0, NET_EINVAL);
	first_len(13, NET_EINVAL);
	first_len(1519, NET_EINVAL);
	assert_int_equal(ended, 0);
	first_len(14, NET_OK);
	first_len(1518, NET_OK);
	tx = tx_of(1);
	tx.csum.needed = true; /* which the device does not compute */
	assert_int_equal(net_send(&net, &tx), NET_EINVAL);
	net.csum = true;
	tx.csum.start = 100;
	assert_int_equal(net_send(&net, &tx), NET_EINVAL);
	tx.csum = (struct net_csum){ true, 90, 9 };
	assert_int_equal(net_send(&net, &tx), NET_EINVAL);
	tx.csum.offset = 8;
	assert_int_equal(net_send(&net, &tx), NET_OK);
	assert_int_equal(net_send_copy(&net, &f), NET_EINVAL);
	net.link = false;
	assert_int_equal(net_send(&net, &tx), NET_EDOWN);
}

static void test_counts(void **state)
{
	struct net_tx tx = tx_of(2);

	(void)state;
	full = true;
	assert_int_equal(net_send(&net, &tx), NET_EBUSY);
	assert_int_equal(net.count.tx_busy, 1);
	full = false;
	assert_int_equal(net_send(&net, &tx), NET_OK);
	assert_true(net_poll(&net, 1));
	assert_int_equal(ended, 1);
	assert_int_equal(end, NET_OK);
	assert_int_equal(net.count.tx_frames, 1);
	assert_int_equal(net.count.tx_bytes, 200);
	net_sent(&net, &tx, NET_OK); /* it has ended before */
	assert_int_equal(ended, 1);
	tx = tx_of(1);
	assert_int_equal(net_send(&net, &tx), NET_OK);
	net_sent(&net, &tx, NET_EIO);
	assert_int_equal(end, NET_EIO);
	assert_int_equal(net.count.tx_errors, 1);
	assert_int_equal(net.count.tx_frames, 1);
}

/* They end in another order than they were sent. */
static void test_order(void **state)
{
	struct net_tx tx[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		tx[i] = tx_of(1);
		net_send(&net, &tx[i]);
	}
	ended = 0;
	net_sent(&net, &tx[1], NET_OK);
	net_sent(&net, &tx[3], NET_OK);
	net_sent(&net, &tx[0], NET_OK);
	assert_int_equal(ended, 3);
	tx[0] = tx_of(1);
	net_send(&net, &tx[0]);
	net_break(&net, "enough");
	assert_int_equal(ended, 2);
	assert_null(net.first);
}

static void test_copies(void **state)
{
	struct net_frame f = { .data = frame, .len = 61 };
	enum net_status err = NET_OK;
	unsigned n = 0;

	(void)state;
	answers = false;
	for (unsigned i = 0; i < 61; i++)
		frame[i] = (uint8_t)(i * 3);
	for (; n < 200 && err == NET_OK; n++)
		err = net_send_copy(&net, &f);
	assert_int_equal(err, NET_EBUSY);
	assert_int_equal(n - 1, NET_BOUNCES);
	assert_int_equal(nr_flying, NET_BOUNCES);
	assert_memory_equal(wire, frame, 61);
	answers = true;
	net_poll(&net, 1);
	assert_int_equal(net.count.tx_bytes, 61 * NET_BOUNCES);
	full = true; /* one that was not taken is free again */
	for (unsigned i = 0; i < 2 * NET_BOUNCES; i++)
		assert_int_equal(net_send_copy(&net, &f), NET_EBUSY);
	full = false;
	fake_no_copy = true;
	assert_int_equal(net_send_copy(&net, &f), NET_EINVAL);
	fake_no_copy = false;
	assert_int_equal(net_send_copy(&net, &f), NET_OK);
	net_break(&net, "enough");
	assert_int_equal(net_send_copy(&net, &f), NET_EBROKEN);
}

/* The sum of 0x0102, 0x0304 and 0x0500 is 0x0906. */
static void test_checksum(void **state)
{
	struct net_frame f = { .data = frame,
			       .len = 61,
			       .csum = { true, 40, 4 } };

	(void)state;
	memset(frame, 0, sizeof(frame));
	memset(frame, 0xee, 40);
	memcpy(frame + 40, "\1\2\3\4", 4);
	frame[60] = 5;
	assert_int_equal(net_send_copy(&net, &f), NET_OK);
	assert_int_equal(wire[44], 0xf6);
	assert_int_equal(wire[45], 0xf9);
	assert_int_equal(frame[44], 0); /* the copy alone */
	f.csum.offset = 20;
	assert_int_equal(net_send_copy(&net, &f), NET_EINVAL);
	f.csum.offset = 4;
	net.csum = true; /* the device does it */
	assert_int_equal(net_send_copy(&net, &f), NET_OK);
	assert_int_equal(wire[44], 0);
	/* carries, and the sum that must not read as none */
	memset(frame + 40, 0xff, 20);
	net_csum_finish(frame, 50, &f.csum);
	assert_int_equal(frame[44], 0xff);
	assert_int_equal(frame[45], 0xff);
}

static unsigned received, dues;

static void rx(struct net_dev *d, const struct net_frame *f)
{
	assert_ptr_equal(d, &net);
	assert_in_range(f->len, NET_HEADER, NET_FRAME_MAX);
	received++;
}

static void due(struct net_dev *d)
{
	(void)d;
	dues++;
}

static void arrive(uint32_t len, uint16_t start)
{
	struct net_frame f = { .data = frame,
			       .len = len,
			       .csum = { start, start, 6 } };

	net_receive(&net, &f);
}

static void test_receives(void **state)
{
	(void)state;
	received = dues = 0;
	arrive(60, 0); /* nobody is there */
	net.rx = rx;
	arrive(13, 0);
	arrive(14, 0);
	arrive(1518, 0);
	arrive(1519, 0);
	arrive(60, 53);
	arrive(60, 52);
	assert_int_equal(received, 3);
	assert_int_equal(net.count.rx_frames, 4);
	assert_int_equal(net.count.rx_bytes, 60 + 14 + 1518 + 60);
	assert_int_equal(net.count.rx_errors, 3);
	left = 1000; /* an interrupt takes it all, or leaves it to the owner */
	net_interrupt(&net);
	assert_int_equal(left, 0);
	left = 1000;
	net.due = due;
	net_interrupt(&net);
	assert_int_equal(left, 1000);
	assert_int_equal(dues, 1);
}

static void hang(enum net_status want)
{
	struct net_tx tx = tx_of(1);

	answers = false;
	assert_int_equal(net_send(&net, &tx), NET_OK);
	assert_int_equal(net_check(&net, tx.deadline - 1), tx.deadline);
	assert_int_equal(ended, 0);
	assert_int_equal(net_check(&net, tx.deadline), 0);
	assert_int_equal(ended, 1);
	assert_int_equal(end, want);
	answers = true;
}

static void test_hangs(void **state)
{
	(void)state;
	assert_int_equal(net_check(&net, ~0ull), 0);
	for (unsigned i = 0; i < NET_HANGS; i++)
		hang(NET_ERESET);
	first_len(100, NET_OK); /* it helped */
	for (unsigned i = 0; i < NET_HANGS; i++)
		hang(NET_ERESET);
	assert_false(net.lost);
	assert_int_equal(net.count.restarts, 2 * NET_HANGS);
	hang(NET_EBROKEN);
	assert_true(net.lost);
	assert_false(net.link);
	assert_int_equal(restarts, 2 * NET_HANGS + 1);
	first_len(100, NET_EBROKEN);
	left = 1000;
	assert_true(net_poll(&net, 1));
	net_restart(&net, "not any more");
	assert_int_equal(restarts, 2 * NET_HANGS + 1);
}

static void test_unpolled(void **state)
{
	struct net_tx tx = tx_of(1);

	(void)state;
	assert_int_equal(net_send(&net, &tx), NET_OK);
	assert_int_equal(net_check(&net, tx.deadline), 0);
	assert_int_equal(end, NET_OK);
	assert_int_equal(net.count.restarts, 0);
}

static void test_no_return(void **state)
{
	(void)state;
	comes_back = false;
	hang(NET_EBROKEN);
	assert_true(net.lost);
	fake_no_memory = true;
	assert_false(net_init(&net));
}

static void test_addresses(void **state)
{
	static const uint8_t none[NET_MAC], all[NET_MAC] = { 0xff, 0xff },
					    own[NET_MAC] = { 2, 0, 0, 0, 0, 0 };

	(void)state;
	assert_false(net_mac_usable(none));
	assert_false(net_mac_usable(all));
	assert_true(net_mac_usable(own));
}

static bool is_there;
static unsigned looks;

static bool present(struct net_dev *d)
{
	assert_ptr_equal(d, &net);
	looks++;
	return is_there;
}

/* A card that nobody uses is looked at now and then, and given up when it is
 * gone. */
static void test_gone(void **state)
{
	uint64_t next = 1000;

	(void)state;
	net.present = present;
	is_there = true;
	looks = 0;
	for (unsigned i = 1; i < 5; i++) {
		assert_int_equal(net_check(&net, next), next + NET_LOOK_NS);
		assert_int_equal(net_check(&net, next + NET_LOOK_NS - 1),
				 next + NET_LOOK_NS);
		assert_int_equal(looks, i);
		next += NET_LOOK_NS;
	}
	is_there = false;
	assert_int_equal(net_check(&net, next - 1), next);
	assert_false(net.lost);
	assert_int_equal(net_check(&net, next), 0);
	assert_true(net.lost);
	assert_false(net.link);
	assert_string_equal(fake_said, "fake: is gone; given up");
	assert_int_equal(net_check(&net, next + NET_LOOK_NS), 0);
	assert_int_equal(looks, 5);
}

/* One that has something to send is looked at as often, and asked in time. */
static void test_gone_sending(void **state)
{
	struct net_tx tx = tx_of(1);
	uint64_t next;

	(void)state;
	net.present = present;
	is_there = true;
	looks = 0;
	answers = false;
	assert_int_equal(net_send(&net, &tx), NET_OK);
	for (next = 1; next < tx.deadline;)
		next = net_check(&net, next);
	assert_int_equal(next, tx.deadline);
	assert_int_equal(looks, NET_TIMEOUT_NS / NET_LOOK_NS + 1);
	is_there = false;
	assert_int_equal(net_check(&net, next + NET_LOOK_NS), 0);
	assert_int_equal(restarts, 1); /* it ends there: nothing to wait for */
	assert_int_equal(ended, 1);
	assert_int_equal(end, NET_EBROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_counts, setup),
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test_setup(test_copies, setup),
		cmocka_unit_test_setup(test_checksum, setup),
		cmocka_unit_test_setup(test_receives, setup),
		cmocka_unit_test_setup(test_hangs, setup),
		cmocka_unit_test_setup(test_unpolled, setup),
		cmocka_unit_test_setup(test_no_return, setup),
		cmocka_unit_test_setup(test_addresses, setup),
		cmocka_unit_test_setup(test_gone, setup),
		cmocka_unit_test_setup(test_gone_sending, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
