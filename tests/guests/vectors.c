/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events as vectors of their own: order, masking, nesting, coalescing, the end of
 * one without an exit, other vCPUs, timer, and what wakes a vCPU.
 */
#include "check.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/smp.h"
#include "kit/time.h"
#include "kit/wait.h"

#define LOW 0x41u
#define MIDDLE 0x61u
#define MIDDLE2 0x6fu /* of the same class */
#define HIGH 0x81u
#define LIMIT (20 * KIT_SECOND)
#define LOG 64u
#define ROUNDS 100u

static struct event {
	unsigned vector, port, vcpu;
	uint64_t handle;
	uint32_t ran, on; /* how often, and the vCPU that ran it last */
	void (*extra)(void);
} events[] = {
	{ .vector = LOW },
	{ .vector = MIDDLE },
	{ .vector = MIDDLE2 },
	{ .vector = HIGH },
	{ .vector = 0 },
	/* the upcall */ { .vector = 0x51, .vcpu = 1 },
	{ .vector = 0x91, .vcpu = 1 },
};
enum { ELOW, EMIDDLE, EMIDDLE2, EHIGH, EUPCALL, EFAR, EFAR2, EVENTS };

static uint8_t order[LOG];
static uint32_t logged;
static struct pv_vcpu_stats *stats;

static void handler(void *arg)
{
	struct event *e = arg;

	if (kit_vcpu_id() == 0 && logged < LOG)
		order[logged++] = (uint8_t)e->vector;
	__atomic_store_n(&e->on, kit_vcpu_id(), __ATOMIC_RELAXED);
	if (e->extra)
		e->extra();
	__atomic_fetch_add(&e->ran, 1, __ATOMIC_RELEASE);
}

/* STI holds interrupts off for one more instruction. */
static void irqs_come(void) { __asm__ volatile("sti; nop; nop" ::: "memory"); }

static void send(unsigned i)
{
	if (pv_event_send(events[i].handle))
		kit_panic("event %u cannot be sent", i);
}

static uint32_t ran(unsigned i)
{
	return __atomic_load_n(&events[i].ran, __ATOMIC_ACQUIRE);
}

static void set_up(unsigned vcpus)
{
	unsigned i;

	for (i = 0; i < EVENTS; i++) {
		struct event *e = &events[i];

		e->vcpu = e->vcpu < vcpus ? e->vcpu : 0;
		e->port = (unsigned)kit_event_alloc();
		if (kit_event_bind(e->port, e->vcpu, &e->handle) ||
		    kit_event_vector(e->port, e->vector))
			kit_panic("event %u", i);
		kit_event_register(e->port, handler, e);
		if (e->vector)
			kit_event_vector_register(e->vector, handler, e);
	}
}

static bool came(const uint8_t *want, unsigned n)
{
	unsigned i;

	for (i = 0; i < n && i < logged && order[i] == want[i]; i++)
		;
	return i == n && logged == n;
}

#define CAME(name, ...)                                                  \
	do {                                                             \
		const uint8_t want[] = { __VA_ARGS__ };                  \
		check(came(want, sizeof(want)), name, "%u: %x %x %x %x", \
		      logged, order[0], order[1], order[2], order[3]);   \
		logged = 0;                                              \
	} while (0)

/* All of them at once, with interrupts off: the highest first, each once. */
static void ordered(void)
{
	kit_irq_off();
	send(ELOW);
	send(EHIGH);
	send(EMIDDLE);
	send(EMIDDLE2);
	send(EHIGH);
	send(ELOW);
	check(!logged, "masked by IF", "%u came", logged);
	irqs_come();
	CAME("highest first, each once", HIGH, MIDDLE2, MIDDLE, LOW);
}

/* ---- nesting ---- */

static void open_and_send(void)
{
	unsigned i;

	kit_irq_on();
	send(EMIDDLE); /* the same class: not yet */
	send(EHIGH);   /* at once */
	send(ELOW);
	/* not before its time, but all exits bring it up */
	for (i = 0; i < 10; i++)
		pv_vcpu_yield();
}

static void nested(void)
{
	const struct pv_vcpu_page *p = kit_ptr(PV_VCPU_PAGE(0));

	events[EMIDDLE2].extra = open_and_send;
	send(EMIDDLE2);
	events[EMIDDLE2].extra = NULL;
	CAME("only a higher class nests", MIDDLE2, HIGH, MIDDLE, LOW);
	check(!p->in_service && !p->vector_waits && ran(EMIDDLE2) == 2,
	      "all are ended", "%x %x", p->in_service, p->vector_waits);
}

/* ---- the upcall beside them ---- */

static void upcall(void)
{
	kit_irq_off();
	send(EUPCALL);
	send(EUPCALL);
	send(ELOW);
	irqs_come();
	check(ran(EUPCALL) == 1 && logged == 2, "upcall and vector",
	      "%u, %u in all", ran(EUPCALL), logged);
	logged = 0;
	kit_event_vector(events[ELOW].port, 0);
	kit_upcall_mask();
	send(ELOW);
	check(!logged, "masked as upcall", "%u came", logged);
	kit_upcall_unmask();
	CAME("a port gets the upcall again", LOW);
	kit_event_vector(events[ELOW].port, LOW);
}

