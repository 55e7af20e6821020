/* SPDX-License-Identifier: BSD-2-Clause */
/* Several disks on one IDE controller: they share channels, or a line. */
/* TEST-SRC: drivers/ide.c drivers/ata.c drivers/pci.c drivers/block.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "drivers/fake_env.h"
#include "ide.h"

#define BM 0xc000u
#define NATIVE 0xd000u /* ports of channel n: + 0x100 * n; control: + 0x10 */
#define DRIVES 3u      /* the secondary slave is absent */
#define SECTORS 64u

/* ---- the controller: it answers when it is told to ---- */

static struct channel {
	uint8_t lba, count, device, command, ctl, bm_cmd, bm_status;
	uint32_t prdt;
	bool busy, irq;
	unsigned data_left, resets, runs;
} chan[2];

static uint8_t disk[DRIVES][SECTORS * 512];
static bool stuck; /* the primary channel does not come out of reset */
static bool late;  /* it had ended its command when the reset came */
static void (*irq_fn[2])(void *arg);
static void *irq_arg[2];
static unsigned attached;

static unsigned drive_of(unsigned ch)
{
	return 2 * ch + (chan[ch].device >> 4 & 1);
}

static uint16_t id_word(unsigned drive, unsigned i)
{
	switch (i) {
	case 27:
		return (uint16_t)('0' + drive) << 8 | ' ';
	case 49:
		return 1 << 8 | 1 << 9;
	case 83:
		return 1 << 10 | 1 << 13;
	case 100:
		return SECTORS;
	}
	return i > 27 && i < 47 ? 0x2020 : 0;
}

static void command(unsigned ch, uint8_t c)
{
	struct channel *h = &chan[ch];

	assert_false(h->busy); /* one at a time */
	assert_true(c == ATA_IDENTIFY || !(h->ctl & 2));
	if (drive_of(ch) >= DRIVES)
		return;
	h->command = c;
	h->data_left = c == ATA_IDENTIFY ? 256 : 0;
	h->busy = c != ATA_IDENTIFY;
}

static void finish(unsigned ch)
{
	struct channel *h = &chan[ch];

	if (!h->busy)
		return;
	if (h->command == ATA_READ_DMA_EXT) {
		uint64_t prd;

		assert_true(h->bm_cmd & 1);
		memcpy(&prd, fake_dma_at(h->prdt, 8), 8);
		memcpy(fake_dma_at((uint32_t)prd, 512),
		       disk[drive_of(ch)] + h->lba * 512, 512);
		h->bm_status |= 4;
	}
	h->busy = false;
	h->irq = !(h->ctl & 2);
	h->runs++;
}

static uint8_t status(unsigned ch)
{
	if (drive_of(ch) >= DRIVES)
		return 0;
	if (chan[ch].busy || (stuck && !ch && chan[ch].resets))
		return ATA_STATUS_BSY;
	return chan[ch].data_left ? 0x40 | ATA_STATUS_DRQ : 0x40;
}

static uint32_t reg_in(unsigned ch, unsigned reg)
{
	struct channel *h = &chan[ch];

	switch (reg) {
	case 0:
		assert_true(h->data_left);
		return id_word(drive_of(ch), 256 - h->data_left--);
	case 7:
		h->irq = false;
		return status(ch);
	}
	return 0;
}

static void reg_out(unsigned ch, unsigned reg, uint8_t v)
{
	switch (reg) {
	case 2:
		chan[ch].count = v;
		break;
	case 3:
		chan[ch].lba = v;
		break;
	case 6:
		assert_false(chan[ch].busy);
		chan[ch].device = v;
		break;
	case 7:
		command(ch, v);
		break;
	}
}

static void ctl_out(unsigned ch, uint8_t v)
{
	if (v & 4 && !(chan[ch].ctl & 4)) {
		chan[ch].resets++;
		chan[ch].busy = false;
		chan[ch].irq = late && !ch;
		chan[ch].bm_status |= chan[ch].irq ? 4 : 0;
	}
	chan[ch].ctl = v;
}

