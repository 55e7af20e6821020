/* SPDX-License-Identifier: BSD-2-Clause */
/* The kit's virtio-blk front end before a device that works, and one whose
 * answers are garbage. */
/* TEST-SRC: drivers/virtq.c */
#include "fake_mmio.h"

#define kit_irq_save() 0ull /* programs have no CLI */
#define kit_irq_restore(flags) ((void)(flags))
#include "guestkit/block.c"

#define SECTORS 4096u

static uint8_t storage[SECTORS * KIT_SECTOR];
static struct kit_block *disk;
static struct kit_block_req req[KIT_BLOCK_DEPTH];
static unsigned ends[KIT_BLOCK_DEPTH];
static uint8_t status_of_all;
const struct pv_device *kit_device(const struct pv_device *from, uint32_t type,
				   const char *name)
{
	static struct pv_device d;

	if (name) /* else it is that of the last time */
		d.irq = strcmp(name, "other") ? VIRTIO_ID_BLOCK : 99;
	return name && !strcmp(name, "nowhere") ? NULL : &d;
}

/* Does what the chain says; the length is that of what was written. */
static int64_t work(unsigned queue, struct chain *c)
{
	struct virtio_blk_hdr *h = kit_ptr(c->d[0].addr);
	uint8_t *at = storage + h->sector * KIT_SECTOR;
	struct virtq_desc *data = &c->d[1];
	bool reads = data->flags & VIRTQ_DESC_WRITE;

	assert_int_equal(c->d[0].len, sizeof(*h));
	assert_int_equal(c->d[c->nr - 1].len, 1);
	if (c->nr == 3)
		memcpy(reads ? kit_ptr(data->addr) : at,
		       reads ? at : kit_ptr(data->addr), data->len);
	*(uint8_t *)kit_ptr(c->d[c->nr - 1].addr) = status_of_all;
	return c->nr == 3 && reads ? data->len + 1 : 1;
}

/* Answers one; true: the driver wants to be told (VIRTIO 1.2, 2.7.7.2). */
static bool answer_one(void)
{
	struct dev_queue *q = &dev.q[0];
	const struct virtq_avail *a = kit_ptr(q->part[1]);
	const struct virtq_used *u = kit_ptr(q->part[2]);
	uint16_t event = a->ring[q->num];

	assert_int_equal(device_run(0, 1), 1);
	return virtq_need_event(event, u->idx, (uint16_t)(u->idx - 1));
}

static void device_wants_one_in(unsigned n)
{
	struct virtq_used *u = kit_ptr(dev.q[0].part[2]);

	*(uint16_t *)&u->ring[dev.q[0].num] = (uint16_t)(dev.q[0].seen + n - 1);
}

static void ended(struct kit_block_req *r) { ends[r - req]++; }

/* n reads, each of another sector. */
static unsigned submit(unsigned n)
{
	unsigned i = 0;

	for (; i < n; i++) {
		req[i] = (struct kit_block_req){ .op = KIT_BLOCK_READ,
						 .sector = i,
						 .buf = disk->buffers +
							i * KIT_SECTOR,
						 .n = KIT_SECTOR,
						 .done = ended };
		if (!kit_block_submit(disk, &req[i]))
			break;
	}
	return i;
}

static int setup(void **state)
{
	fake_begin(VIRTIO_BLK_F_FLUSH | VIRTIO_F_EVENT_IDX);
	dev.config[0] = SECTORS;
	serve = work;
	status_of_all = VIRTIO_BLK_S_OK;
	memset(ends, 0, sizeof(ends));
	for (unsigned i = 0; i < sizeof(storage); i++)
		storage[i] = (uint8_t)(i * 7 + i / KIT_SECTOR);
	disk = kit_block_open("there", NULL);
	assert_non_null(disk);
	return 0;
}

static int teardown(void **state)
{
	while (nr_kept)
		free(kept[--nr_kept]);
	return 0;
}

/* ---- a device that works ---- */

