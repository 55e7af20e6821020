/* SPDX-License-Identifier: BSD-2-Clause */
/* The kit's virtio-net front end before a device that works, and one whose
 * answers are garbage. */
/* TEST-SRC: drivers/virtq.c */
#include "fake_mmio.h"

#include "guestkit/net.c"

static struct kit_net *card;
static uint8_t frame[KIT_NET_FRAME];
static uint32_t length; /* of the next frame to the guest, */
static uint8_t flags;	/* and what its header says */
static uint32_t sent;	/* bytes of the last frame from it */

const struct pv_device *kit_device(const struct pv_device *from, uint32_t type,
				   const char *name)
{
	static const struct pv_device d = { .irq = VIRTIO_ID_NET };

	return name && !strcmp(name, "nowhere") ? NULL : &d;
}

static int64_t work(unsigned queue, struct chain *c)
{
	uint8_t *at = kit_ptr(c->d[0].addr);

	assert_int_equal(c->nr, 1);
	if (queue == TX) {
		sent = c->d[0].len - (uint32_t)HDR;
		assert_memory_equal(at + HDR, frame, sent);
		return 0;
	}
	assert_true(c->d[0].flags & VIRTQ_DESC_WRITE);
	memset(at, 0, HDR);
	*at = flags;
	memcpy(at + HDR, frame, length);
	return (int64_t)HDR + length;
}

/* Works off one of a queue, and wants to hear of the next; true: the driver wants
 * to be told (VIRTIO 1.2, 2.7.7.2). */
static bool step(unsigned queue)
{
	struct dev_queue *q = &dev.q[queue];
	const struct virtq_avail *a = kit_ptr(q->part[1]);
	struct virtq_used *u = kit_ptr(q->part[2]);
	uint16_t event = a->ring[q->num];

	assert_int_equal(device_run(queue, 1), 1);
	*(uint16_t *)&u->ring[q->num] = q->seen;
	return virtq_need_event(event, u->idx, (uint16_t)(u->idx - 1));
}

static bool deliver(uint32_t len, uint8_t with)
{
	length = len;
	flags = with;
	return step(RX);
}

static unsigned waiting(unsigned queue)
{
	const struct virtq_avail *a = kit_ptr(dev.q[queue].part[1]);

	return (uint16_t)(a->idx - dev.q[queue].seen);
}

/* Whatever the driver has given it. */
static void say_ended(unsigned queue, uint32_t id, uint32_t len)
{
	struct virtq_used *u = kit_ptr(dev.q[queue].part[2]);

	u->ring[u->idx % KIT_NET_DEPTH] = (struct virtq_used_elem){ id, len };
	u->idx++;
}

static int teardown(void **state)
{
	while (nr_kept)
		free(kept[--nr_kept]);
	return 0;
}

static int setup(void **state)
{
	teardown(NULL);
	fake_begin(VIRTIO_NET_F_MAC | VIRTIO_NET_F_MTU | VIRTIO_NET_F_CSUM |
		   VIRTIO_F_EVENT_IDX);
	dev.config[0] = 0x33221102;
	dev.config[1] = 0x5544;
	dev.config[2] = 9000u << 16; /* more than it may be */
	serve = work;
	card = kit_net_open("there", NULL);
	assert_non_null(card);
	for (unsigned i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 13);
	return 0;
}

/* ---- a device that works ---- */

static void test_starts(void **state)
{
	static const uint8_t mac[] = { 2, 0x11, 0x22, 0x33, 0x44, 0x55 };

	assert_memory_equal(kit_net_mac(card), mac, sizeof(mac));
	assert_int_equal(kit_net_mtu(card), NET_MTU);
	assert_true(kit_net_can_csum(card));
	assert_true(dev.status & VIRTIO_STATUS_DRIVER_OK);
	assert_int_equal(waiting(RX), KIT_NET_DEPTH);
	assert_int_equal(dev.notified, 1);
	assert_null(kit_net_open("nowhere", NULL));
	fake_begin(0); /* it has no address */
	assert_null(kit_net_open("there", NULL));
}

static void test_sends(void **state)
{
	struct kit_net_csum c = { 34, 16 };

	assert_true(kit_net_send(card, frame, 100, NULL));
	assert_true(kit_net_send(card, frame, KIT_NET_FRAME, &c));
	assert_int_equal(dev.notified, 1); /* that of the start */
	kit_net_kick(card);
	assert_int_equal(dev.notified, 2);
	step(TX);
	assert_int_equal(sent, 100);
	step(TX);
	assert_int_equal(sent, KIT_NET_FRAME);
	assert_false(kit_net_send(card, frame, KIT_NET_HEADER - 1, NULL));
	assert_false(kit_net_send(card, frame, KIT_NET_FRAME + 1, NULL));
	card->dev.features &= ~VIRTIO_NET_F_CSUM;
	assert_false(kit_net_send(card, frame, 100, &c));
	assert_false(kit_net_dead(card));
}

