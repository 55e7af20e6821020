/* SPDX-License-Identifier: BSD-2-Clause */
/* AHCI on a fake HBA: good, failing, short, silent, stuck, removed, lying. */
/* TEST-SRC: drivers/ahci.c drivers/ahci_port.c drivers/ata.c drivers/pci_msix.c drivers/pci.c drivers/block.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "drivers/fake_ahci.h"

static void test_works(void **state)
{
	(void)state;
	assert_true(ahci_matches(&pci));
	assert_null(start());
	assert_int_equal(fake_irq.kind, ENV_IRQ_LINE);
	assert_int_equal(fake_irq.device, 77);
	assert_int_equal(disk->sectors, SECTORS);
	assert_string_equal(disk->model, "Faked disk");
	assert_int_equal(config[PCI_COMMAND] & 6, 6);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(io(BLK_READ, i, 1024), BLK_OK);
		assert_memory_equal(data, hba.port[0].disk + i * 512, 1024);
	}
	memset(data, 0x5a, 512);
	assert_int_equal(io(BLK_WRITE, 3, 512), BLK_OK);
	assert_int_equal(hba.port[0].disk[3 * 512 + 511], 0x5a);
	assert_int_equal(io(BLK_FLUSH, 0, 0), BLK_OK);
	assert_int_equal(hba.flushes, 1);
	assert_int_equal(io(BLK_READ, SECTORS, 512), BLK_EINVAL);
	assert_true(fake_acks > 0);
	assert_true(ahci_stop(&ahci));
}

static void test_ports(void **state)
{
	(void)state;
	assert_null(start());
	assert_null(ahci_disk_start(&ahci, 1));
	assert_string_equal(ahci_disk_start(&ahci, PORT_CD), "not an ATA disk");
	assert_string_equal(ahci_disk_start(&ahci, PORT_EMPTY),
			    "no disk there");
	assert_string_equal(ahci_disk_start(&ahci, 4), "no disk there");
	assert_string_equal(ahci_disk_start(&ahci, 31), "no disk there");
	disk = &ahci.port[1].blk;
	assert_int_equal(io(BLK_READ, 7, 512), BLK_OK);
	assert_memory_equal(data, hba.port[1].disk + 7 * 512, 512);
}

/* ---- many at once ---- */

#define MANY 40u

static struct blk_req many[MANY];
static struct blk_seg many_seg[MANY];
static enum blk_status result[MANY];
static unsigned finished;

static void count(struct blk_req *req, enum blk_status status)
{
	result[req - many] = status;
	finished++;
}

static void submit_many(unsigned n)
{
	finished = 0;
	for (unsigned i = 0; i < n; i++) {
		many_seg[i] =
			(struct blk_seg){ data + i % 16 * 512,
					  dev_addr(data_dev.v + i % 16 * 512),
					  512 };
		many[i] = (struct blk_req){ .op = BLK_READ,
					    .sector = i,
					    .nsegs = 1,
					    .seg = &many_seg[i],
					    .done = count };
		blk_submit(disk, &many[i]);
	}
}

static void settle(unsigned n)
{
	hba.port[0].silent = false;
	for (unsigned i = 0; i < 4 * n && finished < n; i++) {
		port_work(&hba.port[0]);
		fake_interrupt();
	}
	assert_int_equal(finished, n);
}

