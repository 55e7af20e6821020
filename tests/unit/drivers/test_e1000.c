/* SPDX-License-Identifier: BSD-2-Clause */
/* The e1000 driver on a fake card: good, failing, lying, silent, gone. */
/* TEST-SRC: drivers/e1000.c drivers/net.c drivers/pci.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "drivers/fake_e1000.h"

/* ---- the tests ---- */

static struct e1000 net;
static struct pci_dev pci;
static unsigned received, received_len, dues, ended;
static enum net_status end;
static struct net_seg seg[NET_SEGS];
static uint8_t *data;

static void rx(struct net_dev *d, const struct net_frame *f)
{
	assert_ptr_equal(d, &net.net);
	received++;
	received_len = f->len;
	for (unsigned i = 0; i < f->len; i++)
		assert_int_equal(f->data[i], (uint8_t)(i * 5 + f->len));
}

static void due(struct net_dev *d)
{
	(void)d;
	dues++;
}

static void done(struct net_tx *tx, enum net_status status)
{
	(void)tx;
	ended++;
	end = status;
}

static int setup(void **state)
{
	(void)state;
	fake_env_reset();
	fake_read = mmio_read;
	fake_write = mmio_write;
	fake_in = in;
	fake_out = out;
	memset(&card, 0, sizeof(card));
	*reg(STATUS) = 2;
	pci = (struct pci_dev){ .vendor = 0x8086,
				.device = 0x100e,
				.handle = 33 };
	pci.bar[0] = (struct pci_bar){ BAR, 0x20000, false };
	received = dues = wire_frames = wire_len = 0;
	return 0;
}

static const char *start(void)
{
	const char *why = e1000_start(&net, &fake_env, &pci);
	dev_addr_t at;

	data = fake_env.dma_alloc(&fake_env, 4096, &at);
	net.net.rx = rx;
	for (unsigned i = 0; i < NET_SEGS && data; i++)
		seg[i] = (struct net_seg){ data + 100 * i,
					   dev_addr(at.v + 100 * i), 100 };
	return why;
}

static struct net_tx tx_of(unsigned nsegs)
{
	ended = 0;
	wire_len = 0;
	return (struct net_tx){ .nsegs = nsegs, .seg = seg, .done = done };
}

static void test_starts(void **state)
{
	(void)state;
	assert_true(e1000_matches(&pci));
	pci.device++;
	assert_false(e1000_matches(&pci));
	pci.device--;
	pci.vendor++;
	assert_false(e1000_matches(&pci));
	assert_null(start());
	assert_memory_equal(net.net.mac, mac, 6);
	assert_int_equal(*reg(RAL), 0x12005452);
	assert_int_equal(*reg(RAH), 0x80005634);
	assert_true(net.net.link);
	assert_int_equal(fake_irq.kind, ENV_IRQ_LINE);
	assert_int_equal(fake_irq.device, 33);
	assert_int_equal(card.command & 0x406, 6);
	assert_int_equal(*reg(RDLEN), 2048);
	assert_int_equal(*reg(RDT), E1000_RING - 1);
	assert_int_equal(*reg(CTRL) & 0x60, 0x60);
}

static void test_sends(void **state)
{
	struct net_tx tx;

	(void)state;
	assert_null(start());
	for (unsigned i = 0; i < 800; i++)
		data[i] = (uint8_t)(i ^ 0x55);
	for (unsigned i = 0; i < 100; i++) { /* round the ring */
		tx = tx_of(1 + i % NET_SEGS);
		assert_int_equal(net_send(&net.net, &tx), NET_OK);
		assert_int_equal(wire_len, 0);
		net_flush(&net.net);
		assert_int_equal(wire_len, 100 * tx.nsegs);
		assert_memory_equal(wire, data, wire_len);
		assert_int_equal(ended, 0);
		interrupts();
		assert_int_equal(ended, 1);
		assert_int_equal(end, NET_OK);
	}
	assert_int_equal(wire_frames, 100);
	card.tails = 0;
	net_flush(&net.net);
	assert_int_equal(card.tails, 0);
}

