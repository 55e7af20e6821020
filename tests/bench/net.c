/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames between two guests: this one, and a peer that runs the same program with
 * `peer` on its command line. It counts what it costs itself, and says so when it
 * is asked: the row is of both.
 */
#include "bench.h"

#include <string.h>

#include "kit/irq.h"
#include "kit/net.h"
#include "kit/time.h"
#include "kit/wait.h"

#define WINDOW KIT_NET_DEPTH
#define LARGE (KIT_NET_HEADER + 1500u)
#define SMALL 64u
#define TYPE 0x88b5u /* for experiments: IEEE 802, 9.2.3 */
#define PATIENCE (5 * KIT_SECOND)
#define TRY_TIME (100 * KIT_MS)
#define TRIES 50u

enum what { DATA, ECHO, BEGIN, END }; /* each but DATA is answered */

struct message {
	uint8_t to[KIT_NET_MAC], from[KIT_NET_MAC];
	uint8_t type[2];
	uint8_t what;
	uint8_t pad;
	struct kit_side side; /* the answer to END */
} __attribute__((packed));

static struct kit_net *net;
static struct kit_net_frame got;
static uint8_t frame[LARGE];

static void send(enum what what, size_t len)
{
	((struct message *)frame)->what = (uint8_t)what;
	if (!kit_net_send(net, frame, len, NULL))
		kit_panic("net: no room for a frame");
}

/* The next frame; the device hears first of what was sent. false: none came. With
 * interrupts off. */
static bool receive(uint64_t deadline_ns)
{
	while (!kit_net_next(net, &got))
		if (!kit_net_kick_wait(net, deadline_ns))
			return false;
	if (got.len < offsetof(struct message, side))
		kit_panic("net: a frame of %u bytes", (unsigned)got.len);
	return true;
}

static void frame_begin(const uint8_t *to)
{
	struct message *m = (void *)frame;

	memcpy(m->to, to, KIT_NET_MAC);
	memcpy(m->from, kit_net_mac(net), KIT_NET_MAC);
	m->type[0] = TYPE >> 8;
	m->type[1] = TYPE & 0xff;
}

static bool net_open(void) { return net || (net = kit_net_open("net", NULL)); }

/* ---- the peer ---- */

static void answer(struct kit_counts *c)
{
	const struct message *m = (const void *)got.data;
	struct message *out = (void *)frame;
	enum what what = m->what;
	size_t len = got.len;

	frame_begin(m->from);
	if (what == BEGIN)
		kit_counts_begin(c);
	if (what == END) {
		kit_counts_end(c);
		out->side = c->guest;
	}
	kit_net_next(net, &got); /* none: it only gives the buffer back */
	send(what, len);
}

/* Of DATA each WINDOW of frames has one answer. */
int peer_main(void)
{
	struct kit_counts counts;
	unsigned n = 0;

	if (!net_open())
		return 1;
	kit_irq_off();
	while (receive(KIT_FOREVER)) {
		const struct message *m = (const void *)got.data;

		if (m->what != DATA || ++n == WINDOW)
			answer(&counts);
		n %= WINDOW;
	}
	return 1;
}

/* ---- this end ---- */

static bool ask(enum what what, size_t len, uint64_t patience)
{
	send(what, len);
	return receive(kit_time_ns() + patience);
}

static void must_ask(enum what what, size_t len)
{
	if (!ask(what, len, PATIENCE))
		kit_panic("net: the peer does not answer");
}

static bool net_start(void)
{
	static const uint8_t all[KIT_NET_MAC] = { 0xff, 0xff, 0xff,
						  0xff, 0xff, 0xff };
	bool ok = false;

	if (!net_open())
		return false;
	kit_irq_off();
	frame_begin(all);
	for (unsigned i = 0; i < TRIES && !ok; i++) /* it may not be up yet */
		ok = ask(ECHO, SMALL, TRY_TIME);
	if (ok)
		frame_begin(((const struct message *)got.data)->from);
	while (ok && receive(kit_time_ns() + TRY_TIME))
		; /* its answers to the others */
	for (unsigned i = 0; ok && i < 2 * WINDOW; i++)
		must_ask(ECHO, SMALL); /* so that all buffers are known */
	kit_irq_on();
	return ok;
}

static void net_prep(uint32_t n)
{
	(void)n;
	kit_irq_off();
	must_ask(BEGIN, sizeof(struct message));
	kit_irq_on();
}

static void net_done(uint32_t n)
{
	(void)n;
	kit_irq_off();
	must_ask(END, sizeof(struct message));
	bench_more = ((const struct message *)got.data)->side;
	kit_irq_on();
}

static void frame_run(uint32_t n)
{
	kit_irq_off();
	while (n--) {
		for (unsigned i = 0; i < WINDOW; i++)
			send(DATA, LARGE);
		if (!receive(kit_time_ns() + PATIENCE))
			kit_panic("net: frames are lost");
	}
	kit_irq_on();
}

static void round_trip_run(uint32_t n)
{
	kit_irq_off();
	while (n--)
		must_ask(ECHO, SMALL);
	kit_irq_on();
}

const struct op net_ops[] = {
	OP("net_round_trip", 8, 1, round_trip_run, .start = net_start,
	   .prep = net_prep, .done = net_done),
	OP("net_frame", 4, WINDOW, frame_run, .start = net_start,
	   .prep = net_prep, .done = net_done),
	OPS_END,
};