static void test_many(void **state)
{
	(void)state;
	assert_null(start());
	hba.port[0].silent = true;
	submit_many(MANY);
	assert_int_equal(finished, 0);
	assert_int_equal(hba.port[0].ci, ~0u);
	settle(MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(result[i], BLK_OK);
}

/* Of several, only that which failed is told so, whatever PxCI shows. */
static void many_one_bad(bool forgets)
{
	assert_null(start());
	hba.port[0].silent = true;
	hba.port[0].bad_lba = 5;
	hba.port[0].forgets = forgets;
	submit_many(MANY);
	settle(MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(result[i], i == 5 ? BLK_EIO : BLK_OK);
	hba.port[0].bad_lba = 0;
	assert_int_equal(io(BLK_READ, 5, 512), BLK_OK);
	setup(NULL);
}

static void test_many_one_bad(void **state)
{
	(void)state;
	many_one_bad(false);
	many_one_bad(true);
}

/* ---- data that the HBA does not reach ---- */

static void test_bounce(void **state)
{
	struct blk_seg seg = { .len = 512 };
	struct blk_req req = { .op = BLK_READ,
			       .sector = 9,
			       .nsegs = 1,
			       .seg = &seg,
			       .done = count };

	(void)state;
	assert_null(start());
	seg.va = data + 1;
	seg.dev = dev_addr(data_dev.v + 1); /* odd */
	finished = 0;
	many[0] = req;
	blk_submit(disk, &many[0]);
	settle(1);
	assert_int_equal(result[0], BLK_OK);
	assert_memory_equal(data + 1, hba.port[0].disk + 9 * 512, 512);
	hba.cap &= ~CAP_S64A;
	assert_null(start());
	seg.dev = dev_addr((1ull << 32) - 256); /* across 4 GiB */
	seg.va = data;
	memset(data, 0xa5, 512);
	for (unsigned i = 0; i < 2; i++) { /* the second one has to wait */
		many[i] = req;
		many[i].op = BLK_WRITE;
		many[i].sector = 20 + i;
		hba.port[0].silent = true;
		blk_submit(disk, &many[i]);
	}
	finished = 0;
	settle(2);
	assert_int_equal(hba.port[0].disk[20 * 512], 0xa5);
	assert_int_equal(hba.port[0].disk[21 * 512 + 511], 0xa5);
	fake_no_copy = true; /* the guest took its memory back */
	finished = 0;
	blk_submit(disk, &many[0]);
	assert_int_equal(finished, 1);
	assert_int_equal(result[0], BLK_EIO);
	many[0].op = BLK_READ;
	blk_submit(disk, &many[0]);
	finished = 0;
	settle(1);
	assert_int_equal(result[0], BLK_EIO);
}

/* ---- faults ---- */

static void test_errors(void **state)
{
	struct fake_port *p = &hba.port[0];

	(void)state;
	assert_null(start());
	for (unsigned df = 0; df < 2; df++) {
		p->bad_lba = 7;
		p->df = df;
		assert_int_equal(io(BLK_READ, 6, 1024), BLK_EIO);
		assert_int_equal(io(BLK_WRITE, 7, 512), BLK_EIO);
		assert_int_equal(io(BLK_FLUSH, 0, 0), BLK_EIO);
		assert_int_equal(io(BLK_READ, 8, 512), BLK_OK);
		p->bad_lba = 0;
		assert_int_equal(io(BLK_READ, 7, 512), BLK_OK);
	}
	p->short_by = 512;
	assert_int_equal(io(BLK_READ, 0, 1024), BLK_EIO);
	p->short_by = 0;
	assert_int_equal(io(BLK_READ, 0, 1024), BLK_OK);
	port_raise(p, IS_HBDS); /* while nothing runs */
	fake_interrupt();
	assert_int_equal(io(BLK_READ, 0, 1024), BLK_OK);
	p->bad_lba = 7;
	p->stuck = true; /* only an HBA reset helps, which is too much here */
	assert_int_equal(io(BLK_READ, 7, 512), BLK_EBROKEN);
	assert_true(disk->lost);
}

static void test_silent(void **state)
{
	struct fake_port *p = &hba.port[0];

	(void)state;
	assert_null(start());
	p->silent = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_ETIME);
	p->silent = false; /* it is back after the reset */
	assert_int_equal(io(BLK_READ, 0, 512), BLK_OK);
	p->silent = true;
	p->sulks = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
	assert_true(config[PCI_COMMAND] & PCI_COMMAND_MASTER);
}

/* A port that hangs takes the HBA along, but not the requests of the others. */
static void test_stuck_port(void **state)
{
	struct fake_port *p = &hba.port[0];

	(void)state;
	assert_null(start());
	assert_null(ahci_disk_start(&ahci, 1));
	disk = &ahci.port[1].blk;
	hba.port[1].silent = true;
	submit_many(3);
	disk = &ahci.port[0].blk;
	p->silent = p->stuck = true;
	many[10] = (struct blk_req){ .op = BLK_READ,
				     .sector = 1,
				     .nsegs = 1,
				     .seg = &many_seg[0],
				     .done = count };
	fake_now += BLK_TIMEOUT_NS / 2;
	blk_submit(disk, &many[10]);
	hba.resets = 0;
	blk_check(disk, fake_now + 2 * BLK_TIMEOUT_NS);
	assert_int_equal(hba.resets, 1);
	assert_int_equal(result[10], BLK_ETIME);
	assert_int_equal(finished, 1);
	hba.port[1].silent = p->silent = false;
	for (int i = 0; i < 10; i++) {
		port_work(&hba.port[1]);
		fake_interrupt();
	}
	assert_int_equal(finished, 4);
	for (int i = 0; i < 3; i++)
		assert_int_equal(result[i], BLK_OK);
	assert_int_equal(io(BLK_READ, 0, 512), BLK_OK);
	p->silent = p->stuck = hba.stuck = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
	/* it may still write: it is off the bus */
	assert_false(config[PCI_COMMAND] & PCI_COMMAND_MASTER);
}

/* The same, and another disk does not come back either. */
static void test_stuck_ports(void **state)
{
	(void)state;
	assert_null(start());
	assert_null(ahci_disk_start(&ahci, 1));
	hba.port[0].silent = hba.port[0].stuck = true;
	hba.port[1].removed = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_ETIME);
	assert_true(ahci.port[1].blk.lost);
	hba.port[0].silent = false;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_OK);
}

