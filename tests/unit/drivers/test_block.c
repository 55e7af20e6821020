/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests: what is refused, order, busy devices, time-outs, lost devices. */
/* TEST-SRC: drivers/block.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "block.h"
#include "drivers/fake_env.h"

static struct blk_dev dev;
static struct blk_req *started[128];
static unsigned nr_started, room, resets;
static bool reset_works;
static struct blk_req *amid; /* comes while a reset waits */

static enum blk_status start(struct blk_dev *d, struct blk_req *req)
{
	assert_ptr_equal(d, &dev);
	if (!room)
		return BLK_EBUSY;
	room--;
	started[nr_started++] = req;
	return BLK_OK;
}

static bool reset(struct blk_dev *d)
{
	unsigned before = nr_started;

	resets++;
	if (amid)
		blk_submit(d, amid);
	amid = NULL;
	assert_int_equal(nr_started, before);
	return reset_works;
}

static unsigned tells, told; /* how many were started at the last one */

static void tell(struct blk_dev *d)
{
	assert_ptr_equal(d, &dev);
	tells++;
	told = nr_started;
}

static const struct blk_ops ops = { start, tell, reset };

static int setup(void **state)
{
	(void)state;
	fake_env_reset();
	dev = (struct blk_dev){ .ops = &ops,
				.env = &fake_env,
				.driver = "fake",
				.sectors = 100,
				.max_segs = 4,
				.max_bytes = 8192 };
	nr_started = resets = tells = told = 0;
	room = 16;
	reset_works = true;
	amid = NULL;
	return 0;
}

struct result {
	unsigned calls;
	enum blk_status status;
};

static void done(struct blk_req *req, enum blk_status status)
{
	struct result *r = req->arg;

	r->calls++;
	r->status = status;
}

static struct blk_seg seg = { fake_dma, { FAKE_DMA_BASE }, 512 };

static struct blk_req request(struct result *r, uint64_t sector)
{
	*r = (struct result){ 0, BLK_OK };
	return (struct blk_req){ .op = BLK_READ,
				 .sector = sector,
				 .nsegs = 1,
				 .seg = &seg,
				 .done = done,
				 .arg = r };
}

static void refused(struct blk_req *req, struct result *r)
{
	blk_submit(&dev, req);
	assert_int_equal(r->calls, 1);
	assert_int_equal(r->status, BLK_EINVAL);
	assert_int_equal(nr_started, 0);
}

static void test_refused(void **state)
{
	struct result r;
	struct blk_req q = request(&r, 100);
	struct blk_seg segs[5] = { seg, seg, seg, seg, seg };

	(void)state;
	refused(&q, &r);
	q = request(&r, UINT64_MAX);
	refused(&q, &r);
	q = request(&r, 0);
	q.nsegs = 0;
	refused(&q, &r);
	q = request(&r, 0);
	q.nsegs = 5;
	q.seg = segs;
	refused(&q, &r);
	q = request(&r, 0);
	q.nsegs = 2;
	q.seg = segs;
	segs[1].len = 0;
	refused(&q, &r);
	segs[1].len = 511;
	q = request(&r, 0);
	q.nsegs = 2;
	q.seg = segs;
	refused(&q, &r);
	segs[0].len = 16384;
	q = request(&r, 0);
	q.seg = segs;
	refused(&q, &r);
	q = request(&r, 0);
	q.op = BLK_FLUSH;
	refused(&q, &r);
	dev.read_only = true;
	q = request(&r, 0);
	q.op = BLK_WRITE;
	refused(&q, &r);
}

