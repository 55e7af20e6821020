/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kit's block front end asks for without data: zeroes, discards, the
 * disk's id. */
/* TEST-SRC: guestkit/block.c drivers/virtq.c */
#include "fake_mmio.h"

#include "kit/block.h"
#include "virtio_blk.h"

#define SECTORS 1024u
#define DISCARD_MOST 64u
#define ZEROES_MOST 16u
#define ALL (VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES)
#define NAME "a name of 20 bytes.."

static struct kit_block *b;
static uint8_t storage[SECTORS]; /* each sector's byte */
static unsigned nr[16];		 /* requests of each type */
static unsigned fail_at, die_at; /* the n-th request from now on; 0: none */

const struct pv_device *kit_device(const struct pv_device *from, uint32_t type,
				   const char *name)
{
	static const struct pv_device d = { .irq = VIRTIO_ID_BLOCK };

	return &d;
}

static void zero(const struct virtio_blk_range *r, uint32_t most, uint8_t with)
{
	assert_in_range(r->num_sectors, 1, most);
	assert_int_equal(r->flags, 0);
	memset(storage + r->sector, with, r->num_sectors);
}

static void data(const struct virtio_blk_hdr *h, const struct virtq_desc *d)
{
	uint32_t want = h->type == VIRTIO_BLK_T_GET_ID	     ? 20 :
			h->type == VIRTIO_BLK_T_DISCARD	     ? 16 :
			h->type == VIRTIO_BLK_T_WRITE_ZEROES ? 16 :
							       d->len;

	assert_int_equal(d->len, want);
	assert_int_equal(!!(d->flags & VIRTQ_DESC_WRITE),
			 h->type == VIRTIO_BLK_T_GET_ID);
	switch (h->type) {
	case VIRTIO_BLK_T_OUT:
		for (uint32_t i = 0; i < d->len; i++)
			assert_int_equal(((uint8_t *)kit_ptr(d->addr))[i], 0);
		memset(storage + h->sector, 0, d->len / KIT_SECTOR);
		break;
	case VIRTIO_BLK_T_DISCARD:
		zero(kit_ptr(d->addr), DISCARD_MOST, 2);
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		zero(kit_ptr(d->addr), ZEROES_MOST, 0);
		break;
	case VIRTIO_BLK_T_GET_ID:
		memcpy(kit_ptr(d->addr), NAME, 20);
		break;
	default:
		fail();
	}
}

static int64_t work(unsigned queue, struct chain *c)
{
	const struct virtio_blk_hdr *h = kit_ptr(c->d[0].addr);
	bool bad = fail_at && !--fail_at;

	nr[h->type]++;
	if (die_at && !--die_at)
		return -1;
	assert_int_equal(c->nr, 3);
	if (!bad)
		data(h, &c->d[1]);
	*(uint8_t *)kit_ptr(c->d[2].addr) = bad ? VIRTIO_BLK_S_IOERR :
						  VIRTIO_BLK_S_OK;
	return 1;
}

static void begin(uint64_t offers)
{
	const char *why;

	fake_begin(offers);
	dev.config[0] = SECTORS;
	dev.config[VIRTIO_BLK_CONFIG_DISCARD_SECTORS / 4] = DISCARD_MOST;
	dev.config[VIRTIO_BLK_CONFIG_ZEROES_SECTORS / 4] = ZEROES_MOST;
	serve = work;
	memset(nr, 0, sizeof(nr));
	memset(storage, 1, sizeof(storage));
	fail_at = die_at = 0;
	b = kit_block_open("disk", &why);
	assert_null(why);
}

/* Those of [from, to) hold that, all others what they did. */
static void holds(unsigned from, unsigned to, uint8_t what)
{
	for (unsigned i = 0; i < SECTORS; i++)
		assert_int_equal(storage[i], i >= from && i < to ? what : 1);
}

