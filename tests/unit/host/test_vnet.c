/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio network device that guests see: good frames, and any others. */
/* TEST-SRC: drivers/host/vnet.c drivers/host/netswitch.c drivers/net.c drivers/host/vdev.c drivers/host/vdev_regs.c drivers/host/vq.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/vnet.h"
#include "virtio_net.h"

#include "fake_guest.h"

#define HDR 12u
#define OUT 0x8000u /* a frame to send, its header first */
#define IN 0x10000u /* buffers: + n * IN_STEP */
#define IN_STEP 0x800u
#define WRITE VIRTQ_DESC_WRITE
#define NEXT VIRTQ_DESC_NEXT

#define F_CSUM 1u
#define F_GUEST_CSUM 2u
#define F_MRG_RXBUF (1u << 15)

static struct vnet net;
static struct netswitch sw;
static struct netswitch_port other;
static uint8_t wire[NET_FRAME_MAX]; /* what came out at the other port */
static struct net_frame last;
static unsigned frames;

void vnet_free(struct vdev *d) { assert_ptr_equal(d, &net.dev); }

static uint64_t now(void) { return 1; }

static void other_send(struct netswitch_port *p, const struct net_frame *f)
{
	assert_ptr_equal(p, &other);
	memcpy(wire, f->data, f->len);
	last = *f;
	frames++;
}

static const uint8_t guest_mac[] = { 2, 0x50, 0, 0, 3, 1 };
static const uint8_t other_mac[] = { 2, 1, 1, 1, 1, 1 };

static int setup(void **state)
{
	(void)state;
	memset(&net, 0, sizeof(net));
	memset(&sw, 0, sizeof(sw));
	net.sw = &sw;
	net.now_ns = now;
	memcpy(net.port.mac, guest_mac, 6);
	assert_true(vnet_init(&net));
	other = (struct netswitch_port){ .send = other_send, .max_macs = 8 };
	assert_true(netswitch_attach(&sw, &other));
	guest_begin(&net.dev);
	frames = 0;
	return 0;
}

static uint8_t byte_of(unsigned i) { return (uint8_t)(i * 11 + 5); }

/* A frame to the other port, in the guest's memory. */
static void frame_lay(uint32_t at, uint32_t len)
{
	for (unsigned i = 0; i < len; i++)
		memory[at + i] = byte_of(i);
	memcpy(memory + at, other_mac, 6);
	memcpy(memory + at + 6, guest_mac, 6);
}

static void send(uint32_t len)
{
	frame_lay(OUT + HDR, len);
	desc_in(VNET_TX, 0, OUT, HDR + len, 0, 0);
	submit_in(VNET_TX, 0);
	work();
}

static void buffer(unsigned i, uint32_t len)
{
	desc_in(VNET_RX, i, IN + i * IN_STEP, len, WRITE, 0);
	submit_in(VNET_RX, i);
}

/* A frame from the other port. */
static void arrive(uint32_t len, struct net_csum csum, bool good)
{
	static uint8_t bytes[NET_FRAME_MAX];
	struct net_frame f = { bytes, len, csum, good };

	for (unsigned i = 0; i < len; i++)
		bytes[i] = byte_of(i);
	memcpy(bytes, guest_mac, 6);
	memcpy(bytes + 6, other_mac, 6);
	netswitch_input(&sw, &other, &f, 1);
	work();
}

static const struct net_csum none;

static uint16_t used_idx(unsigned q)
{
	return get16(USED + q * QUEUE_STEP + 2);
}

static uint32_t used_len(unsigned q, unsigned n)
{
	return le32(memory + USED + q * QUEUE_STEP + 8 + 8 * n);
}

static void test_registers(void **state)
{
	(void)state;
	assert_int_equal(reg_get(8), VIRTIO_ID_NET);
	assert_int_equal(vdev_read(&net.dev, 0x100, 4), 0x00005002);
	assert_int_equal(vdev_read(&net.dev, 0x104, 2), 0x0103);
	assert_int_equal(vdev_read(&net.dev, 0x106, 2), 1);
	assert_int_equal(vdev_read(&net.dev, 0x10a, 2), 1500);
}

static void test_sends(void **state)
{
	(void)state;
	bring_up(0);
	for (unsigned i = 0; i < 40; i++) { /* round the ring */
		send(60 + i);
		assert_int_equal(frames, i + 1);
		assert_int_equal(last.len, 60 + i);
		assert_memory_equal(wire, memory + OUT + HDR, 60 + i);
		assert_false(last.csum.needed);
		assert_int_equal(used_idx(VNET_TX), i + 1);
	}
	send(14);
	send(1518);
	assert_int_equal(frames, 42);
	assert_int_equal(net.tx_bad, 0);
	assert_true(signals > 0);
}