static void test_busy_keeps_order(void **state)
{
	struct result r[4];
	struct blk_req q[4];

	(void)state;
	room = 1;
	for (unsigned i = 0; i < 4; i++) {
		q[i] = request(&r[i], i);
		blk_submit(&dev, &q[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(nr_started, i + 1);
		assert_ptr_equal(started[i], &q[i]);
		room = 1;
		blk_complete(&dev, &q[i], i == 2 ? BLK_EIO : BLK_OK);
		assert_int_equal(r[i].calls, 1);
		assert_int_equal(r[i].status, i == 2 ? BLK_EIO : BLK_OK);
	}
	blk_complete(&dev, &q[0], BLK_OK); /* twice: nothing happens */
	assert_int_equal(r[0].calls, 1);
}

static bool is_there;
static unsigned looks;

static bool present(struct blk_dev *d)
{
	assert_ptr_equal(d, &dev);
	looks++;
	return is_there;
}

/* Nobody looks at a device that answers; one that is slow is looked at now and
 * then, and given up as soon as it is gone. */
/* It hears of each request, or of many at once; not of none, and not when it is
 * given up. */
static void test_cork(void **state)
{
	struct result r[6];
	struct blk_req q[6];

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		q[i] = request(&r[i], i);
	blk_submit(&dev, &q[0]);
	assert_int_equal(tells, 1);
	blk_cork(&dev);
	blk_uncork(&dev);
	assert_int_equal(tells, 1);
	blk_cork(&dev);
	for (unsigned i = 1; i < 4; i++)
		blk_submit(&dev, &q[i]);
	assert_int_equal(tells, 1);
	blk_uncork(&dev);
	assert_int_equal(tells, 2);
	assert_int_equal(told, 4);
	room = 0;
	blk_submit(&dev, &q[4]);
	assert_int_equal(tells, 2);
	room = 1;
	blk_complete(&dev, &q[0], BLK_OK);
	assert_int_equal(tells, 3);
	assert_int_equal(told, 5);
	room = 1;
	blk_cork(&dev);
	blk_submit(&dev, &q[5]);
	blk_break(&dev, "broken");
	blk_uncork(&dev);
	assert_int_equal(tells, 3);
}

/* In whatever order they end: each once, and the oldest is watched. */
static void test_any_order(void **state)
{
	static const unsigned order[] = { 2, 0, 5, 3, 1, 4 };
	struct result r[6];
	struct blk_req q[6];
	uint64_t began[6];

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		q[i] = request(&r[i], i);
		blk_submit(&dev, &q[i]);
		began[i] = fake_now;
	}
	for (unsigned i = 0; i < 6; i++) {
		unsigned oldest = 0;

		while (r[oldest].calls)
			oldest++;
		assert_int_equal(blk_check(&dev, fake_now),
				 began[oldest] + BLK_TIMEOUT_NS);
		blk_complete(&dev, &q[order[i]], BLK_OK);
		blk_complete(&dev, &q[order[i]], BLK_OK); /* a device's lie */
		assert_int_equal(r[order[i]].calls, 1);
	}
	assert_null(dev.running.first);
	assert_null(dev.running.last);
}

static void test_gone(void **state)
{
	struct result r[3];
	struct blk_req q[3];
	uint64_t next;

	(void)state;
	dev.present = present;
	is_there = true;
	looks = 0;
	room = 2;
	assert_int_equal(blk_check(&dev, fake_now), 0);
	for (unsigned i = 0; i < 3; i++) {
		q[i] = request(&r[i], i);
		blk_submit(&dev, &q[i]);
	}
	next = blk_check(&dev, fake_now);
	assert_in_range(next, fake_now + 1, fake_now + BLK_LOOK_NS);
	assert_int_equal(looks, 0);
	fake_now = next;
	assert_int_equal(blk_check(&dev, fake_now), next + BLK_LOOK_NS);
	assert_int_equal(blk_check(&dev, fake_now + 1), next + BLK_LOOK_NS);
	assert_int_equal(looks, 1);
	fake_now = next + BLK_LOOK_NS;
	is_there = false;
	assert_int_equal(blk_check(&dev, fake_now), 0);
	assert_int_equal(looks, 2);
	assert_true(dev.lost);
	for (unsigned i = 0; i < 3; i++) /* also the one that waited */
		assert_int_equal(r[i].status, BLK_EBROKEN);
	blk_submit(&dev, &q[0]);
	assert_int_equal(r[0].calls, 2);
	assert_int_equal(r[0].status, BLK_EBROKEN);
	assert_int_equal(looks, 2);
}

/* One that is there, but says nothing, is reset in the end. */
static void test_silent(void **state)
{
	struct result r;
	struct blk_req q = request(&r, 0);
	uint64_t end;

	(void)state;
	dev.present = present;
	is_there = true;
	looks = 0;
	blk_submit(&dev, &q);
	end = q.deadline;
	while (!r.calls) {
		uint64_t next = blk_check(&dev, fake_now);

		assert_true(r.calls || (next > fake_now && next <= end));
		fake_now = r.calls ? fake_now : next;
	}
	assert_int_equal(r.status, BLK_ETIME);
	assert_int_equal(fake_now, end);
	assert_in_range(looks, 29, 31);
	assert_int_equal(dev.restarts, 1);
	assert_false(dev.lost);
}

/* Counted, and told less and less often. */
static void test_errors(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct result r;
		struct blk_req q = request(&r, 0);

		room = 1;
		blk_submit(&dev, &q);
		blk_complete(&dev, &q, BLK_EIO);
		assert_int_equal(r.status, BLK_EIO);
	}
	assert_int_equal(dev.errors, 100);
	assert_int_equal(dev.requests, 100);
	assert_int_equal(fake_logs, 7); /* 1, 2, 4 ... 64 */
}

