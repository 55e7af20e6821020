/* SPDX-License-Identifier: BSD-2-Clause */
/* The kit's block front end on a device that may forget all. */
/* TEST-SRC: guestkit/block.c drivers/virtq.c */
#include "fake_mmio.h"

#include "kit/block.h"
#include "virtio_blk.h"

#define NR 5u

const struct pv_device *kit_device(const struct pv_device *from, uint32_t type,
				   const char *name)
{
	static const struct pv_device d = { .irq = VIRTIO_ID_BLOCK,
					    .handle = BELL };

	return &d;
}

static struct kit_block *b;
static struct kit_block_req req[NR];
static uint8_t *buf[NR];
static unsigned served[8]; /* of each sector */

static int64_t blk_serve(unsigned queue, struct chain *c)
{
	const struct virtio_blk_hdr *h = kit_ptr(c->d[0].addr);

	assert_int_equal(c->nr, h->type == VIRTIO_BLK_T_FLUSH ? 2 : 3);
	served[h->sector]++;
	if (h->type == VIRTIO_BLK_T_IN)
		memset(kit_ptr(c->d[1].addr), (int)h->sector + 1, c->d[1].len);
	*(uint8_t *)kit_ptr(c->d[c->nr - 1].addr) = VIRTIO_BLK_S_OK;
	return 1;
}

static void begin_with(uint64_t features)
{
	const char *why;

	fake_begin(features);
	dev.config[0] = 8;
	serve = blk_serve;
	memset(served, 0, sizeof(served));
	b = kit_block_open("disk", &why);
	assert_null(why);
	assert_int_equal(kit_block_sectors(b), 8);
	for (unsigned i = 0; i < NR; i++) {
		buf[i] = kit_block_buffer(b, KIT_SECTOR);
		req[i] = (struct kit_block_req){ .op = KIT_BLOCK_READ,
						 .sector = i,
						 .buf = buf[i],
						 .n = KIT_SECTOR };
	}
	req[NR - 1] = (struct kit_block_req){ .op = KIT_BLOCK_FLUSH };
	for (unsigned i = 0; i < NR; i++)
		assert_true(kit_block_submit(b, &req[i]));
	kit_block_kick(b);
}

static void begin(void) { begin_with(VIRTIO_BLK_F_FLUSH); }

static unsigned ended(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < NR; i++)
		n += req[i].ended && req[i].ok;
	return n;
}

/* All end, each once, with the right bytes. */
static void finish(void)
{
	while (kit_block_poll(b))
		assert_true(device_run(0, 1));
	assert_int_equal(ended(), NR);
	for (unsigned i = 0; i + 1 < NR; i++)
		assert_int_equal(buf[i][KIT_SECTOR - 1], i + 1);
	assert_false(device_run(0, 1));
	assert_true(kit_block_read(b, 7, buf[0], KIT_SECTOR));
	assert_int_equal(buf[0][0], 8);
}

static void what_was_answered_counts(void **state)
{
	begin();
	assert_int_equal(device_run(0, 2), 2);
	host_dies();
	assert_int_equal(kit_block_poll(b), NR - 2);
	assert_int_equal(ended(), 2);
	finish();
	assert_int_equal(served[0], 2); /* with the flush */
	assert_int_equal(served[1], 1);
}

/* Nobody says that it is on the disk before the disk has it. */
static void a_write_is_given_anew(void **state)
{
	struct kit_block_req w = { .op = KIT_BLOCK_WRITE,
				   .sector = 6,
				   .n = KIT_SECTOR };

	begin();
	w.buf = buf[0];
	assert_true(kit_block_submit(b, &w));
	kit_block_kick(b);
	host_dies();
	kit_block_poll(b);
	assert_false(w.ended);
	while (kit_block_poll(b))
		assert_true(device_run(0, 1));
	assert_true(w.ended && w.ok);
	assert_int_equal(served[6], 1);
}

static void it_may_die_again_and_again(void **state)
{
	for (unsigned at = 1; at < 25; at++) {
		begin();
		assert_int_equal(device_run(0, at % NR), at % NR);
		host_dies();
		die_at_write = at;
		finish();
	}
}

static void it_may_die_while_one_waits(void **state)
{
	begin();
	finish();
	kit_block_submit(b, &req[0]);
	host_dies();
	assert_true(kit_block_flush(b));
	assert_int_equal(kit_block_poll(b), 0);
	assert_true(req[0].ended && req[0].ok);
}

static void another_device_is_none(void **state)
{
	begin();
	host_dies();
	dev.offers = 0; /* it is not VIRTIO 1 any more */
	kit_block_poll(b);
	assert_int_equal(dev.status, VIRTIO_STATUS_FAILED);
	assert_false(kit_block_submit(b, &req[0]));
}

static void a_lie_is_the_end(void **state)
{
	begin();
	chain_end(&dev.q[0], 1, 0);
	kit_block_poll(b);
	assert_false(kit_block_flush(b));
}

static uint16_t used_event(void)
{
	const struct virtq_avail *a = kit_ptr(dev.q[0].part[1]);

	return a->ring[dev.q[0].num];
}

/* Who waits for all is to be woken by the last answer, else by the next one. */
static void one_wakes_or_the_last(void **state)
{
	begin_with(VIRTIO_BLK_F_FLUSH | VIRTIO_F_EVENT_IDX);
	assert_int_equal(kit_block_poll(b), NR);
	assert_int_equal(used_event(), 0);
	assert_int_equal(device_run(0, 2), 2);
	assert_int_equal(kit_block_poll(b), NR - 2);
	assert_int_equal(used_event(), 2);
	dev.q[0].ready = 0; /* it stands still */
	assert_false(kit_block_finish(b, now + 2000000));
	assert_int_equal(used_event(), NR - 1);
	dev.q[0].ready = 1;
	assert_true(kit_block_finish(b, now + 10000000));
	assert_int_equal(ended(), NR);
}

/* With a handle of the notification's event a kick and a sleep are one call. */
static void a_kick_with_a_sleep(void **state)
{
	unsigned before;

	begin();
	finish();
	before = dev.notified;
	assert_true(kit_block_submit(b, &req[0]));
	assert_true(kit_block_finish(b, now + 10000000));
	assert_int_equal(dev.notified, before + 1);
	bell_works = true;
	nr_rung = 0;
	assert_true(kit_block_submit(b, &req[0]));
	assert_true(kit_block_finish(b, now + 10000000));
	assert_int_equal(dev.notified, before + 1);
	assert_int_equal(nr_rung, 1);
	bell_works = false;
	assert_true(kit_block_finish(b, now + 10000000)); /* nothing is to do */
	assert_int_equal(dev.notified, before + 1);
	assert_int_equal(nr_rung, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_answered_counts),
		cmocka_unit_test(a_write_is_given_anew),
		cmocka_unit_test(it_may_die_again_and_again),
		cmocka_unit_test(it_may_die_while_one_waits),
		cmocka_unit_test(another_device_is_none),
		cmocka_unit_test(a_lie_is_the_end),
		cmocka_unit_test(one_wakes_or_the_last),
		cmocka_unit_test(a_kick_with_a_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
