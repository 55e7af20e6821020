/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests on one switch, by role=: `ping` sends frames to `echo`, which sends them
 * back; `listen` must see none of them. */
#include <stdio.h>
#include <string.h>

#include "arp.h"
#include "check.h"
#include "kit/irq.h"
#include "kit/net.h"
#include "kit/time.h"
#include "kit/wait.h"

#define FRAMES 2000u
#define WINDOW 32u
#define HEAD 20u /* bytes before the content */
#define LIMIT (20 * KIT_SECOND)

enum op { HELLO = 1, WELCOME, DATA, ECHO, SUM, SUM_SEEN, FORGED, BYE };

/* As it is on the wire; the content follows. */
struct frame {
	uint8_t dst[6], src[6], type[2];
	uint8_t op, good;
	uint32_t seq;
	uint8_t content[1494];
} __attribute__((packed));

_Static_assert(sizeof(struct frame) == 1514, "the longest frame");

static const uint8_t everybody[6] = { 255, 255, 255, 255, 255, 255 };
static struct kit_net *net;
static uint8_t peer[6];

/* ---- frames ---- */

static void send_from(const uint8_t *src, const uint8_t *dst, struct frame *f,
		      size_t len, const struct kit_net_csum *csum)
{
	memcpy(f->dst, dst, 6);
	memcpy(f->src, src, 6);
	f->type[0] = 0x88; /* for local experiments */
	f->type[1] = 0xb5;
	while (!kit_net_send(net, f, len, csum) && !kit_net_dead(net)) {
		kit_net_kick(net);
		kit_wait(kit_time_ns() + KIT_SECOND / 100);
	}
}

static void send(const uint8_t *dst, enum op op, uint32_t seq)
{
	static struct frame f;

	f.op = (uint8_t)op;
	f.seq = seq;
	send_from(kit_net_mac(net), dst, &f, 60, NULL);
	kit_net_kick(net);
}

/* The next frame, until a time. (The condition is looked at once more in the
 * end.) */
static bool next(struct kit_net_frame *f, uint64_t until)
{
	bool got = false;

	return kit_wait_until(got || (got = kit_net_next(net, f)), until);
}

/* The next frame of ours, until a time; NULL: none came. */
static const struct frame *receive(struct kit_net_frame *f, uint64_t until)
{
	const struct frame *got;

	for (;;) {
		if (!next(f, until))
			return NULL;
		got = (const void *)f->data;
		if (f->len >= HEAD && got->type[0] == 0x88 &&
		    got->type[1] == 0xb5)
			return got;
	}
}

static uint32_t len_of(uint32_t seq) { return 60 + seq * 37 % 1455; }

static uint8_t byte_of(uint32_t seq, uint32_t i)
{
	return (uint8_t)(seq * 7 + i);
}

/* ---- ping ---- */

static bool find_peer(void)
{
	uint64_t end = kit_time_ns() + LIMIT;
	struct kit_net_frame f;
	const struct frame *got;

	while (kit_time_ns() < end) {
		send(everybody, HELLO, 0);
		got = receive(&f, kit_time_ns() + KIT_SECOND / 10);
		if (got && got->op == WELCOME) {
			memcpy(peer, got->src, 6);
			return true;
		}
	}
	return false;
}

static void send_data(uint32_t seq)
{
	static struct frame f;
	uint32_t len = len_of(seq);

	f.op = DATA;
	f.seq = seq;
	for (uint32_t i = 0; i < len - HEAD; i++)
		f.content[i] = byte_of(seq, i);
	send_from(kit_net_mac(net), peer, &f, len, NULL);
}

static bool is_right(const struct frame *got, size_t len, uint32_t seq)
{
	if (got->seq != seq || len != len_of(seq) ||
	    memcmp(got->src, peer, 6) != 0)
		return false;
	for (uint32_t i = 0; i < len - HEAD; i++)
		if (got->content[i] != byte_of(seq, i))
			return false;
	return true;
}

static void exchange(void)
{
	uint32_t sent = 0, back = 0, wrong = 0;
	uint64_t end = kit_time_ns() + LIMIT;
	struct kit_net_frame f;

	while (back < FRAMES) {
		const struct frame *got;

		while (sent < FRAMES && sent < back + WINDOW)
			send_data(sent++);
		kit_net_kick(net);
		got = receive(&f, end);
		if (!got)
			break;
		if (got->op == ECHO)
			wrong += !is_right(got, f.len, back++);
	}
	check(back == FRAMES && !wrong, "net-echo", "%u of %u came, %u wrong",
	      back, FRAMES, wrong);
}