static void removal(uint32_t serr, uint32_t ssts, enum blk_status want)
{
	struct fake_port *p = &hba.port[0];

	assert_null(start());
	p->silent = true;
	submit_many(1);
	p->ssts = ssts;
	p->removed = !ssts;
	p->serr = serr;
	port_raise(p, 0);
	fake_interrupt();
	if (want == BLK_OK)
		settle(1);
	assert_int_equal(finished, 1);
	assert_int_equal(result[0], want);
	assert_int_equal(p->serr, 0);
	p->silent = false;
	assert_int_equal(io(BLK_READ, 0, 512), want);
	setup(NULL);
}

static void test_removed(void **state)
{
	(void)state;
	removal(1u << 16, 0, BLK_EBROKEN);
	removal(1u << 26, 0x123, BLK_EBROKEN); /* who knows which one it is */
	removal(1u << 16, 0x123, BLK_OK);      /* the link was away for long */
	assert_null(start());
	hba.port[0].silent = true; /* removed without a word */
	hba.port[0].removed = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
	setup(NULL);
	assert_null(start());
	hba.gone = true;
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
	assert_int_equal(io(BLK_READ, 0, 512), BLK_EBROKEN);
}

/* An HBA that writes noise into all that it can reach, and shows noise. */
static void test_noise(void **state)
{
	struct fake_port *p = &hba.port[0];

	(void)state;
	srand(5);
	for (int round = 0; round < 300; round++) {
		setup(NULL);
		assert_null(start());
		p->silent = true;
		submit_many(20);
		for (int i = 0; i < 20; i++) {
			uint8_t *area = fake_dma_at(p->list, 1024);

			if (!area)
				break; /* it has been reset */
			area[rand() % 1024] = (uint8_t)rand();
			p->ci ^= 1u << rand() % 32;
			p->tfd = (uint32_t)(rand() & rand());
			p->is = (uint32_t)(rand() & rand());
			if (rand() % 4 == 0)
				p->serr = 1u << (rand() % 2 ? 16 : 26);
			hba.is = (uint32_t)rand() | 1;
			fake_interrupt();
			if (rand() % 8 == 0)
				io(BLK_READ, 0, 512);
		}
		p->removed = true;
		blk_break(disk, "end of the round");
		assert_int_equal(finished, 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_works, setup),
		cmocka_unit_test_setup(test_ports, setup),
		cmocka_unit_test_setup(test_many, setup),
		cmocka_unit_test_setup(test_many_one_bad, setup),
		cmocka_unit_test_setup(test_bounce, setup),
		cmocka_unit_test_setup(test_errors, setup),
		cmocka_unit_test_setup(test_silent, setup),
		cmocka_unit_test_setup(test_stuck_port, setup),
		cmocka_unit_test_setup(test_stuck_ports, setup),
		cmocka_unit_test_setup(test_removed, setup),
		cmocka_unit_test_setup(test_noise, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