/* A full queue says so, and its room is told. */
static void test_full(void **state)
{
	for (unsigned i = 0; i < KIT_NET_DEPTH; i++)
		assert_true(kit_net_send(card, frame, 60, NULL));
	assert_false(kit_net_send(card, frame, 60, NULL));
	assert_true(step(TX));
	assert_true(kit_net_send(card, frame, 60, NULL));
	assert_false(kit_net_send(card, frame, 60, NULL));
	while (waiting(TX))
		step(TX);
	for (unsigned i = 0; i < KIT_NET_DEPTH; i++)
		assert_true(kit_net_send(card, frame, 60, NULL));
	assert_false(kit_net_dead(card));
}

static void test_receives(void **state)
{
	struct kit_net_frame f;

	assert_false(kit_net_next(card, &f));
	assert_true(deliver(60, 0));
	deliver(KIT_NET_FRAME, VIRTIO_NET_HDR_F_DATA_VALID);
	assert_true(kit_net_next(card, &f));
	assert_int_equal(f.len, 60);
	assert_memory_equal(f.data, frame, 60);
	assert_false(f.csum_good);
	assert_int_equal(waiting(RX), KIT_NET_DEPTH - 2);
	assert_true(kit_net_next(card, &f));
	assert_int_equal(f.len, KIT_NET_FRAME);
	assert_true(f.csum_good);
	assert_false(kit_net_next(card, &f));
	assert_int_equal(waiting(RX), KIT_NET_DEPTH); /* given back */
}

/* Indices of 16 bits wrap in both directions, and each frame that is waited for
 * is told. */
static void test_wraps(void **state)
{
	struct kit_net_frame f;

	for (unsigned i = 0; i < 140000; i++) {
		unsigned before = dev.notified;

		assert_true(kit_net_send(card, frame, 60, NULL));
		kit_net_kick(card);
		assert_int_equal(dev.notified, before + 1);
		step(TX);
		assert_false(kit_net_next(card, &f));
		assert_true(deliver(60 + i % 7, 0));
		assert_true(kit_net_next(card, &f));
		assert_int_equal(f.len, 60 + i % 7);
	}
	assert_false(kit_net_dead(card));
}

/* ---- one that does not ---- */

static void receives_garbage(uint32_t id, uint32_t len)
{
	struct kit_net_frame f;

	setup(NULL);
	say_ended(RX, id, len);
	assert_false(kit_net_next(card, &f));
	assert_true(kit_net_dead(card));
	assert_false(kit_net_next(card, &f));
	assert_false(kit_net_send(card, frame, 60, NULL));
}

static void test_lies_received(void **state)
{
	struct kit_net_frame f;

	receives_garbage(KIT_NET_DEPTH, 100);
	receives_garbage(0xffffffff, 100);
	receives_garbage(0, 0);
	receives_garbage(0, HDR); /* no frame behind the header */
	receives_garbage(0, BUFFER + 1);
	receives_garbage(0, 0xffffffff);
	setup(NULL);
	for (unsigned i = 0; i < KIT_NET_DEPTH + 1; i++)
		say_ended(RX, i % KIT_NET_DEPTH, 100); /* more than there are */
	assert_false(kit_net_next(card, &f));
	assert_true(kit_net_dead(card));
}

static void sends_garbage(uint32_t id)
{
	setup(NULL);
	for (unsigned i = 0; i < KIT_NET_DEPTH; i++)
		assert_true(kit_net_send(card, frame, 60, NULL));
	say_ended(TX, 5, 0);
	assert_true(kit_net_send(card, frame, 60, NULL)); /* by buffer 5 */
	card->flying[6] = false;
	say_ended(TX, id, 0);
	assert_false(kit_net_send(card, frame, 60, NULL));
	assert_true(kit_net_dead(card));
}

static void test_lies_sent(void **state)
{
	sends_garbage(KIT_NET_DEPTH);
	sends_garbage(0xfffffffe);
	sends_garbage(6); /* is not under way */
	setup(NULL);
	for (unsigned i = 0; i < KIT_NET_DEPTH; i++)
		kit_net_send(card, frame, 60, NULL);
	say_ended(TX, 5, 0);
	say_ended(TX, 5, 0); /* twice */
	kit_net_send(card, frame, 60, NULL);
	assert_true(kit_net_dead(card));
}

/* Any content of the used rings: what is handed out lies in a buffer. */
static void test_noise(void **state)
{
	struct kit_net_frame f;

	srand(4);
	for (unsigned round = 0; round < 500; round++) {
		setup(NULL);
		for (unsigned i = 0; i < 100; i++) {
			struct virtq_used *u = kit_ptr(dev.q[i % 2].part[2]);
			unsigned at = (unsigned)rand() % KIT_NET_DEPTH;

			u->ring[at].id = rand() % 8 ? at : (uint32_t)rand();
			u->ring[at].len = rand() % 8 ? 80 + at :
						       (uint32_t)rand();
			u->idx = (uint16_t)(u->idx + rand() % 3);
			kit_net_send(card, frame, 60, NULL);
			if (!kit_net_next(card, &f))
				continue;
			assert_in_range(f.data, card->buffer[RX],
					card->buffer[RX] +
						KIT_NET_DEPTH * BUFFER - f.len);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_starts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_receives, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wraps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lies_received, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_lies_sent, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_noise, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