static void test_full(void **state)
{
	static struct net_tx tx[E1000_RING];
	unsigned n = 0;

	(void)state;
	assert_null(start());
	card.silent = true;
	for (; n < E1000_RING; n++) {
		tx[n] = tx_of(1);
		if (net_send(&net.net, &tx[n]) != NET_OK)
			break;
	}
	assert_int_equal(n, E1000_RING - 1);
	net_flush(&net.net);
	card.silent = false;
	for (unsigned i = 0; i < n; i++)
		tx_desc(i)->status = i != 2; /* one has not ended */
	assert_true(net_poll(&net.net, 1));
	assert_int_equal(ended, 2);
	tx_desc(2)->status = 1;
	assert_true(net_poll(&net.net, 1));
	assert_int_equal(ended, n);
	tx[0] = tx_of(2);
	assert_int_equal(net_send(&net.net, &tx[0]), NET_OK);
}

/* What was not yet given away cannot have been sent, whatever its status. */
static void test_not_told(void **state)
{
	struct net_tx tx = tx_of(1);

	(void)state;
	assert_null(start());
	assert_int_equal(net_send(&net.net, &tx), NET_OK);
	tx_desc(0)->status = 1;
	net_poll(&net.net, 1);
	assert_int_equal(ended, 0);
	net_flush(&net.net);
	net_poll(&net.net, 1);
	assert_int_equal(ended, 1);
}

static void test_receives(void **state)
{
	(void)state;
	assert_null(start());
	for (unsigned i = 0; i < 300; i++) { /* round the ring */
		arrive((uint16_t)(60 + i));
		interrupts();
		assert_int_equal(received, i + 1);
		assert_int_equal(received_len, 60 + i);
	}
	for (unsigned i = 0; i < E1000_RING - 1; i++)
		arrive(1518); /* all that there is room for */
	interrupts();
	assert_int_equal(received, 300 + E1000_RING - 1);
	assert_int_equal(net.net.count.rx_errors, 0);
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
	assert_int_equal(card.mask, 0);
	assert_false(net_poll(&net.net, 2));
	assert_false(net_poll(&net.net, 2));
	assert_int_equal(card.mask, 0);
	assert_true(net_poll(&net.net, 2));
	assert_int_equal(received, 5);
	assert_int_equal(card.mask, 0xd5);
	assert_int_equal(*reg(RDT), 4);
}

static void dropped(uint16_t len, uint8_t errors)
{
	uint64_t before = net.net.count.rx_errors;

	fill(len, 3, errors);
	interrupts();
	assert_int_equal(net.net.count.rx_errors, before + 1);
	assert_int_equal(received, 0);
}

static void test_bad_frames(void **state)
{
	(void)state;
	assert_null(start());
	dropped(0, 0);
	dropped(13, 0);
	dropped(1519, 0);
	dropped(2048, 0);
	for (unsigned bit = 0; bit < 8; bit++)
		dropped(60, (uint8_t)(1u << bit));
	/* one that takes three buffers is dropped once, up to its end */
	fill(2048, 1, 0);
	fill(2048, 1, 0);
	interrupts();
	dropped(100, 0);
	arrive(60);
	interrupts();
	assert_int_equal(received, 1);
	assert_false(net.net.lost);
}

static void broken(void)
{
	struct net_tx tx = tx_of(1);

	assert_true(net.net.lost);
	assert_int_equal(net_send(&net.net, &tx), NET_EBROKEN);
	fake_interrupt();
	net_flush(&net.net);
	assert_true(net_poll(&net.net, 1));
	setup(NULL);
}

static void test_lies(void **state)
{
	(void)state;
	assert_null(start());
	fill(2049, 3, 0);
	fake_interrupt();
	assert_int_equal(received, 0);
	assert_int_equal(*reg(RCTL), 0); /* it is reset */
	broken();
}

static void test_silent(void **state)
{
	struct net_tx tx = tx_of(1);

	(void)state;
	assert_null(start());
	card.silent = true;
	assert_int_equal(net_send(&net.net, &tx), NET_OK);
	net_flush(&net.net);
	assert_int_equal(net_check(&net.net, tx.deadline), 0);
	assert_int_equal(end, NET_ERESET);
	card.silent = false;
	assert_int_equal(*reg(RAL), 0x12005452);
	tx = tx_of(1);
	assert_int_equal(net_send(&net.net, &tx), NET_OK);
	net_flush(&net.net);
	arrive(60);
	interrupts();
	assert_int_equal(end, NET_OK);
	assert_int_equal(received, 1);
	card.stuck_reset = true;
	net_restart(&net.net, "test");
	assert_false(card.command & PCI_COMMAND_MASTER);
	broken();
}

