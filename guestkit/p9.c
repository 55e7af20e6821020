/* SPDX-License-Identifier: BSD-2-Clause */
/* The transport of 9P: one request in a queue of shared pages. */
#include "p9.h"

#include "internal.h"
#include "kit/mm.h"
#include "kit/wait.h"

#define VIRTIO_ID_9P 9u
#define F_MOUNT_TAG 1u
#define QUEUE_SIZE 16u
#define PAGES (P9_MSIZE / KIT_PAGE_SIZE)
#define ANSWER_TIME (60 * KIT_SECOND)
#define RLERROR 7u
#define TAG 0u
#define NO_TAG 0xffffu
#define NO_FID 0xffffffffu

/* ---- messages ---- */

void kit_p9_put(struct kit_folder *d, uint64_t value, unsigned bytes)
{
	for (; bytes && d->len < P9_MSIZE; bytes--, value >>= 8)
		d->out[d->len++] = (uint8_t)value;
}

void kit_p9_put_text(struct kit_folder *d, const char *text, size_t n)
{
	kit_p9_put(d, n, 2);
	if (n > P9_MSIZE - d->len)
		n = P9_MSIZE - d->len;
	__builtin_memcpy(d->out + d->len, text, n);
	d->len += (uint32_t)n;
}

void kit_p9_begin(struct kit_folder *d, unsigned type)
{
	d->len = 4;
	kit_p9_put(d, type, 1);
	kit_p9_put(d, type == P9_VERSION ? NO_TAG : TAG, 2);
}

const uint8_t *kit_p9_get_bytes(struct kit_folder *d, uint32_t n)
{
	const uint8_t *p = d->in + d->at;

	if (n > d->got - d->at)
		return NULL;
	d->at += n;
	return p;
}

uint64_t kit_p9_get(struct kit_folder *d, unsigned bytes)
{
	const uint8_t *p = kit_p9_get_bytes(d, bytes);
	uint64_t value = 0;

	for (unsigned i = 0; p && i < bytes; i++)
		value |= (uint64_t)p[i] << 8 * i;
	return value;
}

/* ---- the queue ---- */

static void folder_event(void *arg)
{
	struct kit_folder *d = arg;

	kit_virtio_ack(&d->v);
}

static bool answered(struct kit_folder *d)
{
	return d->v.q[0].used->idx != d->v.q[0].used_seen;
}

/* 1 when the device has answered, 0 when it is another one, -1 when it does not. */
static int message_exchange(struct kit_folder *d)
{
	struct virtq_buf buf[2] = {
		{ dev_addr(kit_gpa(d->out)), d->len, false },
		{ dev_addr(kit_gpa(d->in)), P9_MSIZE, true }
	};
	struct virtq *q = &d->v.q[0];
	uint16_t head;

	if (virtq_add(q, buf, 2) < 0)
		return -1;
	virtq_arm(q);
	kit_virtio_kick(&d->v, 0);
	if (!answered(d) &&
	    !kit_wait_until(answered(d) || kit_virtio_lost(&d->v),
			    kit_time_ns() + ANSWER_TIME))
		return -1;
	if (!answered(d))
		return 0;
	return virtq_take(q, &head) > 0 ? 1 : -1;
}

/* ---- sessions ---- */

static const char *session_start(struct kit_folder *d);

/* The host partition has died and is back, perhaps more than once meanwhile. */
static void renew(struct kit_folder *d)
{
	const char *why;

	d->renews = true;
	do {
		why = kit_virtio_again(&d->v);
		if (!why) {
			kit_virtio_ready(&d->v);
			why = session_start(d);
		}
		if (!why)
			kit_p9_reopen(d);
	} while (!d->dead && kit_virtio_lost(&d->v));
	d->renews = false;
	d->dead |= why != NULL;
}

static int lost(struct kit_folder *d)
{
	if (!d->renews)
		renew(d);
	return d->dead ? -P9_EIO : -P9_LOST;
}

/* What would do more, or fail, when it was done a second time. */
static bool is_once(unsigned type)
{
	return type == P9_LCREATE || type == P9_MKDIR || type == P9_REMOVE ||
	       type == P9_RENAMEAT;
}

/* 0: there is a reply, else the error. */
static int reply_get(struct kit_folder *d, unsigned type)
{
	uint32_t what;

	d->at = 0;
	d->got = P9_HEADER;
	d->got = (uint32_t)kit_p9_get(d, 4);
	if (d->got < P9_HEADER || d->got > P9_MSIZE)
		return -P9_EIO;
	what = (uint32_t)kit_p9_get(d, 1);
	kit_p9_get(d, 2);
	if (what == RLERROR)
		return -(int)kit_p9_get(d, 4);
	return what == type + 1 ? 0 : -P9_EIO;
}

/* The buffers are still the device's where it does not answer. */
int kit_p9_send(struct kit_folder *d)
{
	uint32_t len = d->len;
	unsigned type = d->out[4];
	int got;

	if (d->dead || len >= P9_MSIZE)
		return -P9_EIO;
	if (kit_virtio_lost(&d->v))
		return lost(d);
	d->len = 0;
	kit_p9_put(d, len, 4);
	d->len = len;
	got = message_exchange(d);
	d->dead = got < 0;
	if (got > 0)
		return reply_get(d, type);
	if (got < 0)
		return -P9_EIO;
	got = lost(d);
	return is_once(type) ? -P9_EIO : got;
}

/* ---- start ---- */

static const char *session_start(struct kit_folder *d)
{
	kit_p9_begin(d, P9_VERSION);
	kit_p9_put(d, P9_MSIZE, 4);
	kit_p9_put_text(d, "9P2000.L", 8);
	if (kit_p9_send(d))
		return "the server does not answer";
	d->msize = (uint32_t)kit_p9_get(d, 4);
	if (d->msize < 4096 || d->msize > P9_MSIZE || kit_p9_get(d, 2) != 8)
		return "the server has another protocol";
	kit_p9_begin(d, P9_ATTACH);
	kit_p9_put(d, P9_ROOT, 4);
	kit_p9_put(d, NO_FID, 4);
	kit_p9_put(d, 0, 2); /* neither user nor folder has a name */
	kit_p9_put(d, 0, 2);
	kit_p9_put(d, 0, 4);
	return kit_p9_send(d) ? "the server refused" : NULL;
}

static const char *folder_start(struct kit_folder *d, const char *tag)
{
	const char *why = kit_virtio_open(&d->v, tag, VIRTIO_ID_9P, F_MOUNT_TAG,
					  1, QUEUE_SIZE, folder_event, d);

	if (why)
		return why;
	d->out = kit_shared_pages(2 * PAGES);
	if (!d->out)
		return "memory could not be shared";
	d->in = d->out + P9_MSIZE;
	d->fids = 1u << P9_ROOT;
	kit_virtio_ready(&d->v);
	d->renews = true; /* this one does it here */
	why = session_start(d);
	d->renews = false;
	if (!kit_virtio_lost(&d->v))
		return why;
	renew(d);
	return d->dead ? "the server does not answer" : NULL;
}

struct kit_folder *kit_folder_open(const char *tag, const char **why)
{
	struct kit_folder *d = kit_calloc(1, sizeof(*d));
	const char *text = d ? folder_start(d, tag) : "no memory";

	if (why)
		*why = text;
	return text ? NULL : d;
}