/* Header and frame in pieces, cut anywhere. */
static void test_pieces(void **state)
{
	(void)state;
	bring_up(0);
	for (unsigned cut = 1; cut < 70; cut += 7) {
		frame_lay(OUT + HDR, 60);
		desc_in(VNET_TX, 1, OUT, cut, NEXT, 4);
		desc_in(VNET_TX, 4, OUT + cut, 1, NEXT, 2);
		desc_in(VNET_TX, 2, OUT + cut + 1, 71 - cut, 0, 0);
		submit_in(VNET_TX, 1);
		work();
		assert_memory_equal(wire, memory + OUT + HDR, 60);
	}
	assert_int_equal(frames, 10);
}

static void bad(void)
{
	uint64_t before = net.tx_bad;
	uint16_t used = used_idx(VNET_TX);

	submit_in(VNET_TX, 0);
	work();
	assert_int_equal(frames, 0);
	assert_int_equal(net.tx_bad, before + 1);
	assert_int_equal(used_idx(VNET_TX), (uint16_t)(used + 1));
	assert_false(needs_reset());
	memset(memory + OUT, 0, HDR);
}

static void test_bad_frames(void **state)
{
	(void)state;
	bring_up(F_CSUM);
	frame_lay(OUT + HDR, 1600);
	desc_in(VNET_TX, 0, OUT, 1, 0, 0);
	bad();
	desc_in(VNET_TX, 0, OUT, HDR + 13, 0, 0);
	bad();
	desc_in(VNET_TX, 0, OUT, HDR + 1519, 0, 0);
	bad();
	desc_in(VNET_TX, 0, OUT, HDR + 60, NEXT, 1);
	desc_in(VNET_TX, 1, IN, 60, WRITE, 0);
	bad();
	desc_in(VNET_TX, 0, OUT, HDR + 60, 0, 0);
	memory[OUT + 1] = 1; /* segmentation */
	bad();
	memory[OUT] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	put16(OUT + 6, 60);
	bad();
	memory[OUT] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	put16(OUT + 6, 50);
	put16(OUT + 8, 9);
	bad();
	memory[OUT] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	put16(OUT + 6, 50);
	put16(OUT + 8, 8);
	submit_in(VNET_TX, 0);
	work();
	assert_int_equal(frames, 1);
	assert_true(last.csum.needed);
	assert_int_equal(last.csum.start, 50);
	assert_int_equal(last.csum.offset, 8);
	frames = 0;
	bring_up(0); /* without the feature */
	put16(USED + QUEUE_STEP + 2, 0);
	memory[OUT] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	bad();
}

static void test_forged(void **state)
{
	(void)state;
	bring_up(0);
	frame_lay(OUT + HDR, 60);
	memcpy(memory + OUT + HDR + 6, other_mac, 6);
	other.has_mac = true;
	memcpy(other.mac, other_mac, 6);
	desc_in(VNET_TX, 0, OUT, HDR + 60, 0, 0);
	submit_in(VNET_TX, 0);
	work();
	assert_int_equal(frames, 0);
	assert_int_equal(net.port.count.refused, 1);
	assert_int_equal(used_idx(VNET_TX), 1);
}

static void came(unsigned i, uint32_t len, unsigned buffers)
{
	uint32_t at = IN + i * IN_STEP;

	assert_int_equal(get16(at + 10), buffers);
	for (unsigned n = 12; n < len; n++)
		assert_int_equal(memory[at + HDR + n], byte_of(n));
}

static void test_receives(void **state)
{
	(void)state;
	bring_up(0);
	arrive(60, none, false); /* no buffer */
	assert_int_equal(net.rx_dropped, 1);
	for (unsigned i = 0; i < 40; i++) { /* round the ring */
		buffer(i % 8, 1530);
		arrive(60 + i, none, true);
		assert_int_equal(used_idx(VNET_RX), i + 1);
		assert_int_equal(used_len(VNET_RX, i % 8), HDR + 60 + i);
		came(i % 8, 60 + i, 1);
		assert_int_equal(memory[IN + i % 8 * IN_STEP], 0); /* flags */
	}
	buffer(0, 1530);
	arrive(1518, none, false);
	came(0, 1518, 1);
	assert_int_equal(net.rx_dropped, 1);
}

/* A buffer that is too small waits for a frame that it has room for. */
static void test_small_buffer(void **state)
{
	(void)state;
	bring_up(0);
	buffer(0, HDR + 100);
	arrive(101, none, false);
	assert_int_equal(net.rx_dropped, 1);
	assert_int_equal(used_idx(VNET_RX), 0);
	arrive(100, none, false);
	assert_int_equal(used_idx(VNET_RX), 1);
	came(0, 100, 1);
}