/* ---- counters ---- */

static uint64_t sample(uint64_t *calls)
{
	uint64_t all = 0;
	unsigned i;

	if (pv_partition_stats(PV_SELF, 0, kit_gpa(stats)))
		kit_panic("no statistics");
	*calls = stats->calls;
	/* but the calls' own, and what comes by itself */
	for (i = 0; i < PV_EXIT_KINDS; i++)
		if (i != 1 && i != 19 && i != 20)
			all += stats->exits[i];
	return all;
}

static void no_exit(void)
{
	uint64_t calls, after, exits = sample(&calls);
	unsigned i;

	for (i = 0; i < ROUNDS; i++)
		send(ELOW);
	exits = sample(&after) - exits;
	check(after - calls == ROUNDS + 1 && !exits && logged >= LOG,
	      "its end costs no exit", "%u calls, %u exits",
	      (unsigned)(after - calls), (unsigned)exits);
	logged = 0;
	kit_irq_off();
	sample(&calls);
	send(EMIDDLE);
	send(EMIDDLE2);
	irqs_come();
	sample(&after);
	check(after - calls == 4, "one call where one waits", "%u calls",
	      (unsigned)(after - calls));
	CAME("then it comes", MIDDLE2, MIDDLE);
}

/* ---- timer and interprocessor interrupts ---- */

static void timer(void)
{
	uint64_t until = kit_time_ns() + LIMIT;
	uint32_t before = ran(EHIGH);

	if (pv_timer_vector_set(HIGH) ||
	    pv_timer_set(kit_tsc() + kit_tsc_khz()))
		kit_panic("no timer");
	while (ran(EHIGH) == before && kit_time_ns() < until)
		__asm__ volatile("sti; hlt" ::: "memory");
	pv_timer_vector_set(0);
	CAME("timer", HIGH);
	pv_vcpu_vector_send(0, 1, LOW);
	CAME("vector sent to oneself", LOW);
}

/* ---- another vCPU ---- */

static uint32_t stop, halts;

/* By turns: computing, HLT, vcpu_wait. */
static void sleeper(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		halts++;
		if (halts % 3 == 0)
			__asm__ volatile("cli; sti; hlt" ::: "memory");
		else if (halts % 3 == 1)
			kit_wait(KIT_FOREVER);
	}
}

static bool wait_for(unsigned i, uint32_t n)
{
	uint64_t until = kit_time_ns() + LIMIT;

	while (ran(i) < n && kit_time_ns() < until)
		kit_yield();
	return ran(i) >= n;
}

/* One after the other, so that one which is lost is missed. */
static void far(void)
{
	unsigned n, bad = 0;

	if (kit_vcpu_start(1, sleeper, NULL))
		kit_panic("vCPU 1 does not start");
	for (n = 0; n < ROUNDS && !bad; n++) {
		uint32_t a = ran(EFAR), b = ran(EFAR2);

		send(EFAR);
		if (n & 1)
			send(EFAR2);
		bad += !wait_for(EFAR, a + 1) ||
		       (n & 1 && !wait_for(EFAR2, b + 1));
	}
	check(!bad, "another vCPU gets every one", "lost after %u", n);
	check(events[EFAR].on == 1 && events[EFAR2].on == 1,
	      "on the vCPU that the port is bound to", "%u %u", events[EFAR].on,
	      events[EFAR2].on);
	n = ran(EFAR);
	pv_vcpu_vector_send(1, 1, events[EFAR].vector);
	check(wait_for(EFAR, n + 1), "vector sent to another", "not there");
}

/* vCPU 1 is in a handler when one of a lower class comes: its end brings it. */
static uint32_t held;

static void hold(void)
{
	uint64_t until = kit_time_ns() + LIMIT;
	const struct pv_vcpu_page *p = kit_ptr(PV_VCPU_PAGE(1));

	kit_irq_on();
	__atomic_store_n(&held, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&p->vector_waits, __ATOMIC_ACQUIRE) &&
	       kit_time_ns() < until)
		;
	held = ran(EFAR) + 2;
}

static void held_back(void)
{
	uint32_t n = ran(EFAR), n2 = ran(EFAR2);
	uint64_t until = kit_time_ns() + LIMIT;

	events[EFAR2].extra = hold;
	send(EFAR2);
	while (!__atomic_load_n(&held, __ATOMIC_ACQUIRE) &&
	       kit_time_ns() < until)
		kit_yield();
	send(EFAR);
	check(wait_for(EFAR2, n2 + 1) && wait_for(EFAR, n + 1) && held == n + 2,
	      "held back, then delivered", "%u %u", held, n);
	events[EFAR2].extra = NULL;
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	send(EFAR);
}

int kit_main(const char *cmdline)
{
	(void)cmdline;
	stats = kit_pages_alloc(1);
	set_up(kit_vcpus());
	ordered();
	nested();
	upcall();
	no_exit();
	timer();
	if (kit_vcpus() > 1) {
		far();
		held_back();
	}
	return check_summary("vectors");
}
