/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two guests exchange numbered frames over the switch while the host partition
 * dies. role=send sends `frames=` of them, and on until it has died `restarts=`
 * times and some more have come back; each is sent again until it does. role=echo
 * sends them back. Frames may be lost, but none comes with a wrong byte. All the
 * time the physical card's network is asked for `gateway=`, which answers behind the
 * last death, too.
 */
#include <stdio.h>
#include <string.h>

#include "arp.h"
#include "check.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/net.h"
#include "kit/time.h"
#include "kit/wait.h"

#define WINDOW 32u
#define AFTER 200u /* frames behind the last death */
#define ASK_EACH 8u
#define AGAIN (KIT_SECOND / 20)
#define LIMIT (200 * KIT_SECOND)
#define BYE_TIMES 20u

enum op { HELLO = 1, WELCOME, DATA, ECHO, BYE };

struct frame {
	uint8_t dst[6], src[6], type[2];
	uint8_t op, zero;
	uint32_t seq;
	uint8_t content[1494];
} __attribute__((packed));

#define HEAD offsetof(struct frame, content)

static const uint8_t everybody[6] = { 255, 255, 255, 255, 255, 255 };
static struct kit_net *net;
static uint8_t peer[6], question[ARP_BYTES];
static unsigned wrong, answers;
static uint64_t end;

static struct {
	bool waits;
	uint32_t seq;
	uint64_t again_ns;
} slot[WINDOW];
static unsigned repeated;

static uint32_t restarts(void)
{
	const struct pv_partition_page *page = kit_ptr(PV_PARTITION_PAGE);

	return __atomic_load_n(&page->host_restarts, __ATOMIC_ACQUIRE);
}

/* ---- frames ---- */

static uint32_t len_of(const struct frame *f)
{
	return f->op == DATA || f->op == ECHO ? 60 + f->seq * 37 % 1455 : 60;
}

static void fill(struct frame *f)
{
	uint64_t seed = (uint64_t)f->op << 32 | f->seq;

	f->type[0] = 0x88; /* for local experiments */
	f->type[1] = 0xb5;
	f->zero = 0;
	for (uint32_t i = 0; i < len_of(f) - HEAD; i++)
		f->content[i] = (uint8_t)(rand_next(&seed) >> 40);
}

/* Where there is no room it is lost. */
static void send(const uint8_t *dst, enum op op, uint32_t seq)
{
	static struct frame f;

	f.op = (uint8_t)op;
	f.seq = seq;
	fill(&f);
	memcpy(f.dst, dst, 6);
	memcpy(f.src, kit_net_mac(net), 6);
	kit_net_send(net, &f, len_of(&f), NULL);
}

/* Is it to the last byte what its sender has made of its number? */
static bool is_right(const struct frame *got, size_t len)
{
	static struct frame want;

	want.op = got->op;
	want.seq = got->seq;
	fill(&want);
	return got->op && got->op <= BYE && len == len_of(&want) &&
	       (!memcmp(got->dst, kit_net_mac(net), 6) ||
		!memcmp(got->dst, everybody, 6)) &&
	       !memcmp(got->type, want.type, len - 12);
}

static bool next(struct kit_net_frame *f, uint64_t until)
{
	bool got = false;

	return kit_wait_until(got || (got = kit_net_next(net, f)), until);
}

/* The next frame of ours, until a time; NULL: none came. */
static const struct frame *receive(uint64_t until)
{
	static struct kit_net_frame f;

	kit_net_kick(net);
	while (next(&f, until)) {
		const struct frame *got = (const void *)f.data;

		answers += arp_answers(question, &f);
		if (got->type[0] != 0x88 || got->type[1] != 0xb5)
			continue;
		if (is_right(got, f.len))
			return got;
		wrong++;
	}
	return NULL;
}

/* ---- send ---- */

static bool find_peer(void)
{
	const struct frame *got = NULL;

	while ((!got || got->op != WELCOME) && kit_time_ns() < end) {
		send(everybody, HELLO, 0);
		got = receive(kit_time_ns() + AGAIN);
	}
	if (got)
		memcpy(peer, got->src, 6);
	return got;
}