static void test_timeout(void **state)
{
	struct result r[2];
	struct blk_req q[2];

	(void)state;
	room = 1;
	for (unsigned i = 0; i < 2; i++) {
		q[i] = request(&r[i], i);
		blk_submit(&dev, &q[i]);
	}
	assert_true(blk_check(&dev, fake_now) > fake_now);
	room = 1;
	fake_now += BLK_TIMEOUT_NS;
	assert_true(blk_check(&dev, fake_now) > fake_now);
	assert_int_equal(resets, 1);
	assert_int_equal(r[0].status, BLK_ETIME);
	assert_int_equal(nr_started, 2);   /* the other one goes on */
	blk_complete(&dev, &q[0], BLK_OK); /* the late answer is ignored */
	assert_int_equal(r[0].calls, 1);
	blk_complete(&dev, &q[1], BLK_OK);
	assert_int_equal(r[1].status, BLK_OK);
	assert_int_equal(blk_check(&dev, fake_now), 0);
}

static void test_amid_reset(void **state)
{
	struct result r[2];
	struct blk_req q[2] = { request(&r[0], 0), request(&r[1], 1) };

	(void)state;
	blk_submit(&dev, &q[0]);
	amid = &q[1];
	blk_restart(&dev, "for a test");
	assert_int_equal(r[0].status, BLK_EIO);
	assert_int_equal(nr_started, 2);
	assert_int_equal(told, 2);
	assert_int_equal(r[1].calls, 0);
	reset_works = false;
	q[0] = request(&r[0], 0);
	amid = &q[0];
	blk_restart(&dev, "for a test");
	assert_int_equal(nr_started, 2);
	assert_int_equal(r[0].calls + r[1].calls, 2);
	assert_int_equal(r[0].status, BLK_EBROKEN);
}

static void test_lost(void **state)
{
	struct result r[3];
	struct blk_req q[3];

	(void)state;
	room = 1;
	for (unsigned i = 0; i < 2; i++) {
		q[i] = request(&r[i], i);
		blk_submit(&dev, &q[i]);
	}
	reset_works = false;
	fake_now += 2 * BLK_TIMEOUT_NS;
	assert_int_equal(blk_check(&dev, fake_now), 0);
	assert_true(dev.lost);
	q[2] = request(&r[2], 2);
	blk_submit(&dev, &q[2]);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(r[i].calls, 1);
		assert_int_equal(r[i].status, BLK_EBROKEN);
	}
}

static void answer(void) { blk_complete(&dev, started[0], BLK_OK); }

static void test_sync(void **state)
{
	(void)state;
	fake_idle = answer;
	assert_int_equal(blk_sync(&dev, BLK_READ, 0, fake_dma,
				  dev_addr(FAKE_DMA_BASE), 512),
			 BLK_OK);
	fake_idle = NULL; /* it never answers: time passes */
	nr_started = 0;
	assert_int_equal(blk_sync(&dev, BLK_READ, 0, fake_dma,
				  dev_addr(FAKE_DMA_BASE), 512),
			 BLK_ETIME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_busy_keeps_order, setup),
		cmocka_unit_test_setup(test_timeout, setup),
		cmocka_unit_test_setup(test_cork, setup),
		cmocka_unit_test_setup(test_any_order, setup),
		cmocka_unit_test_setup(test_gone, setup),
		cmocka_unit_test_setup(test_silent, setup),
		cmocka_unit_test_setup(test_errors, setup),
		cmocka_unit_test_setup(test_amid_reset, setup),
		cmocka_unit_test_setup(test_lost, setup),
		cmocka_unit_test_setup(test_sync, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