/* What a port is: 0 to 7 the registers, 8 the control port. */
static bool port_decode(uint16_t port, unsigned *ch, unsigned *reg)
{
	static const uint16_t base[4] = { 0x1f0, 0x170, NATIVE,
					  NATIVE + 0x100 };
	static const uint16_t ctl[4] = { 0x3f6, 0x376, NATIVE + 0x12,
					 NATIVE + 0x112 };

	for (unsigned i = 0; i < 4; i++) {
		*ch = i & 1;
		*reg = port == ctl[i] ? 8u : (unsigned)port - base[i];
		if (*reg <= 8)
			return true;
	}
	return false;
}

static uint32_t in(uint16_t port, unsigned size)
{
	unsigned ch, reg;

	(void)size;
	if (port_decode(port, &ch, &reg))
		return reg == 8 ? status(ch) : reg_in(ch, reg);
	if (port >= BM && port < BM + 16 && port % 8 == 2)
		return chan[port / 8 & 1].bm_status;
	return 0;
}

static void out(uint16_t port, unsigned size, uint32_t v)
{
	struct channel *h = &chan[port / 8 & 1];
	unsigned ch, reg;

	(void)size;
	if (port_decode(port, &ch, &reg)) {
		if (reg == 8)
			ctl_out(ch, (uint8_t)v);
		else
			reg_out(ch, reg, (uint8_t)v);
		return;
	}
	if (port < BM || port >= BM + 16)
		return;
	if (port % 8 == 0)
		h->bm_cmd = (uint8_t)v;
	else if (port % 8 == 2)
		h->bm_status &= (uint8_t) ~(v & 6);
	else
		h->prdt = v;
}

/* ---- under test ---- */

static struct ide_controller controller;
static struct pci_dev pci;
static uint8_t *data;
static dev_addr_t data_dev;

static bool irq_attach(struct env *e, struct env_irq *irq,
		       void (*fn)(void *arg), void *arg)
{
	unsigned n = irq->kind == ENV_IRQ_ISA ? irq->index - 14 : 0;

	(void)e;
	assert_true(n < 2);
	irq_fn[n] = fn;
	irq_arg[n] = arg;
	attached++;
	return true;
}

static void interrupts(void)
{
	for (unsigned ch = 0; ch < 2; ch++) {
		unsigned n = irq_fn[1] ? ch : 0; /* or the one line */

		if (chan[ch].irq && irq_fn[n])
			irq_fn[n](irq_arg[n]);
	}
}

static void idle(void)
{
	fake_now += ENV_MS;
	finish(0);
	finish(1);
	interrupts();
}

static int setup(void **state)
{
	(void)state;
	fake_env_reset();
	fake_in = in;
	fake_out = out;
	fake_idle = idle;
	fake_env.irq_attach = irq_attach;
	memset(chan, 0, sizeof(chan));
	memset(irq_fn, 0, sizeof(irq_fn));
	attached = 0;
	stuck = late = false;
	for (unsigned d = 0; d < DRIVES; d++)
		for (unsigned i = 0; i < sizeof(disk[d]); i++)
			disk[d][i] = (uint8_t)(i / 512 + 64 * d);
	pci = (struct pci_dev){ .class_code = 1,
				.subclass = 1,
				.progif = 0x80 };
	pci.bar[4] = (struct pci_bar){ BM, 16, true };
	return 0;
}

static struct blk_dev *drive(unsigned n)
{
	return &controller.ch[n / 2].disk[n % 2].blk;
}

static void start(void)
{
	char model[2] = "0";

	ide_start(&controller, &fake_env, &pci);
	for (unsigned n = 0; n < DRIVES; n++, model[0]++) {
		assert_null(ide_disk_start(&controller, n));
		assert_string_equal(drive(n)->model, model);
	}
	assert_string_equal(ide_disk_start(&controller, 3), IDE_NO_DISK);
	data = fake_env.dma_alloc(&fake_env, 8192, &data_dev);
}

static void read_all(void)
{
	for (unsigned n = 0; n < DRIVES; n++) {
		assert_int_equal(blk_sync(drive(n), BLK_READ, 5 + n, data,
					  data_dev, 512),
				 BLK_OK);
		assert_int_equal(data[0], 64 * n + 5 + n);
	}
}

/* ---- requests at the same time ---- */