static void test_merges(void **state)
{
	(void)state;
	bring_up(F_MRG_RXBUF);
	for (unsigned i = 0; i < 3; i++)
		buffer(i, 100);
	arrive(289, none, false);
	assert_int_equal(net.rx_dropped, 1);
	assert_int_equal(used_idx(VNET_RX), 0);
	arrive(240, none, false);
	assert_int_equal(used_idx(VNET_RX), 3);
	assert_int_equal(get16(IN + 10), 3);
	assert_int_equal(used_len(VNET_RX, 0), 100);
	assert_int_equal(used_len(VNET_RX, 1), 100);
	assert_int_equal(used_len(VNET_RX, 2), 52);
	for (unsigned n = 12; n < 240; n++) {
		unsigned at = n + HDR;

		assert_int_equal(memory[IN + at / 100 * IN_STEP + at % 100],
				 byte_of(n));
	}
	buffer(3, 112);
	arrive(100, none, false);
	came(3, 100, 1);
}

static void test_checksum(void **state)
{
	const struct net_csum csum = { true, 40, 4 };
	uint8_t want[60];

	(void)state;
	bring_up(F_GUEST_CSUM);
	buffer(0, 1530);
	arrive(60, csum, false);
	assert_int_equal(memory[IN], VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(get16(IN + 6), 40);
	assert_int_equal(get16(IN + 8), 4);
	came(0, 60, 1);
	buffer(0, 1530);
	arrive(60, none, true);
	assert_int_equal(memory[IN], VIRTIO_NET_HDR_F_DATA_VALID);
	bring_up(0); /* for one who cannot, it is computed */
	buffer(0, 1530);
	arrive(60, csum, false);
	assert_int_equal(memory[IN], 0);
	for (unsigned n = 0; n < 60; n++)
		want[n] = byte_of(n);
	net_csum_finish(want, 60, &csum);
	assert_memory_equal(memory + IN + HDR + 12, want + 12, 48);
}

static void breaks(void)
{
	assert_true(needs_reset());
	arrive(60, none, false);
	send(60);
	assert_int_equal(frames, 0);
	setup(NULL);
	bring_up(0);
}

static void test_unshared(void **state)
{
	(void)state;
	bring_up(0);
	unshared[OUT / 4096] = true;
	send(60);
	breaks();
	buffer(0, 1530);
	unshared[IN / 4096] = true;
	arrive(60, none, false);
	breaks();
	desc_in(VNET_RX, 0, IN + 4096 - 40, 200, WRITE, 0);
	submit_in(VNET_RX, 0);
	unshared[IN / 4096 + 1] = true;
	arrive(60, none, false);
	breaks();
	/* what is to be read where frames are to be written, and too little */
	desc_in(VNET_RX, 0, IN, 200, 0, 0);
	submit_in(VNET_RX, 0);
	arrive(60, none, false);
	breaks();
	desc_in(VNET_RX, 0, OUT, 20, NEXT, 1);
	desc_in(VNET_RX, 1, IN, 200, WRITE, 0);
	submit_in(VNET_RX, 0);
	arrive(60, none, false);
	breaks();
	buffer(0, 11);
	arrive(60, none, false);
	breaks();
}

static void test_not_ready(void **state)
{
	struct vnet twin = net;

	(void)state;
	arrive(60, none, false); /* before the driver is there */
	assert_int_equal(net.rx_dropped, 0);
	assert_false(vnet_init(&twin)); /* an address is there once */
	bring_up(0);
	buffer(0, 1530);
	reg(0x70, 0);
	arrive(60, none, false);
	assert_int_equal(used_idx(VNET_RX), 0);
}

static void test_noise(void **state)
{
	(void)state;
	srand(13);
	for (unsigned round = 0; round < 3000; round++) {
		setup(NULL);
		bring_up((uint32_t)rand() &
			 (F_CSUM | F_GUEST_CSUM | F_MRG_RXBUF));
		for (unsigned i = 0; i < 0x3000; i++)
			if (!(rand() % 40))
				memory[0x1000 + i] = (uint8_t)rand();
		for (unsigned i = 0; i < 4; i++) {
			buffer((unsigned)rand() % 8, (uint32_t)rand() % 2000);
			memory[OUT] = (uint8_t)rand();
			memory[OUT + 6] = (uint8_t)rand();
			send((uint32_t)rand() % 1600);
			arrive(14 + (uint32_t)rand() % 1500, none, false);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_registers, setup),
		cmocka_unit_test_setup(test_sends, setup),
		cmocka_unit_test_setup(test_pieces, setup),
		cmocka_unit_test_setup(test_bad_frames, setup),
		cmocka_unit_test_setup(test_forged, setup),
		cmocka_unit_test_setup(test_receives, setup),
		cmocka_unit_test_setup(test_small_buffer, setup),
		cmocka_unit_test_setup(test_merges, setup),
		cmocka_unit_test_setup(test_checksum, setup),
		cmocka_unit_test_setup(test_unshared, setup),
		cmocka_unit_test_setup(test_not_ready, setup),
		cmocka_unit_test_setup(test_noise, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
