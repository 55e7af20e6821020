/* SPDX-License-Identifier: BSD-2-Clause */
/* The guests' lives: start, watch, end, and what is said about them. */
#include "guest.h"

#include <string.h>

#include "assign.h"

#include "kit/call.h"
#include "kit/console.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "pvabi/calls.h"
#include "tracer.h"

#define RETRY_NS (1 * KIT_MS)
#define TAKE_MAX 4096u /* console bytes at a time */

static const struct config *config;
static struct guest *guests;
static struct guest *keyboard;
static bool starts_due;
static uint64_t clock_due; /* the first end_at or ports_at; 0: none */
static void (*state_fn)(const struct guest *g);

/* ---- console ---- */

void guest_says(struct guest *g, const char *text, size_t n)
{
	conlog_put(&g->log, text, n);
	if (g->cfg->console != CONSOLE_NULL)
		console_put(&g->lines, text, n);
}

static uint64_t console_take(struct guest *g)
{
	static char text[TAKE_MAX] __attribute__((aligned(4096)));
	uint64_t n = 0;

	if (pv_partition_console_read(g->part, kit_gpa(text), sizeof(text), &n))
		return 0;
	if (n)
		guest_says(g, text, n);
	return n;
}

/* ---- end ---- */

static bool as_expected(const struct guest *g)
{
	if (g->by_operator || g->phase == GUEST_OFF)
		return true;
	if (g->failed)
		return false;
	if (g->killed)
		return !g->cfg->expect_set;
	if (g->cfg->expect_crash)
		return g->status.state == PV_STATE_DIED;
	return g->status.state == PV_STATE_EXITED &&
	       g->status.code == g->cfg->expect_code;
}

static void say_end(const struct guest *g)
{
	if (g->phase == GUEST_OFF)
		kit_printf("host: guest %s: was not started\n", g->cfg->name);
	else if (g->failed)
		kit_printf("host: guest %s: did not start: %s\n", g->cfg->name,
			   g->failed);
	else if (g->killed)
		kit_printf("host: guest %s: killed\n", g->cfg->name);
	else if (g->status.state == PV_STATE_EXITED)
		kit_printf("host: guest %s: exit code %u\n", g->cfg->name,
			   g->status.code);
	else
		kit_printf("host: guest %s: died: %s\n", g->cfg->name,
			   g->status.reason);
}

/* ---- life ---- */

static void phase_set(struct guest *g, enum guest_phase phase)
{
	g->phase = phase;
	restart_note(g);
	if (state_fn && phase != GUEST_ENDS)
		state_fn(g);
}

/* What it has said and done is told while its partition is there. */
static void last_words(struct guest *g)
{
	while (g->created && console_take(g))
		;
	guest_vdevs_drain(g);
	console_end(&g->lines);
	tracer_end(g);
	host_log_drain();
	if (!g->killed && g->status.state == PV_STATE_DIED)
		report_death(g);
	counters_report(g);
	phase_set(g, GUEST_ENDS);
}

/* It asks for no more: what its devices are at comes to an end. */
void guest_kill(struct guest *g)
{
	g->killed = true;
	if (g->created)
		pv_partition_pause(g->part);
	last_words(g);
}

static void output_take(struct guest *g)
{
	/* what its log has no room for waits where it is */
	uint64_t n = conlog_full(&g->log) ? TAKE_MAX : console_take(g);

	g->more = n == TAKE_MAX; /* its turn comes again */
	if (g->more)
		host_again();
	if (g->nr_typed)
		guest_type(g, NULL, 0);
}

void guest_look(struct guest *g)
{
	uint32_t before = g->status.state;

	if (pv_partition_status(g->part, kit_gpa(&g->status)))
		return;
	if (g->status.state == PV_STATE_EXITED ||
	    g->status.state == PV_STATE_DIED)
		last_words(g);
	else if (g->status.state != before)
		phase_set(g, GUEST_RUNS);
}

/* Frees what an ended guest had, once no device touches its memory. */
static void guest_reap(struct guest *g)
{
	uint64_t err;

	if (guest_vdevs_busy(g))
		return;
	if (g->created) {
		tracer_end(g); /* of one that did not start */
		guest_vdevs_free(g);
		gmem_unpin(&g->mem);
		err = pv_partition_destroy(g->part);
		if (err == PV_EAGAIN) {
			host_wake_at(kit_time_ns() + RETRY_NS);
			return;
		}
		host_must(err, "partition_destroy");
		g->created = false;
		assign_return(g);
	}
	conlog_close(&g->log);
	g->io = NULL;
	gmem_end(&g->mem);
	if (config->shell || g->by_operator || g->by_hand)
		say_end(g);
	phase_set(g, GUEST_GONE);
	starts_due = true;
}

const char *guest_log_open(struct guest *g)
{
	const char *why = NULL;

	if (*g->cfg->log)
		why = conlog_open(&g->log, g->cfg->log, g->cfg->name);
	if (!why)
		return NULL;
	kit_format(g->why, sizeof(g->why), "log %s: %s", g->cfg->log, why);
	return g->why;
}

static void guest_start(struct guest *g)
{
	g->failed = guest_log_open(g);
	if (!g->failed)
		g->failed = guest_load(g);
	if (!g->failed) {
		g->status.state = PV_STATE_RUNNING;
		phase_set(g, GUEST_RUNS);
		return;
	}
	kit_printf("host: guest %s: cannot start: %s\n", g->cfg->name,
		   g->failed);
	phase_set(g, GUEST_ENDS);
}