static void test_works(void **state)
{
	static uint8_t text[3 * KIT_BLOCK_MAX / 2], back[sizeof(text)];

	assert_int_equal(kit_block_sectors(disk), SECTORS);
	assert_false(kit_block_readonly(disk));
	memset(text, 0x5a, sizeof(text)); /* not shared: in two pieces */
	assert_true(kit_block_write(disk, 9, text, sizeof(text)));
	assert_true(kit_block_read(disk, 9, back, sizeof(back)));
	assert_memory_equal(text, back, sizeof(text));
	assert_memory_equal(storage + 9 * KIT_SECTOR, text, sizeof(text));
	assert_int_not_equal(storage[8 * KIT_SECTOR], 0x5a);
	assert_true(kit_block_flush(disk));
	assert_false(kit_block_read(disk, 0, back, 0));
	assert_false(kit_block_read(disk, 0, back, 100));
}

static void test_refused(void **state)
{
	const char *why = NULL;

	assert_null(kit_block_open("nowhere", &why));
	assert_non_null(why);
	assert_null(kit_block_open("other", &why));
	assert_non_null(why);
	dev.offers = 0; /* it is not VIRTIO 1 */
	assert_null(kit_block_open("there", &why));
	assert_non_null(why);
}

static void test_full(void **state)
{
	struct kit_block_req extra;

	assert_int_equal(submit(KIT_BLOCK_DEPTH), KIT_BLOCK_DEPTH);
	extra = req[0];
	extra.done = NULL;
	assert_false(kit_block_submit(disk, &extra));
	assert_int_equal(kit_block_poll(disk), KIT_BLOCK_DEPTH);
	assert_true(answer_one());
	assert_int_equal(kit_block_poll(disk), KIT_BLOCK_DEPTH - 1);
	assert_true(req[0].ended && req[0].ok && ends[0] == 1);
	assert_true(kit_block_submit(disk, &extra));
	device_run(0, QUEUE_SIZE);
	assert_int_equal(kit_block_poll(disk), 0);
	for (unsigned i = 1; i < KIT_BLOCK_DEPTH; i++)
		assert_true(req[i].ok && ends[i] == 1);
}

static void test_malformed(void **state)
{
	static uint8_t own[KIT_SECTOR];
	struct kit_block_req r = { .op = KIT_BLOCK_READ, .buf = disk->buffers };

	assert_false(kit_block_submit(disk, &r)); /* nothing */
	r.n = 100;
	assert_false(kit_block_submit(disk, &r));
	r.n = KIT_BLOCK_MAX + KIT_SECTOR;
	assert_false(kit_block_submit(disk, &r));
	r.n = KIT_SECTOR;
	r.buf = own; /* not shared */
	assert_false(kit_block_submit(disk, &r));
	r.buf = disk->buffers + BUFFER_PAGES * KIT_PAGE_SIZE - 1;
	assert_false(kit_block_submit(disk, &r));
	r = (struct kit_block_req){ .op = KIT_BLOCK_FLUSH, .n = 1 };
	assert_false(kit_block_submit(disk, &r));
	assert_int_equal(device_run(0, 1), 0);
}

/* Indices of 16 bits wrap; nobody misses a notification, or gets one that was not
 * asked for: the device wants each, then each fourth. */
static void test_wraps(void **state)
{
	for (unsigned i = 0; i < 150000; i++) {
		bool fourth = i >= 70000 && i % 4 != 3;

		if (i < 70000 || i % 4 == 0)
			device_wants_one_in(fourth ? 4 : 1);
		assert_int_equal(submit(1), 1);
		kit_block_kick(disk);
		assert_int_equal(kit_block_poll(disk), 1); /* and arms */
		assert_true(answer_one());
		assert_int_equal(kit_block_poll(disk), 0);
		assert_true(req[0].ok);
	}
	assert_int_equal(dev.notified, 70000 + 80000 / 4);
}

/* ---- one that does not ---- */

static void test_status(void **state)
{
	static const uint8_t bad[] = { VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_UNSUPP,
				       3, 0x80, STATUS_NONE };
	uint8_t buf[KIT_SECTOR];

	for (unsigned i = 0; i < sizeof(bad); i++) {
		status_of_all = bad[i];
		assert_false(kit_block_read(disk, 0, buf, sizeof(buf)));
		assert_false(kit_block_write(disk, 0, buf, sizeof(buf)));
		assert_false(kit_block_flush(disk));
	}
	status_of_all = VIRTIO_BLK_S_OK; /* it is not given up */
	assert_true(kit_block_read(disk, 0, buf, sizeof(buf)));
}

