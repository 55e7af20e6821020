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

/* ---- console ---- */

static uint64_t console_take(struct guest *g)
{
	static char text[TAKE_MAX] __attribute__((aligned(4096)));
	uint64_t n = 0;

	if (pv_partition_console_read(g->part, kit_gpa(text), sizeof(text), &n))
		return 0;
	if (n && g->cfg->console != CONSOLE_NULL)
		console_put(&g->lines, text, n);
	return n;
}

static void typed(const char *text, size_t n)
{
	if (keyboard && keyboard->phase == GUEST_RUNS)
		guest_type(keyboard, text, n);
}

/* ---- life ---- */

static void guest_ended(struct guest *g)
{
	while (console_take(g))
		;
	console_end(&g->lines);
	tracer_end(g);
	host_log_drain();
	if (g->status.state == PV_STATE_DIED)
		report_death(g);
	counters_report(g);
	g->phase = GUEST_ENDS;
}

static void output_take(struct guest *g)
{
	uint64_t n = console_take(g);

	g->more = n == TAKE_MAX; /* its turn comes again */
	if (g->more)
		host_again();
	if (g->nr_typed)
		guest_type(g, NULL, 0);
}

static void state_look(struct guest *g)
{
	if (pv_partition_status(g->part, kit_gpa(&g->status)))
		return;
	if (g->status.state == PV_STATE_EXITED ||
	    g->status.state == PV_STATE_DIED)
		guest_ended(g);
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
	g->io = NULL;
	gmem_end(&g->mem);
	g->phase = GUEST_GONE;
	starts_due = true;
}

static void guest_start(struct guest *g)
{
	g->failed = guest_load(g);
	if (!g->failed) {
		g->phase = GUEST_RUNS;
		return;
	}
	kit_printf("host: guest %s: cannot start: %s\n", g->cfg->name,
		   g->failed);
	g->phase = GUEST_ENDS;
}

/* A guest that others are to outlive ends when the one it waits for is gone. */
static void guests_kill_due(void)
{
	for (unsigned i = 0; i < config->nr_guests; i++) {
		struct guest *g = &guests[i];
		int after = g->cfg->kill_guest;

		if (after < 0 || guests[after].phase != GUEST_GONE ||
		    (g->phase != GUEST_RUNS && g->phase != GUEST_WAITS))
			continue;
		g->killed = true;
		while (g->created && console_take(g))
			;
		console_end(&g->lines);
		tracer_end(g);
		counters_report(g);
		g->phase = GUEST_ENDS;
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
	}
}

bool guests_run(void)
{
	bool all_gone = true;

	for (unsigned i = 0; i < config->nr_guests; i++) {
		struct guest *g = &guests[i];

		if (g->phase == GUEST_RUNS && g->more)
			output_take(g);
		if (g->phase == GUEST_ENDS)
			guest_reap(g);
		if (g->phase != GUEST_GONE)
			all_gone = false;
	}
	if (starts_due) {
		guests_start_due();
		return guests_run();
	}
	return all_gone;
}

/* ---- end ---- */

static bool as_expected(const struct guest *g)
{
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
	if (g->failed)
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
	    only->status.state == PV_STATE_EXITED)
		return only->status.code;
	return bad ? 1 : 0;
}

/* ---- set-up ---- */

static void state_event(void *arg)
{
	struct guest *g = arg;

	if (g->phase == GUEST_RUNS)
		state_look(g);
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
		if (g->cfg->console == CONSOLE_KEYBOARD)
			keyboard = g;
		kit_event_register(told + PV_NOTIFY_STATE, state_event, g);
		kit_event_register(told + PV_NOTIFY_OUTPUT, output_event, g);
	}
	if (c->nr_guests == 1)
		keyboard = &guests[0];
	if (keyboard)
		keyboard->lines.live = true;
	console_on_key(typed);
	starts_due = true;
	return true;
}
