/* SPDX-License-Identifier: BSD-2-Clause */
/* Traces guests on the console: as text, and as lines for build/pvtrace. */
#include "tracer.h"

#include <string.h>

#include "kit/call.h"
#include "kit/console.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "pvabi/calls.h"
#include "rings.h"
#include "trace_raw.h"

#define LOOK_NS \
	(20 * KIT_MS) /* records tell of themselves only by the half ring */

static struct trace_view view;
static struct trace_open open;
static bool text_on, raw_on;
static unsigned nr_traced; /* guests that are traced now */
static unsigned form;	   /* enum cfg_trace */

static void ring_event(void *arg) { (void)arg; } /* the loop looks anyway */

static void out(const struct text *t) { kit_printf("%s\n", t->buf); }

static const char *prepare(void)
{
	char buf[TRACE_LINE];
	struct text t = text_of(buf, sizeof(buf));
	uint64_t err, base[2];

	if (text_on || raw_on)
		return NULL;
	kit_event_register(HOST_PORT_TRACE, ring_event, NULL);
	err = rings_map();
	if (err)
		return kit_status_name(err);
	text_on = form != TRACE_TO_RAW;
	raw_on = form != TRACE_TO_TEXT;
	base[0] = view.base = kit_tsc();
	base[1] = view.tsc_khz = kit_info()->tsc_khz;
	trace_raw_words(&t, "time", base, 2);
	if (raw_on)
		out(&t);
	return NULL;
}

const char *tracer_init(const struct config *c)
{
	form = c->trace;
	for (unsigned i = 0; i < c->nr_guests; i++)
		if (c->guest[i].trace)
			return prepare();
	return NULL;
}

/* Records name a partition by its slot, which its handle does not tell: one of
 * that name that has not ended is it, but for our own. */
static bool slot_of(const struct guest *g, uint64_t *slot)
{
	static struct pv_partition_status s __attribute__((aligned(64)));
	uint64_t self = kit_info()->self, h, own = 0;

	pv_query(PV_QUERY_PARTITION, &own);
	for (unsigned i = 0; i < TRACE_PARTS; i++) {
		uint64_t err = pv_partition_enumerate(self, i, &h);

		if (err == PV_ESTATE)
			continue;
		if (err)
			return false;
		err = pv_partition_status(h, kit_gpa(&s));
		pv_handle_close(h);
		*slot = i;
		if (!err && i != own && s.state < PV_STATE_EXITED &&
		    !strcmp(s.name, g->cfg->name))
			return true;
	}
	return false;
}

const char *tracer_set(struct guest *g, unsigned what)
{
	char buf[TRACE_LINE];
	struct text t = text_of(buf, sizeof(buf));
	const char *wrong = prepare();
	uint64_t slot;

	if (wrong)
		return wrong;
	if (!slot_of(g, &slot) || pv_trace_set(kit_info()->self, g->part, what))
		return "it cannot be traced";
	if (g->traced)
		return NULL;
	g->trace_slot = slot;
	g->traced = true;
	nr_traced++;
	strcpy(view.name[slot], g->cfg->name);
	trace_raw_part(&t, (unsigned)slot, g->cfg->name);
	if (raw_on)
		out(&t);
	return NULL;
}

const char *tracer_begin(struct guest *g)
{
	return g->cfg->trace ? tracer_set(g, g->cfg->trace) : NULL;
}

static void show_text(const struct pv_trace_record *r)
{
	char buf[TRACE_LINE];
	struct text t = text_of(buf, sizeof(buf));

	trace_line(&t, &view, r);
	out(&t);
}

static void show(const struct pv_trace_record *r)
{
	char buf[TRACE_LINE];
	struct text t = text_of(buf, sizeof(buf));

	if (raw_on) {
		trace_raw_record(&t, r);
		out(&t);
	}
	if (text_on && trace_open_note(&open, r))
		show_text(r);
}

static void show_lost(uint64_t n)
{
	char buf[TRACE_LINE];
	struct text t = text_of(buf, sizeof(buf));

	if (!n)
		return;
	if (text_on)
		kit_printf("host: trace: %lu records were lost\n", n);
	trace_raw_words(&t, "lost", &n, 1);
	if (raw_on)
		out(&t);
}

void tracer_run(void)
{
	struct pv_trace_record r;

	if (!nr_traced)
		return;
	while (rings_next(&r))
		show(&r);
	show_lost(rings_lost());
	host_wake_at(kit_time_ns() + LOOK_NS);
}

void tracer_end(struct guest *g)
{
	char buf[TRACE_LINE];
	struct text t = text_of(buf, sizeof(buf));
	struct pv_trace_record r;

	if (!g->traced)
		return;
	pv_trace_set(kit_info()->self, g->part, 0);
	tracer_run();
	while (trace_open_take(&open, (unsigned)g->trace_slot, &r))
		show_text(&r);
	trace_raw_words(&t, "end", &g->trace_slot, 1);
	if (raw_on)
		out(&t);
	g->traced = false;
	nr_traced--;
}
