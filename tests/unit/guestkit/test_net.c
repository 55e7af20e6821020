/* SPDX-License-Identifier: BSD-2-Clause */
/* The kit's network front end on a device that may forget all. */
/* TEST-SRC: guestkit/net.c drivers/virtq.c */
#include "fake_mmio.h"

#include "kit/net.h"
#include "virtio_net.h"

#define RX VIRTIO_NET_RX
#define TX VIRTIO_NET_TX
#define LEN 60u

const struct pv_device *kit_device(const struct pv_device *from, uint32_t type,
				   const char *name)
{
	static const struct pv_device d = { .irq = VIRTIO_ID_NET,
					    .handle = BELL };

	return &d;
}

static struct kit_net *n;
static uint8_t next_byte; /* of the next frame to the guest */
static uint8_t sent[256], nr_sent;
static const uint8_t *held; /* no frame may be put there */

static int64_t net_serve(unsigned queue, struct chain *c)
{
	uint8_t *at = kit_ptr(c->d[0].addr);

	assert_int_equal(c->nr, 1);
	if (queue == TX) {
		assert_int_equal(c->d[0].len,
				 sizeof(struct virtio_net_hdr) + LEN);
		sent[nr_sent++] = at[sizeof(struct virtio_net_hdr)];
		return 0;
	}
	assert_true(c->d[0].flags & VIRTQ_DESC_WRITE);
	if (held)
		assert_ptr_not_equal(at + sizeof(struct virtio_net_hdr), held);
	memset(at, 0, sizeof(struct virtio_net_hdr));
	memset(at + sizeof(struct virtio_net_hdr), next_byte++, LEN);
	return sizeof(struct virtio_net_hdr) + LEN;
}

static bool send(uint8_t byte)
{
	uint8_t frame[LEN];

	memset(frame, byte, LEN);
	return kit_net_send(n, frame, LEN, NULL);
}

static void begin(void)
{
	const char *why;

	fake_begin(VIRTIO_NET_F_MAC);
	dev.config[0] = 0x00005002;
	serve = net_serve;
	nr_sent = 0;
	next_byte = 1;
	held = NULL;
	n = kit_net_open("net", &why);
	assert_null(why);
	assert_int_equal(kit_net_mac(n)[1], 0x50);
}

/* All buffers are there, once each. */
static void finish(void)
{
	struct kit_net_frame f;
	unsigned i;

	while (kit_net_next(n, &f))
		;
	next_byte = 100;
	assert_int_equal(device_run(RX, 100), KIT_NET_DEPTH);
	for (i = 0; kit_net_next(n, &f); i++)
		assert_int_equal(f.data[LEN - 1], 100 + i);
	assert_int_equal(i, KIT_NET_DEPTH);
	device_run(TX, 100);
	nr_sent = 0;
	for (i = 0; i < KIT_NET_DEPTH; i++)
		assert_true(send((uint8_t)i));
	assert_false(send(1));
	assert_int_equal(device_run(TX, 100), KIT_NET_DEPTH);
	for (i = 0; i < KIT_NET_DEPTH; i++)
		assert_int_equal(sent[i], i);
	assert_true(send(1));
	assert_false(kit_net_dead(n));
}

static void frames_in_flight_are_lost(void **state)
{
	begin();
	while (send(9))
		;
	assert_int_equal(device_run(TX, 5), 5);
	host_dies();
	assert_true(send(9));
	assert_int_equal(device_run(TX, 100), 6 - 5);
	finish();
}

static void what_had_come_is_there(void **state)
{
	struct kit_net_frame f;

	begin();
	assert_int_equal(device_run(RX, 2), 2);
	host_dies();
	assert_true(kit_net_next(n, &f) && f.data[0] == 1);
	assert_true(kit_net_next(n, &f) && f.data[0] == 2);
	assert_false(kit_net_next(n, &f));
	finish();
}

static void the_frame_in_hand_stays_as_it_is(void **state)
{
	struct kit_net_frame f;

	begin();
	assert_int_equal(device_run(RX, 2), 2);
	assert_true(kit_net_next(n, &f));
	held = f.data;
	host_dies();
	while (send(9) && nr_sent < 100)
		nr_sent++;
	assert_int_equal(device_run(RX, 100), KIT_NET_DEPTH - 1);
	assert_int_equal(f.data[LEN - 1], 1);
	held = NULL;
	finish();
}

static void it_may_die_again_and_again(void **state)
{
	for (unsigned at = 1; at < 40; at++) {
		struct kit_net_frame f;

		begin();
		assert_true(send(1) && send(2));
		host_dies();
		die_at_write = at;
		kit_net_next(n, &f);
		die_at_write = 0;
		finish();
	}
}

static void another_device_is_none(void **state)
{
	struct kit_net_frame f;

	begin();
	host_dies();
	dev.offers = 0;
	assert_false(kit_net_next(n, &f));
	assert_true(kit_net_dead(n));
	assert_false(send(1));
}

/* With a handle of the notification's event a kick and a sleep are one call; not
 * when it names nothing any more. */
static void a_kick_with_a_sleep(void **state)
{
	unsigned before;

	begin();
	before = dev.notified;
	bell_works = true;
	assert_true(send(1));
	assert_true(kit_net_kick_wait(n, now + 10000000));
	assert_int_equal(nr_rung, 1);
	assert_int_equal(dev.notified, before);
	assert_int_equal(nr_sent, 1);
	bell_works = false;
	assert_true(send(2));
	kit_net_kick_wait(n, now + 10000000);
	assert_int_equal(dev.notified, before + 1);
	assert_int_equal(nr_sent, 2);
	assert_int_equal(nr_rung, 1);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_in_flight_are_lost),
		cmocka_unit_test(what_had_come_is_there),
		cmocka_unit_test(the_frame_in_hand_stays_as_it_is),
		cmocka_unit_test(it_may_die_again_and_again),
		cmocka_unit_test(another_device_is_none),
		cmocka_unit_test(a_kick_with_a_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