void guest_begin(struct guest *g)
{
	struct guest fresh = { .cfg = g->cfg,
			       .slot = g->slot,
			       .lines = g->lines,
			       .back = g->back,
			       .by_hand = true };

	*g = fresh;
	guest_start(g);
}

static void due_at(uint64_t ns)
{
	if (ns && (!clock_due || ns < clock_due))
		clock_due = ns;
}

void guest_kill_at(struct guest *g, uint64_t ns)
{
	g->end_at = ns;
	due_at(ns);
}

void guest_ports_at(struct guest *g, uint64_t ns)
{
	g->ports_at = ns;
	due_at(ns);
}

/* Those that were asked to end, and had their time; interrupts of devices. */
static void guests_clock_run(void)
{
	uint64_t now = kit_time_ns();

	clock_due = 0;
	for (unsigned i = 0; i < config->nr_guests; i++) {
		struct guest *g = &guests[i];

		if (g->phase == GUEST_RUNS && g->end_at && now >= g->end_at)
			guest_kill(g);
		if (g->phase != GUEST_RUNS)
			continue;
		if (g->ports_at && now >= g->ports_at)
			guest_ports_run(g);
		due_at(g->end_at);
		due_at(g->ports_at);
	}
	host_wake_at(clock_due);
}

/* A guest that others are to outlive ends when the one it waits for is gone. */
static void guests_kill_due(void)
{
	for (unsigned i = 0; i < config->nr_guests; i++) {
		struct guest *g = &guests[i];
		int after = g->cfg->kill_guest;

		if (after < 0 || guests[after].phase != GUEST_GONE ||
		    g->by_hand || guests[after].by_hand ||
		    (g->phase != GUEST_RUNS && g->phase != GUEST_WAITS))
			continue;
		guest_kill(g);
	}
}

static void guests_start_due(void)
{
	starts_due = false;
	guests_kill_due();
	for (unsigned i = 0; i < config->nr_guests; i++) {
		struct guest *g = &guests[i];
		int after = g->cfg->after_guest;

		if (g->phase == GUEST_WAITS &&
		    (after < 0 || guests[after].phase == GUEST_GONE))
			guest_start(g);
		else if (g->phase == GUEST_GONE && g->again)
			guest_begin(g);
	}
}

bool guests_run(void)
{
	bool all_gone = true;

	if (clock_due)
		guests_clock_run();
	for (unsigned i = 0; i < config->nr_guests; i++) {
		struct guest *g = &guests[i];

		if (g->phase == GUEST_RUNS && g->more)
			output_take(g);
		if (g->phase == GUEST_ENDS)
			guest_reap(g);
		if (g->phase < GUEST_GONE)
			all_gone = false;
	}
	if (starts_due) {
		guests_start_due();
		return guests_run();
	}
	return all_gone;
}

/* ---- all of them ---- */

unsigned guests_summary(void)
{
	const struct guest *only = &guests[0];
	unsigned bad = 0;

	for (unsigned i = 0; i < config->nr_guests; i++) {
		say_end(&guests[i]);
		if (!as_expected(&guests[i]))
			bad++;
	}
	if (config->nr_guests == 1 && !only->cfg->expect_set && !only->failed &&
	    !only->by_operator && only->status.state == PV_STATE_EXITED)
		return only->status.code;
	return bad ? 1 : 0;
}

const char *guest_state(const struct guest *g)
{
	static const char *const words[] = { "waits", "runs", "ends", "exited",
					     "off" };

	if (g->phase == GUEST_RUNS && g->status.state == PV_STATE_PAUSED)
		return "paused";
	if (g->phase != GUEST_GONE)
		return words[g->phase];
	return g->failed			? "failed" :
	       g->killed			? "killed" :
	       g->status.state == PV_STATE_DIED ? "died" :
						  "exited";
}

struct guest *guests_nth(unsigned i)
{
	return config && i < config->nr_guests ? &guests[i] : NULL;
}

struct guest *guests_keyboard(void) { return keyboard; }

void guests_on_state(void (*fn)(const struct guest *g)) { state_fn = fn; }

/* ---- set-up ---- */

static void state_event(void *arg)
{
	struct guest *g = arg;

	if (g->phase == GUEST_RUNS)
		guest_look(g);
}

static void output_event(void *arg)
{
	struct guest *g = arg;

	if (g->phase == GUEST_RUNS)
		output_take(g);
}

bool guests_init(const struct config *c)
{
	config = c;
	guests = kit_calloc(c->nr_guests + 1, sizeof(*guests));
	if (!guests || !assign_init())
		return false;
	for (unsigned i = 0; i < c->nr_guests; i++) {
		struct guest *g = &guests[i];
		unsigned told = HOST_PORT_GUEST(i) + HOST_PORT_TOLD;

		g->cfg = &c->guest[i];
		g->slot = i;
		g->lines.name = g->cfg->name;
		g->lines.back = &g->back;
		if (g->cfg->start_no)
			g->phase = GUEST_OFF;
		if (g->cfg->console == CONSOLE_KEYBOARD)
			keyboard = g;
		kit_event_register(told + PV_NOTIFY_STATE, state_event, g);
		kit_event_register(told + PV_NOTIFY_OUTPUT, output_event, g);
	}
	if (c->nr_guests == 1)
		keyboard = &guests[0];
	if (kit_info()->restarts)
		restart_adopt(c, guests);
	starts_due = true;
	return true;
}