/* A checksum that nobody computes, as the frame stays on this machine. */
static void checksum(void)
{
	const struct kit_net_csum sum = { HEAD, 2 };
	uint64_t end = kit_time_ns() + LIMIT;
	const struct frame *got;
	struct kit_net_frame f;
	static struct frame out;

	out.op = SUM;
	check(kit_net_can_csum(net), "net-can-csum", "it cannot");
	send_from(kit_net_mac(net), peer, &out, 60, &sum);
	kit_net_kick(net);
	do
		got = receive(&f, end);
	while (got && got->op != SUM_SEEN);
	check(got && got->seq == 1, "net-csum", got ? "not known" : "lost");
}

/* As if it came from the peer: that address is the peer's alone. */
static void forge(void)
{
	static struct frame f;

	f.op = FORGED;
	send_from(peer, everybody, &f, 60, NULL);
	kit_net_kick(net);
}

static void ping(void)
{
	if (!check(find_peer(), "net-peer", "nobody answers"))
		return;
	check(memcmp(peer, kit_net_mac(net), 6) != 0, "net-own-mac", "shared");
	exchange();
	checksum();
	forge();
	exchange();
	send(everybody, BYE, 0);
}

/* ---- the others ---- */

static void answer(const struct frame *got, const struct kit_net_frame *f)
{
	static struct frame out;

	if (got->op == HELLO)
		send(got->src, WELCOME, 0);
	if (got->op == SUM)
		send(got->src, SUM_SEEN, f->csum_good);
	if (got->op != DATA)
		return;
	memcpy(&out, got, f->len);
	out.op = ECHO;
	memcpy(peer, got->src, 6);
	send_from(kit_net_mac(net), peer, &out, f->len, NULL);
}

static void serve(bool answers)
{
	unsigned others = 0, seen = 0, forged = 0;
	const struct frame *got;
	struct kit_net_frame f;

	do {
		got = receive(&f, kit_time_ns() + 2 * LIMIT);
		if (!got)
			break;
		seen++;
		forged += got->op == FORGED;
		others += memcmp(got->dst, everybody, 6) != 0 &&
			  memcmp(got->dst, kit_net_mac(net), 6) != 0;
		if (answers) {
			answer(got, &f);
			kit_net_kick(net);
		}
	} while (got->op != BYE);
	check(got && got->op == BYE, "net-bye", "%u frames, then none", seen);
	check(!others, "net-private", "%u frames for others", others);
	check(!forged, "net-forged", "%u", forged);
}

/* ---- the outside ---- */

/* Asks for an address behind the physical card. */
static void outside(const char *gateway)
{
	uint64_t end = kit_time_ns() + LIMIT;
	struct kit_net_frame f;
	uint8_t q[ARP_BYTES];
	bool found = false;

	check(arp_question(q, kit_net_mac(net), gateway), "net-gateway", "%s",
	      gateway);
	while (!found && kit_time_ns() < end) {
		kit_net_send(net, q, sizeof(q), NULL);
		kit_net_kick(net);
		if (next(&f, kit_time_ns() + KIT_SECOND / 2))
			found = arp_answers(q, &f);
	}
	check(found, "net-outside", "%s does not answer", gateway);
}

int kit_main(const char *cmdline)
{
	char role[16], gateway[24];
	const uint8_t *m;
	const char *why;

	(void)cmdline;
	net = kit_net_open("net", &why);
	if (!check(net, "net-open", "%s", why ? why : ""))
		return check_summary("net");
	m = kit_net_mac(net);
	printf("net: %02x:%02x:%02x:%02x:%02x:%02x, MTU %u\n", m[0], m[1], m[2],
	       m[3], m[4], m[5], kit_net_mtu(net));
	check(!(m[0] & 1) && (m[0] & 2), "net-mac", "%02x", m[0]);
	if (kit_option("gateway", gateway, sizeof(gateway)))
		outside(gateway);
	if (!kit_option("role", role, sizeof(role)))
		return check_summary("net");
	if (!strcmp(role, "ping"))
		ping();
	else
		serve(!strcmp(role, "echo"));
	check(!kit_net_dead(net), "net-alive", "the device lied");
	return check_summary("net");
}
