/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks, times and copies the frames of all network drivers. */
#include "net.h"

/* A frame of net_send_copy. */
struct net_bounce {
	struct net_tx tx; /* first */
	struct net_seg seg;
	struct net_bounce *next;
};

/* ---- frames ---- */

bool net_csum_ok(const struct net_csum *c, uint32_t len)
{
	return !c->needed ||
	       (c->start < len && (uint32_t)c->start + c->offset + 2 <= len);
}

/* RFC 1071; the place's content is part of the sum. */
void net_csum_finish(uint8_t *frame, uint32_t len, const struct net_csum *c)
{
	uint8_t *at = frame + c->start + c->offset;
	uint32_t sum = 0;

	for (uint32_t i = c->start; i + 1 < len; i += 2)
		sum += (uint32_t)frame[i] << 8 | frame[i + 1];
	if ((len - c->start) & 1)
		sum += (uint32_t)frame[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	if (!sum)
		sum = 0xffff; /* 0 would mean: none (RFC 768) */
	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

bool net_mac_usable(const uint8_t mac[NET_MAC])
{
	uint8_t any = 0;

	for (unsigned i = 0; i < NET_MAC; i++)
		any |= mac[i];
	return any && !net_mac_multicast(mac);
}

/* ---- what is being sent ---- */

static void list_add(struct net_dev *dev, struct net_tx *tx)
{
	tx->next = NULL;
	if (dev->last)
		dev->last->next = tx;
	else
		dev->first = tx;
	dev->last = tx;
}

/* Mostly the first one. */
static bool list_remove(struct net_dev *dev, struct net_tx *tx)
{
	struct net_tx *prev = NULL;
	struct net_tx *t = dev->first;

	while (t && t != tx) {
		prev = t;
		t = t->next;
	}
	if (!t)
		return false;
	if (prev)
		prev->next = t->next;
	else
		dev->first = t->next;
	if (dev->last == t)
		dev->last = prev;
	return true;
}

static void fail_all(struct net_dev *dev, enum net_status status)
{
	struct net_tx *tx = dev->first;

	dev->first = dev->last = NULL;
	while (tx) {
		struct net_tx *next = tx->next;

		dev->count.tx_errors++;
		tx->done(tx, status);
		tx = next;
	}
}

static enum net_status tx_check(const struct net_dev *dev, struct net_tx *tx)
{
	uint64_t bytes = 0;

	if (!tx->nsegs || tx->nsegs > NET_SEGS)
		return NET_EINVAL;
	for (uint32_t i = 0; i < tx->nsegs; i++) {
		if (!tx->seg[i].len)
			return NET_EINVAL;
		bytes += tx->seg[i].len;
	}
	if (bytes < NET_HEADER || bytes > dev->mtu + NET_HEADER + 4u)
		return NET_EINVAL;
	if (tx->csum.needed &&
	    (!dev->csum || !net_csum_ok(&tx->csum, (uint32_t)bytes)))
		return NET_EINVAL;
	tx->bytes = (uint32_t)bytes;
	return NET_OK;
}

enum net_status net_send(struct net_dev *dev, struct net_tx *tx)
{
	enum net_status err = tx_check(dev, tx);

	if (dev->lost)
		return NET_EBROKEN;
	if (err == NET_OK && !dev->link)
		err = NET_EDOWN;
	if (err == NET_OK)
		err = dev->ops->send(dev, tx);
	if (err == NET_OK) {
		tx->deadline = dev->env->now_ns(dev->env) + NET_TIMEOUT_NS;
		list_add(dev, tx);
	}
	dev->count.tx_busy += err == NET_EBUSY;
	return err;
}

void net_sent(struct net_dev *dev, struct net_tx *tx, enum net_status status)
{
	if (!list_remove(dev, tx))
		return; /* it was given up already */
	if (status == NET_OK) {
		dev->count.tx_frames++;
		dev->count.tx_bytes += tx->bytes;
		dev->hangs = 0;
	} else {
		dev->count.tx_errors++;
	}
	tx->done(tx, status);
}

void net_flush(struct net_dev *dev)
{
	if (!dev->lost)
		dev->ops->flush(dev);
}

/* ---- copies ---- */

bool net_init(struct net_dev *dev)
{
	struct env *e = dev->env;
	dev_addr_t at, frames;
	uint8_t *frame = e->dma_alloc(e, NET_BOUNCES * NET_BUFFER, &frames);

	_Static_assert(NET_FRAME_MAX <= NET_BUFFER, "a frame fits");
	dev->bounce = e->dma_alloc(e, NET_BOUNCES * sizeof(*dev->bounce), &at);
	if (!frame || !dev->bounce)
		return false;
	for (unsigned i = 0; i < NET_BOUNCES; i++) {
		struct net_bounce *b = &dev->bounce[i];

		b->seg.va = frame + i * NET_BUFFER;
		b->seg.dev = dev_addr(frames.v + i * NET_BUFFER);
		b->next = dev->bounce_free;
		dev->bounce_free = b;
	}
	return true;
}

static void bounce_done(struct net_tx *tx, enum net_status status)
{
	struct net_bounce *b = (struct net_bounce *)tx;
	struct net_dev *dev = tx->arg;

	(void)status;
	b->next = dev->bounce_free;
	dev->bounce_free = b;
}

static bool bounce_fill(struct net_dev *dev, struct net_bounce *b,
			const struct net_frame *f)
{
	if (!dev->env->copy(dev->env, b->seg.va, f->data, f->len))
		return false;
	b->seg.len = f->len;
	b->tx = (struct net_tx){ .nsegs = 1,
				 .seg = &b->seg,
				 .csum = f->csum,
				 .done = bounce_done,
				 .arg = dev };
	if (f->csum.needed && !dev->csum) {
		net_csum_finish(b->seg.va, f->len, &f->csum);
		b->tx.csum.needed = false;
	}
	return true;
}

enum net_status net_send_copy(struct net_dev *dev, const struct net_frame *f)
{
	struct net_bounce *b = dev->bounce_free;
	enum net_status err;

	if (f->len > NET_FRAME_MAX || !net_csum_ok(&f->csum, f->len))
		return NET_EINVAL;
	if (dev->lost)
		return NET_EBROKEN;
	if (!b) {
		dev->count.tx_busy++;
		return NET_EBUSY;
	}
	if (!bounce_fill(dev, b, f))
		return NET_EINVAL;
	err = net_send(dev, &b->tx);
	if (err == NET_OK)
		dev->bounce_free = b->next;
	return err;
}

/* ---- receiving ---- */

void net_receive(struct net_dev *dev, const struct net_frame *f)
{
	if (f->len < NET_HEADER || f->len > NET_FRAME_MAX ||
	    !net_csum_ok(&f->csum, f->len)) {
		dev->count.rx_errors++;
		return;
	}
	dev->count.rx_frames++;
	dev->count.rx_bytes += f->len;
	if (dev->rx)
		dev->rx(dev, f);
}

bool net_poll(struct net_dev *dev, unsigned budget)
{
	return dev->lost || dev->ops->poll(dev, budget);
}

void net_interrupt(struct net_dev *dev)
{
	if (dev->due) {
		dev->due(dev);
		return;
	}
	while (!net_poll(dev, NET_BUDGET))
		;
}

/* ---- trouble ---- */

static void say(struct net_dev *dev, const char *what, const char *then)
{
	dev->env->log(dev->env, "%s: %s; %s",
		      dev->name ? dev->name : dev->driver, what, then);
}

void net_break(struct net_dev *dev, const char *why)
{
	if (dev->lost)
		return;
	dev->lost = true;
	dev->link = false;
	say(dev, why, "given up");
	dev->ops->restart(dev);
	fail_all(dev, NET_EBROKEN);
}

void net_restart(struct net_dev *dev, const char *why)
{
	if (dev->lost)
		return;
	if (++dev->hangs > NET_HANGS) {
		net_break(dev, why);
		return;
	}
	say(dev, why, "restarted");
	dev->count.restarts++;
	if (!dev->ops->restart(dev)) {
		net_break(dev, "does not come back from reset");
		return;
	}
	fail_all(dev, NET_ERESET);
}

static void look(struct net_dev *dev, uint64_t now_ns)
{
	if (now_ns < dev->look)
		return;
	dev->look = now_ns + NET_LOOK_NS;
	if (!dev->present(dev))
		net_break(dev, "is gone");
}

static uint64_t next_check(const struct net_dev *dev)
{
	uint64_t deadline = dev->first ? dev->first->deadline : 0;

	if (dev->lost || !dev->present)
		return deadline;
	return deadline && deadline < dev->look ? deadline : dev->look;
}

uint64_t net_check(struct net_dev *dev, uint64_t now_ns)
{
	if (dev->present && !dev->lost)
		look(dev, now_ns);
	if (dev->first && now_ns >= dev->first->deadline)
		net_poll(dev, NET_BUDGET); /* perhaps nobody has looked */
	if (dev->first && now_ns >= dev->first->deadline)
		net_restart(dev, "does not send");
	return next_check(dev);
}
