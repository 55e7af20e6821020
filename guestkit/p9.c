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

static bool message_exchange(struct kit_folder *d)
{
	struct virtq_buf buf[2] = {
		{ dev_addr(kit_gpa(d->out)), d->len, false },
		{ dev_addr(kit_gpa(d->in)), P9_MSIZE, true }
	};
	struct virtq *q = &d->v.q[0];
	uint16_t head;

	if (virtq_add(q, buf, 2) < 0)
		return false;
	virtq_arm(q);
	kit_virtio_kick(&d->v, 0);
	if (!answered(d) &&
	    !kit_wait_until(answered(d), kit_time_ns() + ANSWER_TIME))
		return false;
	return virtq_take(q, &head) > 0;
}

/* The buffers are still the device's where it does not answer. */
int kit_p9_send(struct kit_folder *d)
{
	uint32_t len = d->len;
	unsigned type = d->out[4];

	if (d->dead || len >= P9_MSIZE)
		return -P9_EIO;
	d->len = 0;
	kit_p9_put(d, len, 4);
	d->len = len;
	d->dead = !message_exchange(d);
	d->at = 0;
	d->got = P9_HEADER;
	if (d->dead)
		return -P9_EIO;
	d->got = (uint32_t)kit_p9_get(d, 4);
	if (d->got < P9_HEADER || d->got > P9_MSIZE)
		return -P9_EIO;
	len = (uint32_t)kit_p9_get(d, 1);
	kit_p9_get(d, 2);
	if (len == RLERROR)
		return -(int)kit_p9_get(d, 4);
	return len == type + 1 ? 0 : -P9_EIO;
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
	return session_start(d);
}

struct kit_folder *kit_folder_open(const char *tag, const char **why)
{
	struct kit_folder *d = kit_calloc(1, sizeof(*d));
	const char *text = d ? folder_start(d, tag) : "no memory";

	if (why)
		*why = text;
	return text ? NULL : d;
}