static void slot_send(unsigned i, uint32_t seq)
{
	slot[i].waits = true;
	slot[i].seq = seq;
	slot[i].again_ns = kit_time_ns() + AGAIN;
	send(peer, DATA, seq);
}

/* Sends what is due; false: nothing waits. */
static bool slots_run(uint32_t *seq, bool more)
{
	bool waits = false;

	for (unsigned i = 0; i < WINDOW; i++) {
		if (!slot[i].waits && more) {
			if (*seq % ASK_EACH == 0)
				kit_net_send(net, question, ARP_BYTES, NULL);
			slot_send(i, (*seq)++);
		} else if (slot[i].waits && kit_time_ns() >= slot[i].again_ns) {
			repeated++;
			slot_send(i, slot[i].seq);
		}
		waits |= slot[i].waits;
	}
	return waits;
}

/* All that has come back. */
static void slots_end(void)
{
	const struct frame *got = receive(kit_time_ns() + AGAIN);

	while (got) {
		for (unsigned i = 0; i < WINDOW; i++)
			slot[i].waits &= got->op != ECHO ||
					 got->seq != slot[i].seq;
		got = receive(0);
	}
}

static void exchange(uint32_t frames, uint32_t deaths)
{
	uint32_t seq = 0, seen = restarts(), until = frames;
	bool waits;

	do {
		if (restarts() != seen) {
			seen = restarts();
			until = frames > seq + AFTER ? frames : seq + AFTER;
			answers = 0;
		}
		waits = slots_run(&seq, seq < until || seen < deaths);
		if (waits)
			slots_end();
	} while (waits && kit_time_ns() < end);
	check(!waits && seq >= until, "all-came-back", "of %u", seq);
	printf("%u frames, %u times one again\n", seq, repeated);
}

static void asked(void)
{
	while (!answers && kit_time_ns() < end) {
		kit_net_send(net, question, ARP_BYTES, NULL);
		receive(kit_time_ns() + AGAIN);
	}
	check(answers, "outside", "no answer");
}

static void run_send(void)
{
	uint32_t deaths = (uint32_t)kit_option_u64("restarts", 0);
	const struct frame *got = NULL;
	char gateway[24] = "";

	kit_option("gateway", gateway, sizeof(gateway));
	check(arp_question(question, kit_net_mac(net), gateway), "gateway",
	      "%s", gateway);
	if (!check(find_peer(), "peer", "nobody answers"))
		return;
	exchange((uint32_t)kit_option_u64("frames", 500), deaths);
	asked();
	for (unsigned n = BYE_TIMES; n && (!got || got->op != BYE); n--) {
		send(peer, BYE, 0);
		got = receive(kit_time_ns() + AGAIN);
	}
	check(restarts() == deaths, "host-restarted", "%u times", restarts());
}

/* ---- echo ---- */

static void run_echo(void)
{
	const struct frame *got;
	uint32_t n = 0;

	do {
		got = receive(end);
		if (!got)
			break;
		n += got->op == DATA;
		if (got->op == HELLO)
			send(got->src, WELCOME, 0);
		else
			send(got->src, got->op == DATA ? ECHO : BYE, got->seq);
	} while (got->op != BYE);
	kit_net_kick(net);
	check(got, "bye", "%u frames, then none", n);
}

int kit_main(const char *cmdline)
{
	char role[8] = "";
	const char *why;

	(void)cmdline;
	end = kit_time_ns() + LIMIT;
	net = kit_net_open("net", &why);
	if (!check(net, "open", "%s", why))
		return check_summary("renet");
	kit_option("role", role, sizeof(role));
	if (!strcmp(role, "send"))
		run_send();
	else
		run_echo();
	check(!wrong, "no-wrong-byte", "%u frames", wrong);
	check(!kit_net_dead(net), "alive", "the device lied");
	return check_summary("renet");
}
