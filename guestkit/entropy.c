/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio entropy front end: one request at a time, into one page. */
#include "kit/entropy.h"

#include "internal.h"
#include "kit/wait.h"
#include "virtio.h"

#define VIRTIO_ID_ENTROPY 4u
#define QUEUE_SIZE 2u
#define ANSWER_TIME (30 * KIT_SECOND)

struct kit_entropy {
	struct kit_virtio dev;
	uint8_t *page; /* shared */
	bool dead;
};

static void entropy_event(void *arg)
{
	kit_virtio_ack(&((struct kit_entropy *)arg)->dev);
}

static const char *entropy_start(struct kit_entropy *e, const char *name)
{
	const char *why = kit_virtio_open(&e->dev, name, VIRTIO_ID_ENTROPY, 0,
					  1, QUEUE_SIZE, entropy_event, e);

	if (why)
		return why;
	e->page = kit_shared_pages(1);
	if (!e->page)
		return "memory could not be shared";
	kit_virtio_ready(&e->dev);
	return NULL;
}

struct kit_entropy *kit_entropy_open(const char *name, const char **why)
{
	const struct pv_device *d = kit_device(NULL, PV_DEV_VIRTIO, name);
	const char *text = "there is no such device";
	struct kit_entropy *e = d ? kit_calloc(1, sizeof(*e)) : NULL;

	if (e)
		text = entropy_start(e, name);
	if (why)
		*why = text;
	return text ? NULL : e;
}

static bool submit(struct kit_entropy *e, uint32_t want)
{
	struct virtq_buf buf = { dev_addr(kit_gpa(e->page)), want, true };

	if (virtq_add(&e->dev.q[0], &buf, 1) < 0)
		return false;
	virtq_arm(&e->dev.q[0]);
	kit_virtio_kick(&e->dev, 0);
	return true;
}

/* The host partition has died and is back: what it had of us is forgotten. */
static bool again(struct kit_entropy *e, uint32_t want)
{
	if (kit_virtio_again(&e->dev))
		return false;
	kit_virtio_ready(&e->dev);
	return submit(e, want);
}

static bool answered(const struct kit_entropy *e)
{
	return e->dev.q[0].used->idx != e->dev.q[0].used_seen;
}

/* Until the answer is there; what the host partition had answered counts. */
static bool answer_wait(struct kit_entropy *e, uint32_t want)
{
	uint64_t until = kit_time_ns() + ANSWER_TIME;

	while (!answered(e)) {
		if (kit_virtio_lost(&e->dev)) {
			if (!again(e, want))
				return false;
		} else if (!kit_wait_until(answered(e) ||
						   kit_virtio_lost(&e->dev),
					   until)) {
			return false;
		}
	}
	return true;
}

/* How many bytes are in the page; 0: none come any more. A device that does not
 * answer may still write there. */
static uint32_t request(struct kit_entropy *e, uint32_t want)
{
	uint32_t len = 0;
	uint16_t head;

	e->dead = !submit(e, want) || !answer_wait(e, want) ||
		  virtq_take_len(&e->dev.q[0], &head, &len) <= 0 || !len ||
		  len > want;
	return e->dead ? 0 : len;
}

bool kit_entropy_read(struct kit_entropy *e, void *buf, size_t n)
{
	uint8_t *to = buf;

	while (n && !e->dead) {
		uint32_t got = request(e, n < KIT_ENTROPY_STEP ?
						  (uint32_t)n :
						  KIT_ENTROPY_STEP);

		__builtin_memcpy(to, e->page, got);
		__builtin_memset(e->page, 0, got);
		to += got;
		n -= got;
	}
	return !n;
}