/* Lengths are the device's own: whatever it says, one request ends, once. */
static void test_lengths(void **state)
{
	static const uint32_t len[] = { 0,	    1,
					KIT_SECTOR, KIT_SECTOR + 2,
					0x7fffffff, 0xffffffff };

	for (unsigned i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		struct chain c;

		assert_int_equal(submit(1), 1);
		assert_true(chain_take(&dev.q[0], &c));
		work(0, &c);
		chain_end(&dev.q[0], c.head, len[i]);
		assert_int_equal(kit_block_poll(disk), 0);
		assert_int_equal(ends[0], i + 1);
	}
}

/* Two are under way, one of which ends; then it says that `id` has. */
static void gives_up(unsigned id)
{
	setup(NULL);
	assert_int_equal(submit(2), 2);
	assert_int_equal(device_run(0, 1), 1);
	kit_block_poll(disk);
	struct virtq_used *u = kit_ptr(dev.q[0].part[2]);

	u->ring[u->idx % QUEUE_SIZE] = (struct virtq_used_elem){ id, 1 };
	u->idx++;
	assert_int_equal(kit_block_poll(disk), 1);
	assert_int_equal(ends[0], 1);
	assert_int_equal(ends[1], 0);
	assert_int_equal(submit(1), 0);
	assert_false(kit_block_flush(disk));
	teardown(NULL);
}

static void test_lies(void **state)
{
	static const unsigned id[] = {
		0xffffffff,
		0x10000,
		QUEUE_SIZE,
		CHAIN * KIT_BLOCK_DEPTH,
		(KIT_BLOCK_DEPTH - 2) * CHAIN + 1, /* within one */
		(KIT_BLOCK_DEPTH - 1) * CHAIN,	   /* has ended already */
		0,				   /* was never begun */
	};
	struct virtq_used *u;

	teardown(NULL);
	for (unsigned i = 0; i < sizeof(id) / sizeof(id[0]); i++)
		gives_up(id[i]);
	setup(NULL);
	assert_int_equal(submit(1), 1);
	u = kit_ptr(dev.q[0].part[2]);
	for (unsigned i = 0; i < QUEUE_SIZE; i++)
		u->ring[i].id = (KIT_BLOCK_DEPTH - 1) * CHAIN;
	u->idx = QUEUE_SIZE + 1; /* more than there can be */
	assert_int_equal(kit_block_poll(disk), 1);
	assert_int_equal(ends[0], 0);
}

/* The buffers of one that does not answer in time stay its own. */
static void test_silent(void **state)
{
	uint8_t data[KIT_SECTOR];

	dev.q[0].ready = 0;
	assert_false(kit_block_read(disk, 0, data, sizeof(data)));
	assert_true(now >= ANSWER_TIME);
	now = 0;
	dev.q[0].ready = 1;
	assert_false(kit_block_read(disk, 0, data, sizeof(data)));
	assert_int_equal(now, 0); /* not once more */
}

/* Any content of the used ring: no request ends twice, and nothing else. */
static void test_noise(void **state)
{
	teardown(NULL);
	srand(3);
	for (unsigned round = 0; round < 500; round++) {
		setup(NULL);
		submit(KIT_BLOCK_DEPTH);
		for (unsigned i = 0; i < 200; i++) {
			struct virtq_used *u = kit_ptr(dev.q[0].part[2]);
			unsigned at = (unsigned)rand();

			u->ring[at % QUEUE_SIZE].id =
				rand() % 4 ? CHAIN * (at % KIT_BLOCK_DEPTH) :
					     (uint32_t)rand();
			u->ring[at % QUEUE_SIZE].len = (uint32_t)rand();
			u->idx = (uint16_t)(u->idx + rand() % 3);
			u->flags = (uint16_t)at;
			kit_block_poll(disk);
			kit_block_kick(disk);
		}
		for (unsigned i = 0; i < KIT_BLOCK_DEPTH; i++)
			assert_in_range(ends[i], 0, 1);
		teardown(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_works, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_wraps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_status, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lengths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_noise, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