static void ranges_of_any_length(void **state)
{
	static const unsigned n[] = { 1, 16, 17, 64, 65, 200 };

	for (unsigned i = 0; i < 6; i++) {
		begin(ALL);
		assert_true(kit_block_write_zeroes(b, 5, n[i]));
		holds(5, 5 + n[i], 0);
		assert_int_equal(nr[VIRTIO_BLK_T_WRITE_ZEROES],
				 (n[i] + 15) / 16);
		begin(ALL);
		assert_true(kit_block_discard(b, SECTORS - n[i], n[i]));
		holds(SECTORS - n[i], SECTORS, 2);
		assert_int_equal(nr[VIRTIO_BLK_T_DISCARD], (n[i] + 63) / 64);
	}
}

static void what_is_no_range_is_refused(void **state)
{
	static const uint64_t bad[][2] = { { SECTORS, 1 },
					   { 0, SECTORS + 1 },
					   { UINT64_MAX, 2 },
					   { 2, UINT64_MAX } };

	for (unsigned ro = 0; ro < 2; ro++) {
		begin(ALL | (ro ? VIRTIO_BLK_F_RO : 0));
		for (unsigned i = 0; i < 4; i++) {
			assert_false(
				kit_block_discard(b, bad[i][0], bad[i][1]));
			assert_false(kit_block_write_zeroes(b, bad[i][0],
							    bad[i][1]));
		}
		assert_int_equal(kit_block_discard(b, 0, 1), !ro);
		assert_int_equal(kit_block_write_zeroes(b, 1, 1), !ro);
		assert_true(ro || kit_block_discard(b, SECTORS, 0));
		assert_int_equal(nr[VIRTIO_BLK_T_DISCARD] +
					 nr[VIRTIO_BLK_T_WRITE_ZEROES],
				 ro ? 0 : 2);
	}
}

/* Zeroes are written then; a discard is nothing that one has to wait for. */
static void a_device_may_lack_them(void **state)
{
	begin(0);
	assert_true(kit_block_write_zeroes(b, 3, 300));
	holds(3, 303, 0);
	assert_int_equal(nr[VIRTIO_BLK_T_OUT], 3);
	begin(0);
	assert_true(kit_block_discard(b, 3, 300));
	holds(0, 0, 0);
	begin(0);
	fail_at = 2;
	assert_false(kit_block_write_zeroes(b, 3, 300));
}

static void an_error_ends_it(void **state)
{
	begin(ALL);
	fail_at = 2;
	assert_false(kit_block_write_zeroes(b, 0, 64));
	holds(0, ZEROES_MOST, 0);
	fail_at = 1;
	assert_false(kit_block_discard(b, 0, 64));
	assert_true(kit_block_discard(b, 0, 64));
}

static void it_may_die_meanwhile(void **state)
{
	begin(ALL);
	die_at = 3;
	assert_true(kit_block_write_zeroes(b, 8, 64));
	holds(8, 72, 0);
	assert_int_equal(nr[VIRTIO_BLK_T_WRITE_ZEROES], 5);
}

static void the_id_is_a_string(void **state)
{
	char id[KIT_BLOCK_ID + 1];

	begin(ALL);
	assert_true(kit_block_id(b, id));
	assert_string_equal(id, NAME);
	fail_at = 1;
	assert_false(kit_block_id(b, id));
}

/* They are no operations for the queue. */
static void nobody_submits_them(void **state)
{
	struct kit_block_req r = { .n = KIT_SECTOR };

	begin(ALL);
	r.buf = kit_block_buffer(b, KIT_SECTOR);
	for (unsigned op = KIT_BLOCK_FLUSH; op < 8; op++) {
		r.op = op;
		assert_false(kit_block_submit(b, &r));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_of_any_length),
		cmocka_unit_test(what_is_no_range_is_refused),
		cmocka_unit_test(a_device_may_lack_them),
		cmocka_unit_test(an_error_ends_it),
		cmocka_unit_test(it_may_die_meanwhile),
		cmocka_unit_test(the_id_is_a_string),
		cmocka_unit_test(nobody_submits_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
