/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net over PCI on a fake device that fails, lies, is silent or gone. */
/* TEST-SRC: drivers/virtio_net.c drivers/virtio_pci.c drivers/pci_msix.c drivers/virtq.c drivers/pci.c drivers/net.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "drivers/fake_virtio_net.h"

static void dropped(struct virtio_net_hdr h, uint32_t len)
{
	uint64_t before = net.net.count.rx_errors;
	unsigned frames = received;

	arrive_as(h, 60, len);
	fake_interrupt();
	assert_int_equal(net.net.count.rx_errors, before + 1);
	assert_int_equal(received, frames);
	assert_false(net.net.lost);
}

static void test_bad_frames(void **state)
{
	struct virtio_net_hdr h = { .num_buffers = 1 };

	(void)state;
	assert_null(start());
	dropped(h, 0);
	dropped(h, 11);
	dropped(h, 12);
	dropped(h, 25);
	dropped(h, 12 + 1519);
	dropped(h, NET_BUFFER);
	h.gso_type = 1;
	dropped(h, 72);
	h.gso_type = 0;
	h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h.csum_start = 60;
	dropped(h, 72);
	h.csum_start = 50;
	h.csum_offset = 9;
	dropped(h, 72);
	h.csum_offset = 8;
	arrive_as(h, 60, 72);
	fake_interrupt();
	assert_int_equal(received, 1);
	assert_true(last.csum.needed);
	assert_int_equal(last.csum.start, 50);
	assert_int_equal(last.csum.offset, 8);
	h.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	arrive_as(h, 60, 72);
	fake_interrupt();
	assert_true(last.csum_good);
	assert_false(last.csum.needed);
}

static void broken(void)
{
	struct net_tx tx = tx_of(1);

	assert_true(net.net.lost);
	assert_false(net.net.link);
	assert_int_equal(dev.status, 0); /* it is reset */
	assert_int_equal(net_send(&net.net, &tx), NET_EBROKEN);
	assert_true(net_poll(&net.net, 1));
	net_flush(&net.net);
	fake_interrupt();
	setup(NULL);
}

static void test_lies(void **state)
{
	struct net_tx tx = tx_of(1);

	(void)state;
	assert_null(start());
	dev.wrong_id = true;
	arrive(60);
	fake_interrupt();
	assert_int_equal(received, 0);
	broken();
	assert_null(start());
	dev.wrong_idx = true;
	arrive(60);
	fake_interrupt();
	broken();
	assert_null(start());
	arrive_as((struct virtio_net_hdr){ 0 }, 60, NET_BUFFER + 1);
	fake_interrupt();
	broken();
	assert_null(start());
	dev.wrong_id = true;
	assert_int_equal(net_send(&net.net, &tx), NET_OK);
	net_flush(&net.net);
	fake_interrupt();
	assert_int_equal(end, NET_EBROKEN);
	assert_int_equal(ended, 1);
	broken();
}

static void test_silent(void **state)
{
	struct net_tx tx = tx_of(1);

	(void)state;
	assert_null(start());
	dev.silent = true;
	assert_int_equal(net_send(&net.net, &tx), NET_OK);
	net_flush(&net.net);
	assert_int_equal(net_check(&net.net, fake_now), tx.deadline);
	assert_int_equal(net_check(&net.net, tx.deadline), 0);
	assert_int_equal(end, NET_ERESET);
	assert_int_equal(dev.status, 15);
	dev.silent = false;
	tx = tx_of(1);
	assert_int_equal(net_send(&net.net, &tx), NET_OK);
	net_flush(&net.net);
	fake_interrupt();
	assert_int_equal(end, NET_OK);
}

static void test_restart(void **state)
{
	struct net_tx tx = tx_of(1);

	(void)state;
	assert_null(start());
	assert_int_equal(net_send(&net.net, &tx), NET_OK);
	dev.status |= VIRTIO_STATUS_NEEDS_RESET;
	fake_interrupt(); /* the line's: of the queues, says ISR */
	assert_int_equal(ended, 0);
	dev.isr = VIRTIO_PCI_ISR_CONFIG;
	fake_interrupt();
	assert_int_equal(end, NET_ERESET);
	assert_int_equal(dev.status, 15);
	assert_int_equal(net.net.count.restarts, 1);
	tx = tx_of(1);
	assert_int_equal(net_send(&net.net, &tx), NET_OK);
	net_flush(&net.net);
	arrive(60);
	fake_interrupt();
	assert_int_equal(end, NET_OK);
	assert_int_equal(received, 1);
	/* it does not come back */
	dev.status |= VIRTIO_STATUS_NEEDS_RESET;
	dev.stuck_reset = true;
	dev.isr = VIRTIO_PCI_ISR_CONFIG;
	fake_interrupt();
	assert_true(net.net.lost);
	assert_false(config[PCI_COMMAND] & PCI_COMMAND_MASTER);
}

