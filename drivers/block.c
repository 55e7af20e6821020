/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues, checks and times the requests of all disk drivers. */
#include "block.h"

static void list_add(struct blk_list *l, struct blk_req *req)
{
	req->next = NULL;
	req->prev = l->last;
	if (l->last)
		l->last->next = req;
	else
		l->first = req;
	l->last = req;
}

static void list_remove(struct blk_list *l, struct blk_req *req)
{
	if (req->prev)
		req->prev->next = req->next;
	else
		l->first = req->next;
	if (req->next)
		req->next->prev = req->prev;
	else
		l->last = req->prev;
}

static struct blk_req *list_take(struct blk_list *l)
{
	struct blk_req *req = l->first;

	if (req)
		list_remove(l, req);
	return req;
}

static void list_put_back(struct blk_list *l, struct blk_req *req)
{
	req->prev = NULL;
	req->next = l->first;
	if (l->first)
		l->first->prev = req;
	else
		l->last = req;
	l->first = req;
}

/* A disk completes its requests in any order. */
static void run_begin(struct blk_dev *dev, struct blk_req *req)
{
	list_add(&dev->running, req);
	req->running = true;
	dev->requests++;
}

static bool run_end(struct blk_dev *dev, struct blk_req *req)
{
	if (!req->running)
		return false; /* it was given up already */
	req->running = false;
	list_remove(&dev->running, req);
	return true;
}

static void say(struct blk_dev *dev, const char *what, const char *then)
{
	dev->env->log(dev->env, "%s: %s; %s",
		      dev->name ? dev->name : dev->driver, what, then);
}

static void fail_all(struct blk_list *l, enum blk_status status)
{
	struct blk_list all = *l;
	struct blk_req *req;

	*l = (struct blk_list){ NULL, NULL };
	while ((req = list_take(&all)) != NULL) {
		req->running = false;
		req->done(req, status);
	}
}

static enum blk_status request_check(const struct blk_dev *dev,
				     struct blk_req *req)
{
	uint64_t bytes = 0;
	uint64_t count;

	if (req->op == BLK_FLUSH) {
		req->bytes = 0;
		return req->nsegs ? BLK_EINVAL : BLK_OK;
	}
	if (req->op > BLK_FLUSH || !req->nsegs || req->nsegs > dev->max_segs)
		return BLK_EINVAL;
	for (uint32_t i = 0; i < req->nsegs; i++) {
		if (!req->seg[i].len)
			return BLK_EINVAL;
		bytes += req->seg[i].len;
	}
	if (bytes % BLK_SECTOR || bytes > dev->max_bytes)
		return BLK_EINVAL;
	count = bytes / BLK_SECTOR;
	if (count > dev->sectors || req->sector > dev->sectors - count)
		return BLK_EINVAL;
	if (req->op == BLK_WRITE && dev->read_only)
		return BLK_EINVAL;
	req->bytes = (uint32_t)bytes;
	return BLK_OK;
}

/* Tells the device of what was started, now or when it is uncorked. */
static void tell(struct blk_dev *dev)
{
	if (dev->corked)
		dev->untold = true;
	else if (dev->ops->tell && !dev->lost)
		dev->ops->tell(dev);
}

/* Starts what the device has room for; not recursive, though done() may
 * submit again. */
static void start_queued(struct blk_dev *dev)
{
	bool started = false;

	if (dev->starting)
		return;
	dev->starting = true;
	while (dev->queued.first && !dev->lost) {
		struct blk_req *req = list_take(&dev->queued);
		enum blk_status err;

		req->deadline = dev->env->now_ns(dev->env) + BLK_TIMEOUT_NS;
		run_begin(dev, req);
		err = dev->ops->start(dev, req);
		if (err == BLK_OK) {
			started = true;
			continue;
		}
		if (err != BLK_EBUSY) {
			blk_complete(dev, req, err);
			continue;
		}
		run_end(dev, req);
		dev->requests--;
		list_put_back(&dev->queued, req);
		break;
	}
	dev->starting = false;
	if (started)
		tell(dev);
}

void blk_uncork(struct blk_dev *dev)
{
	dev->corked = false;
	if (dev->untold) {
		dev->untold = false;
		tell(dev);
	}
}

