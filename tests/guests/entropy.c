/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entropy device `e`: what it gives is not constant, and never twice the same;
 * requests that no front end makes get less, or break the device until it is reset.
 */
#include "check.h"
#include "guestkit/virtio.h" /* for those requests */
#include "kit/entropy.h"
#include "kit/mm.h"
#include "kit/wait.h"

#define BYTES 65536u
#define BITS (8 * BYTES)
#define SPREAD 2200u /* six times the deviation of fair bits, sqrt(BITS) / 2 */
#define ENTROPY 4u   /* VIRTIO 1.2, 5.4 */
#define SIZE 8u
#define PATIENCE (20 * KIT_SECOND)

static struct kit_entropy *source;

/* ---- by the front end ---- */

static unsigned bits_of(const uint8_t *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < BYTES; i++)
		for (unsigned b = p[i]; b; b &= b - 1)
			n++;
	return n;
}

/* How many of 16-byte blocks are like the one before. */
static unsigned repeats(const uint8_t *p)
{
	unsigned n = 0;

	for (unsigned i = 16; i < BYTES; i += 16)
		n += !memcmp(p + i, p + i - 16, 16);
	return n;
}

static void looks_random(const char *name, const uint8_t *p)
{
	unsigned bits = bits_of(p);

	check(bits > BITS / 2 - SPREAD && bits < BITS / 2 + SPREAD &&
		      !repeats(p),
	      name, "%u of %u bits, %u repeats", bits, BITS, repeats(p));
}

static bool in_pieces(uint8_t *to)
{
	size_t n, at = 0;

	for (unsigned i = 0; at < BYTES; i++, at += n) {
		n = i * 37 % 4999 + 1;
		if (n > BYTES - at)
			n = BYTES - at;
		if (!kit_entropy_read(source, to + at, n))
			return false;
	}
	return true;
}

static void reads(void)
{
	uint8_t *a = kit_pages_alloc(BYTES / KIT_PAGE_SIZE + 1);
	uint8_t *b = kit_pages_alloc(BYTES / KIT_PAGE_SIZE);

	check(in_pieces(a), "entropy-pieces", "refused");
	looks_random("entropy-random", a);
	check(!a[BYTES] && !a[BYTES + 1], "entropy-no-more", "bytes behind");
	check(kit_entropy_read(source, b, BYTES), "entropy-huge", "refused");
	looks_random("entropy-huge-random", b);
	check(memcmp(a, b, BYTES) != 0 && memcmp(a, b, 16) != 0,
	      "entropy-differs", "the same twice");
	check(kit_entropy_read(source, a, 0), "entropy-nothing", "refused");
}

static void names(void)
{
	const char *why = "none";

	check(!kit_entropy_open("absent", &why), "entropy-absent", "opened");
	check(!kit_entropy_open("d", &why) && strstr(why, "another kind"),
	      "entropy-other-kind", "%s", why);
}

/* ---- without it ---- */

static void event(void *arg) { kit_virtio_ack(arg); }

/* The device's answer to one descriptor: how many bytes, or -1. */
static int64_t ask(struct kit_virtio *v, void *buf, uint32_t n)
{
	struct virtq_buf b = { dev_addr(kit_gpa(buf)), n, true };
	struct virtq *q = &v->q[0];
	uint16_t head;
	uint32_t len;

	if (virtq_add(q, &b, 1) < 0)
		return -1;
	virtq_arm(q);
	kit_virtio_kick(v, 0);
	if (!kit_wait_until(q->used->idx != q->used_seen,
			    kit_time_ns() + PATIENCE))
		return -1;
	return virtq_take_len(q, &head, &len) > 0 ? (int64_t)len : -1;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	while (n && !*p)
		p++, n--;
	return !n;
}

static void expect(const char *name, int64_t got, int64_t want)
{
	check(got == want, name, "%d bytes, not %d", (int)got, (int)want);
}

/* A chain that comes back to itself. */
static void loop(struct kit_virtio *v)
{
	volatile struct virtq_desc *d = v->q[0].desc;

	d[0].addr = kit_gpa(v->ring[0]) + 2048;
	d[0].len = 1;
	d[0].flags = VIRTQ_DESC_WRITE | VIRTQ_DESC_NEXT;
	d[0].next = 0;
	virtq_put(&v->q[0], 0);
	kit_virtio_kick(v, 0);
}

static void bad_requests(void)
{
	static struct kit_virtio v;
	const char *why =
		kit_virtio_open(&v, "e", ENTROPY, 0, 1, SIZE, event, &v);
	uint8_t *mine = kit_pages_alloc(1), *shared = kit_shared_pages(2);

	if (!check(!why && shared, "entropy-open", "%s", why ? why : "memory"))
		return;
	kit_virtio_ready(&v);
	expect("entropy-all-memory", ask(&v, shared, UINT32_MAX), 4096);
	check(is_zero(shared + 4096, 4096), "entropy-most", "more bytes");
	expect("entropy-not-shared", ask(&v, mine, 4096), 0);
	check(is_zero(mine, 4096), "entropy-untouched", "it was written");
	expect("entropy-no-memory", ask(&v, kit_ptr(1ull << 45), 64), 0);
	check(!kit_virtio_broken(&v), "entropy-whole", "broken");
	loop(&v);
	check(kit_wait_until(kit_virtio_broken(&v), kit_time_ns() + PATIENCE),
	      "entropy-broken", "it is not");
}

int kit_main(const char *cmdline)
{
	const char *why = "";

	bad_requests();
	source = kit_entropy_open("e", &why); /* which resets it */
	if (!check(source, "entropy-again", "%s", why))
		return check_summary("entropy");
	reads();
	names();
	return check_summary("entropy");
}
