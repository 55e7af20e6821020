/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-net over PCI on a fake device that does as it should. */
/* TEST-SRC: drivers/virtio_net.c drivers/virtio_pci.c drivers/pci_msix.c drivers/virtq.c drivers/pci.c drivers/net.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "drivers/fake_virtio_net.h"

static void test_starts(void **state)
{
	(void)state;
	assert_true(virtio_net_matches(&pci));
	pci.device = VIRTIO_PCI_BLK_MODERN;
	assert_false(virtio_net_matches(&pci));
	assert_null(start());
	assert_int_equal(dev.status, 15);
	assert_int_equal(dev.taken, dev.offered);
	assert_memory_equal(net.net.mac, mac, 6);
	assert_int_equal(net.net.mtu, 1500);
	assert_true(net.net.link);
	assert_false(net.net.csum);
	assert_int_equal(config[PCI_COMMAND] & 6, 6);
	assert_int_equal(avail_of(RX)->idx, 16); /* all buffers are there */
}

static void test_sends(void **state)
{
	struct net_tx tx = tx_of(3);

	(void)state;
	assert_null(start());
	for (unsigned i = 0; i < 300; i++)
		data[i] = (uint8_t)(i ^ 0x55);
	for (unsigned round = 0; round < 50; round++) { /* round the ring */
		tx = tx_of(1 + round % NET_SEGS);
		assert_int_equal(net_send(&net.net, &tx), NET_OK);
		net_flush(&net.net);
		assert_int_equal(wire_len, 100 * tx.nsegs);
		assert_memory_equal(wire, data, wire_len);
		assert_int_equal(wire_hdr.flags, 0);
		assert_int_equal(ended, 0); /* not from net_send */
		fake_interrupt();
		assert_int_equal(ended, 1);
		assert_int_equal(end, NET_OK);
	}
	assert_int_equal(net.net.count.tx_frames, 50);
	assert_int_equal(net.q[TX].free_count, 16);
	assert_null(net.net.first);
}

static void test_flush(void **state)
{
	struct net_tx tx[3];

	(void)state;
	assert_null(start());
	dev.kicks = 0;
	for (unsigned i = 0; i < 3; i++) {
		tx[i] = tx_of(1);
		assert_int_equal(net_send(&net.net, &tx[i]), NET_OK);
	}
	assert_int_equal(dev.kicks, 0);
	net_flush(&net.net);
	assert_int_equal(dev.kicks, 1);
	assert_int_equal(wire_frames, 3);
	net_flush(&net.net);
	assert_int_equal(dev.kicks, 1);
	/* an interrupt is wanted when the last one has ended */
	assert_true(net_poll(&net.net, 1));
	assert_int_equal(ended, 3);
}

static void test_full(void **state)
{
	struct net_tx tx[9];

	(void)state;
	assert_null(start());
	dev.silent = true;
	for (unsigned i = 0; i < 8; i++) {
		tx[i] = tx_of(1);
		assert_int_equal(net_send(&net.net, &tx[i]), NET_OK);
	}
	tx[8] = tx_of(1);
	assert_int_equal(net_send(&net.net, &tx[8]), NET_EBUSY);
	assert_int_equal(net.net.count.tx_busy, 1);
	dev.silent = false;
	net_flush(&net.net);
	assert_true(net_poll(&net.net, 1));
	assert_int_equal(ended, 8);
	assert_int_equal(net_send(&net.net, &tx[8]), NET_OK);
}

static void test_receives(void **state)
{
	(void)state;
	assert_null(start());
	for (unsigned i = 0; i < 50; i++) {
		arrive(60 + i);
		fake_interrupt();
		assert_int_equal(received, i + 1);
		assert_int_equal(received_len, 60 + i);
	}
	arrive(14);
	arrive(1518);
	fake_interrupt();
	assert_int_equal(received, 52);
	assert_int_equal(net.net.count.rx_frames, 52);
	assert_int_equal(net.net.count.rx_errors, 0);
	assert_int_equal(net.q[RX].free_count, 0); /* all are posted again */
	assert_true(fake_acks > 0);
}