void blk_submit(struct blk_dev *dev, struct blk_req *req)
{
	enum blk_status err = dev->lost ? BLK_EBROKEN : request_check(dev, req);

	if (err != BLK_OK) {
		req->done(req, err);
		return;
	}
	list_add(&dev->queued, req);
	start_queued(dev);
}

/* A line for each power of two: a bad disk must not fill the console. */
static void error_count(struct blk_dev *dev)
{
	dev->errors++;
	if (!(dev->errors & (dev->errors - 1)))
		dev->env->log(dev->env, "%s: %u failed requests",
			      dev->name ? dev->name : dev->driver, dev->errors);
}

void blk_complete(struct blk_dev *dev, struct blk_req *req,
		  enum blk_status status)
{
	if (!run_end(dev, req))
		return;
	if (status != BLK_OK)
		error_count(dev);
	req->done(req, status);
	if (dev->queued.first)
		start_queued(dev);
}

void blk_resume(struct blk_dev *dev) { start_queued(dev); }

void blk_break(struct blk_dev *dev, const char *why)
{
	if (dev->lost)
		return;
	dev->lost = true;
	say(dev, why, "given up");
	dev->ops->reset(dev);
	fail_all(&dev->running, BLK_EBROKEN);
	fail_all(&dev->queued, BLK_EBROKEN);
}

/* Handlers run while it waits: nothing is started meanwhile. */
static bool reset(struct blk_dev *dev)
{
	bool starting = dev->starting, ok;

	dev->starting = true;
	ok = dev->ops->reset(dev);
	dev->starting = starting;
	return ok;
}

static void restart(struct blk_dev *dev, enum blk_status status)
{
	dev->restarts++;
	if (!reset(dev)) {
		blk_break(dev, "does not come back from reset");
		return;
	}
	fail_all(&dev->running, status);
	start_queued(dev);
}

void blk_restart(struct blk_dev *dev, const char *why)
{
	if (dev->lost)
		return;
	say(dev, why, "reset");
	restart(dev, BLK_EIO);
}

/* Once the oldest request has taken a while, and again after such a while. */
static void look(struct blk_dev *dev, uint64_t now_ns)
{
	uint64_t first =
		dev->running.first->deadline - BLK_TIMEOUT_NS + BLK_LOOK_NS;

	if (dev->look < first)
		dev->look = first;
	if (now_ns < dev->look)
		return;
	dev->look = now_ns + BLK_LOOK_NS;
	if (!dev->present(dev))
		blk_break(dev, "is gone");
}

static uint64_t next_check(const struct blk_dev *dev)
{
	uint64_t deadline;

	if (!dev->running.first)
		return 0;
	deadline = dev->running.first->deadline;
	return dev->present && dev->look < deadline ? dev->look : deadline;
}

uint64_t blk_check(struct blk_dev *dev, uint64_t now_ns)
{
	if (dev->running.first && dev->present)
		look(dev, now_ns);
	if (dev->running.first && now_ns >= dev->running.first->deadline) {
		say(dev, "a request timed out", "reset");
		restart(dev, BLK_ETIME);
	}
	return next_check(dev);
}

bool blk_bounce(struct blk_dev *dev, const struct blk_req *req, uint8_t *bounce,
		bool to_request)
{
	struct env *e = dev->env;

	for (uint32_t i = 0; i < req->nsegs; i++) {
		const struct blk_seg *s = &req->seg[i];

		if (!e->copy(e, to_request ? s->va : bounce,
			     to_request ? bounce : s->va, s->len))
			return false;
		bounce += s->len;
	}
	return true;
}

struct sync {
	bool done;
	enum blk_status status;
};

static void sync_done(struct blk_req *req, enum blk_status status)
{
	struct sync *s = req->arg;

	s->status = status;
	s->done = true;
}

enum blk_status blk_sync(struct blk_dev *dev, enum blk_op op, uint64_t sector,
			 void *va, dev_addr_t dev_va, uint32_t bytes)
{
	struct env *e = dev->env;
	struct sync s = { false, BLK_OK };
	struct blk_seg seg = { va, dev_va, bytes };
	struct blk_req req = { .op = op,
			       .sector = sector,
			       .nsegs = op == BLK_FLUSH ? 0 : 1,
			       .seg = &seg,
			       .done = sync_done,
			       .arg = &s };

	blk_submit(dev, &req);
	while (!s.done) {
		uint64_t next = blk_check(dev, e->now_ns(e));

		if (!s.done)
			e->wait(e, next);
	}
	return s.status;
}