static void test_gone(void **state)
{
	struct net_tx tx = tx_of(1);

	(void)state;
	assert_null(start());
	assert_int_equal(net_send(&net.net, &tx), NET_OK);
	card.gone = true;
	fake_interrupt();
	assert_int_equal(end, NET_EBROKEN);
	assert_false(card.command & PCI_COMMAND_MASTER);
	assert_string_equal(fake_said, "e1000: is gone; given up");
	assert_true(fake_now - tx.deadline + NET_TIMEOUT_NS < ENV_MS);
	broken();
}

static void test_link(void **state)
{
	struct net_tx tx = tx_of(1);

	(void)state;
	assert_null(start());
	*reg(STATUS) = 0;
	*reg(ICR) = LSC;
	interrupts();
	assert_false(net.net.link);
	assert_int_equal(net_send(&net.net, &tx), NET_EDOWN);
	*reg(STATUS) = 2;
	*reg(ICR) = LSC;
	interrupts();
	assert_true(net.net.link);
}

/* Another device's interrupt on the same line. */
static void test_shared_line(void **state)
{
	(void)state;
	assert_null(start());
	net.net.due = due;
	fake_acks = 0;
	fake_interrupt();
	assert_int_equal(dues, 0);
	assert_int_equal(fake_acks, 1);
	assert_int_equal(card.mask, 0xd5);
}

static void refused(const char *why)
{
	assert_string_equal(start(), why);
	fake_interrupt();
	setup(NULL);
}

static void test_refused(void **state)
{
	(void)state;
	pci.bar[0].size = 0x10000;
	refused("its registers cannot be mapped");
	pci.bar[0].base = 0;
	refused("its registers cannot be mapped");
	pci.bar[0].io = true;
	refused("its registers cannot be mapped");
	fake_no_memory = true;
	refused("no memory");
	card.stuck_reset = true;
	refused("does not come out of reset");
	card.gone = true;
	refused("does not come out of reset");
	card.no_eeprom = true;
	refused("its EEPROM does not answer");
	card.mac0 = 0x5453;
	refused("has no usable address");
	fake_no_irq = true;
	refused("its interrupt is refused");
}

static void noise_rx(struct net_dev *d, const struct net_frame *f)
{
	(void)d;
	assert_in_range(f->len, NET_HEADER, NET_FRAME_MAX);
	received += f->data[f->len - 1]; /* under ASan */
}

/* A card that writes noise into all that it can reach. */
static void test_noise(void **state)
{
	static struct net_tx tx[20];

	(void)state;
	srand(11);
	for (int round = 0; round < 200; round++) {
		setup(NULL);
		assert_null(start());
		net.net.rx = noise_rx;
		for (unsigned i = 0; i < 20; i++) {
			struct e1000_rx_desc *r = rx_desc(i);

			tx[i] = tx_of(1);
			card.silent = rand() & 1;
			net_send(&net.net, &tx[i]);
			if (rand() & 1)
				net_flush(&net.net);
			r->status = (uint8_t)rand();
			r->errors = rand() & 1 ? 0 : (uint8_t)rand();
			r->len = (uint16_t)(rand() % 2050);
			r->addr = 1;
			tx_desc((unsigned)rand() % 32)->status =
				(uint8_t)rand();
			*reg(ICR) = (uint32_t)rand();
			fake_interrupt();
		}
		net_break(&net.net, "enough");
		assert_null(net.net.first);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_starts, setup),
		cmocka_unit_test_setup(test_sends, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_not_told, setup),
		cmocka_unit_test_setup(test_receives, setup),
		cmocka_unit_test_setup(test_budget, setup),
		cmocka_unit_test_setup(test_bad_frames, setup),
		cmocka_unit_test_setup(test_lies, setup),
		cmocka_unit_test_setup(test_silent, setup),
		cmocka_unit_test_setup(test_gone, setup),
		cmocka_unit_test_setup(test_link, setup),
		cmocka_unit_test_setup(test_shared_line, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_noise, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