static void test_gone(void **state)
{
	struct net_tx tx = tx_of(1);

	(void)state;
	assert_null(start());
	assert_int_equal(net_send(&net.net, &tx), NET_OK);
	dev.gone = true;
	fake_interrupt();
	assert_int_equal(end, NET_EBROKEN);
	assert_true(net.net.lost);
	assert_false(config[PCI_COMMAND] & PCI_COMMAND_MASTER);
	assert_string_equal(fake_said, "virtio-net: is gone; given up");
	assert_true(fake_now - tx.deadline + NET_TIMEOUT_NS < ENV_MS);
}

static void refused(const char *why)
{
	assert_string_equal(start(), why);
	fake_interrupt(); /* of another device on the line */
	setup(NULL);
}

static void test_refused(void **state)
{
	(void)state;
	dev.offered &= ~VIRTIO_NET_F_MAC;
	refused("lacks a feature that is needed");
	dev.config[0] |= 1;
	refused("has no usable address");
	memset(dev.config, 0, 6);
	refused("has no usable address");
	dev.offered |= VIRTIO_NET_F_MTU;
	dev.config[VIRTIO_NET_CONFIG_MTU] = 67;
	refused("has an MTU that is too small");
	dev.max = 1;
	refused("has no room for a frame");
	dev.max = 0;
	refused("has no usable queue");
	fake_no_irq = true;
	refused("its interrupt is refused");
	fake_no_memory = true;
	refused("no memory");
	fake_env.translated = true;
	refused("goes past the IOMMU: it lacks ACCESS_PLATFORM");
	config[PCI_STATUS] = 0;
	refused("not a modern virtio device");
	dev.offered |= VIRTIO_NET_F_MTU;
	dev.config[VIRTIO_NET_CONFIG_MTU + 1] = 4;
	assert_null(start());
	assert_int_equal(net.net.mtu, 1024);
	dev.config[VIRTIO_NET_CONFIG_MTU + 1] = 0x23;
	assert_null(start());
	assert_int_equal(net.net.mtu, 1500);
}

static void noise_rx(struct net_dev *d, const struct net_frame *f)
{
	(void)d;
	assert_in_range(f->len, NET_HEADER, NET_FRAME_MAX);
	received += f->data[f->len - 1]; /* under ASan */
}

/* A device that writes noise into all that it can reach. */
static void test_noise(void **state)
{
	static struct net_tx tx[20];

	(void)state;
	srand(7);
	for (int round = 0; round < 300; round++) {
		setup(NULL);
		assert_null(start());
		net.net.rx = noise_rx;
		dev.silent = true;
		for (unsigned i = 0; i < 20; i++) {
			unsigned q = (unsigned)rand() % 2;
			struct virtq_used *u = used_of(q);

			tx[i] = tx_of(1);
			net_send(&net.net, &tx[i]);
			u->flags = (uint16_t)rand();
			u->idx = (uint16_t)(u->idx + rand() % 3);
			u->ring[rand() % 16].id = (uint32_t)rand() % 17;
			u->ring[rand() % 16].len = (uint32_t)rand() % 2050;
			desc_at(q, (uint16_t)(rand() % 16))->addr = 1;
			dev.isr = (uint8_t)rand();
			fake_interrupt();
			if (rand() % 4 == 0)
				net_check(&net.net, fake_now += 1000 * ENV_MS);
		}
		net_break(&net.net, "enough");
		assert_null(net.net.first);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_bad_frames, setup),
		cmocka_unit_test_setup(test_lies, setup),
		cmocka_unit_test_setup(test_silent, setup),
		cmocka_unit_test_setup(test_restart, setup),
		cmocka_unit_test_setup(test_gone, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_noise, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