static void test_budget(void **state)
{
	(void)state;
	assert_null(start());
	net.net.due = due;
	for (unsigned i = 0; i < 5; i++)
		arrive(60);
	fake_interrupt();
	assert_int_equal(dues, 1);
	assert_int_equal(received, 0); /* the owner says when */
	assert_false(net_poll(&net.net, 2));
	assert_int_equal(received, 2);
	assert_false(net_poll(&net.net, 2));
	assert_true(net_poll(&net.net, 2));
	assert_int_equal(received, 5);
}

static void test_no_event_idx(void **state)
{
	(void)state;
	dev.offered &= ~VIRTIO_F_EVENT_IDX;
	assert_null(start());
	net.net.due = due;
	arrive(60);
	fake_interrupt();
	assert_int_equal(avail_of(RX)->flags, VIRTQ_AVAIL_NO_INTERRUPT);
	assert_int_equal(avail_of(TX)->flags, VIRTQ_AVAIL_NO_INTERRUPT);
	assert_true(net_poll(&net.net, 9));
	assert_int_equal(avail_of(RX)->flags, 0);
	assert_int_equal(avail_of(TX)->flags, 0);
	assert_int_equal(received, 1);
}

static void test_checksum(void **state)
{
	struct net_tx tx = tx_of(1);

	(void)state;
	dev.offered |= VIRTIO_NET_F_CSUM;
	assert_null(start());
	assert_true(net.net.csum);
	tx.csum = (struct net_csum){ true, 40, 4 };
	assert_int_equal(net_send(&net.net, &tx), NET_OK);
	net_flush(&net.net);
	assert_int_equal(wire_hdr.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(wire_hdr.csum_start, 40);
	assert_int_equal(wire_hdr.csum_offset, 4);
}

static void link_set(uint8_t up)
{
	dev.config[VIRTIO_NET_CONFIG_STATUS] = up;
	dev.isr = VIRTIO_PCI_ISR_CONFIG;
	fake_interrupt();
}

static void test_link(void **state)
{
	struct net_tx tx = tx_of(1);

	(void)state;
	assert_null(start());
	link_set(0);
	assert_false(net.net.link);
	assert_int_equal(net_send(&net.net, &tx), NET_EDOWN);
	link_set(1);
	assert_true(net.net.link);
	assert_int_equal(net_send(&net.net, &tx), NET_OK);
}

/* Messages: one for the queues, one for the configuration if there is room. */
static void test_messages(void **state)
{
	(void)state;
	msix(TABLE | 4, 2);
	assert_null(start());
	assert_true(msix_is_on());
	assert_int_equal(fake_irq.kind, ENV_IRQ_MSI);
	assert_int_equal(fake_irq.index, 1); /* the one attached last */
	assert_int_equal(dev.q[RX].vector, 0);
	assert_int_equal(dev.q[TX].vector, 0);
	assert_int_equal(dev.config_vector, 1);
	for (unsigned i = 0; i < 8; i += 4) {
		assert_int_equal(dev.table[i], FAKE_MSI_ADDRESS);
		assert_int_equal(dev.table[i + 1], 0);
		assert_int_equal(dev.table[i + 2], FAKE_MSI_DATA);
		assert_int_equal(dev.table[i + 3], 0);
	}
	dev.config[VIRTIO_NET_CONFIG_STATUS] = 0;
	fake_interrupt(); /* that of the configuration */
	assert_false(net.net.link);

	setup(NULL);
	msix(TABLE | 4, 1);
	assert_null(start());
	assert_int_equal(fake_irq.index, 0);
	assert_int_equal(dev.config_vector, 0);
	dev.config[VIRTIO_NET_CONFIG_STATUS] = 0;
	arrive(60);
	fake_interrupt(); /* of both */
	assert_false(net.net.link);
	assert_int_equal(received, 1);
	assert_int_equal(dev.isr, 1); /* nobody has looked */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_starts, setup),
		cmocka_unit_test_setup(test_sends, setup),
		cmocka_unit_test_setup(test_flush, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_receives, setup),
		cmocka_unit_test_setup(test_budget, setup),
		cmocka_unit_test_setup(test_no_event_idx, setup),
		cmocka_unit_test_setup(test_checksum, setup),
		cmocka_unit_test_setup(test_link, setup),
		cmocka_unit_test_setup(test_messages, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