static struct blk_req req[12];
static struct blk_seg seg[12];
static unsigned order[12], ended;
static enum blk_status result[12];

static void done(struct blk_req *r, enum blk_status s)
{
	result[r - req] = s;
	order[ended++] = (unsigned)(r - req);
}

static void submit(unsigned i, unsigned n)
{
	seg[i] = (struct blk_seg){ data + 512 * i,
				   dev_addr(data_dev.v + 512 * i), 512 };
	req[i] = (struct blk_req){ .op = BLK_READ,
				   .sector = i,
				   .nsegs = 1,
				   .seg = &seg[i],
				   .done = done };
	blk_submit(drive(n), &req[i]);
}

static void test_together(void **state)
{
	(void)state;
	start();
	assert_int_equal(attached, 2);
	read_all();
	ended = 0;
	for (unsigned i = 0; i < 12; i++)
		submit(i, i % 3);
	for (int i = 0; i < 20 && ended < 12; i++)
		idle();
	assert_int_equal(ended, 12);
	for (unsigned i = 0; i < 12; i++) {
		assert_int_equal(result[i], BLK_OK);
		assert_int_equal(data[512 * i], 64 * (i % 3) + i);
	}
	read_all();
}

/* Neither drive of a channel holds the other one up. */
static void test_turns(void **state)
{
	(void)state;
	start();
	ended = 0;
	for (unsigned i = 0; i < 6; i++)
		submit(i, i >= 3);
	for (int i = 0; i < 10; i++)
		idle();
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(order[i], i / 2 + 3 * (i % 2));
}

static void test_silent(void **state)
{
	(void)state;
	start();
	for (unsigned lost = 0; lost < 2; lost++) {
		ended = 0;
		submit(0, 0);
		submit(1, 1);
		stuck = lost;
		blk_check(drive(0), fake_now + 2 * BLK_TIMEOUT_NS);
		assert_int_equal(result[0], lost ? BLK_EBROKEN : BLK_ETIME);
		assert_int_equal(drive(0)->lost, lost);
		stuck = false;
		idle(); /* the slave's request went on */
		assert_int_equal(ended, 2);
		assert_int_equal(result[1], BLK_OK);
	}
	assert_int_equal(blk_sync(drive(1), BLK_READ, 0, data, data_dev, 512),
			 BLK_OK);
}

/* The interrupt comes amid the reset: it is too late, and nobody has the channel
 * before the reset is over. */
static void test_late(void **state)
{
	(void)state;
	start();
	ended = 0;
	submit(0, 0);
	submit(1, 1);
	submit(2, 0);
	late = true;
	blk_check(drive(0), fake_now + 2 * BLK_TIMEOUT_NS);
	late = false;
	assert_int_equal(ended, 1);
	assert_int_equal(result[0], BLK_ETIME);
	for (int i = 0; i < 3; i++)
		idle();
	assert_int_equal(ended, 3);
	assert_int_equal(result[1], BLK_OK);
	assert_int_equal(result[2], BLK_OK);
	late = true; /* and with nothing under way */
	blk_break(drive(0), "is gone");
	late = false;
	assert_int_equal(blk_sync(drive(1), BLK_READ, 5, data, data_dev, 512),
			 BLK_OK);
}

/* In native mode both channels have one line. */
static void test_native(void **state)
{
	(void)state;
	pci.progif = 0x85;
	for (unsigned n = 0; n < 2; n++) {
		pci.bar[2 * n] =
			(struct pci_bar){ NATIVE + 0x100 * n, 8, true };
		pci.bar[2 * n + 1] =
			(struct pci_bar){ NATIVE + 0x100 * n + 0x10, 4, true };
	}
	start();
	assert_int_equal(attached, 1);
	read_all();
	test_turns(state);
	pci.bar[2].size = 0;
	ide_start(&controller, &fake_env, &pci);
	assert_string_equal(ide_disk_start(&controller, 2), "has no ports");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_together, setup),
		cmocka_unit_test_setup(test_turns, setup),
		cmocka_unit_test_setup(test_silent, setup),
		cmocka_unit_test_setup(test_late, setup),
		cmocka_unit_test_setup(test_native, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
