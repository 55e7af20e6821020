/* SPDX-License-Identifier: BSD-2-Clause */
/* After the host partition's death: finds the guests, and serves them again.
 * What only the old one knew stands in the partition page, which outlives it. */
#include <string.h>

#include "guest.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "pvabi/calls.h"
#include "tracer.h"

#define SLOTS_MAX 256u
#define RETRY_NS (1 * KIT_MS)
#define PATIENCE_NS (5 * KIT_SECOND)

/* One guest's: written in one piece, so that it is never half new. */
#define NOTE_VALID 0x5au
struct note {
	uint8_t valid, phase, state, code;
};

_Static_assert(sizeof(struct note) * CFG_GUESTS <=
		       sizeof(((struct pv_partition_page *)0)->rest),
	       "all have room");

static volatile struct note *notes(void)
{
	struct pv_partition_page *p = kit_ptr(PV_PARTITION_PAGE);

	return (volatile struct note *)p->rest;
}

void restart_note(const struct guest *g)
{
	union {
		struct note n;
		uint32_t word;
	} u = { .n = { NOTE_VALID, (uint8_t)g->phase, (uint8_t)g->status.state,
		       (uint8_t)g->status.code } };

	if (g->killed)
		u.n.state |= 0x80;
	*(volatile uint32_t *)&notes()[g->slot] = u.word;
}

/* It ended in an earlier life, or its end was being completed. */
static void recall(struct guest *g)
{
	volatile struct note *n = &notes()[g->slot];

	if (n->valid != NOTE_VALID || n->phase == GUEST_WAITS)
		return;
	g->phase = n->phase == GUEST_OFF ? GUEST_OFF : GUEST_GONE;
	g->status.state = n->state & 0x7f;
	g->status.code = n->code;
	g->killed = n->state >> 7;
}

static bool was_killed(const struct guest *g)
{
	volatile struct note *n = &notes()[g->slot];

	return n->valid == NOTE_VALID && n->state >> 7;
}

/* One that did not come to its start, or whose end had begun. */
static void destroy(uint64_t part)
{
	uint64_t err, end = kit_time_ns() + PATIENCE_NS;

	while ((err = pv_partition_destroy(part)) == PV_EAGAIN &&
	       kit_time_ns() < end)
		host_wait(kit_time_ns() + RETRY_NS);
	if (err == PV_EAGAIN)
		kit_printf("host: a guest that has ended keeps its memory: its "
			   "device does not become quiet\n");
	else
		host_must(err, "partition_destroy");
}

static void serve(struct guest *g)
{
	g->failed = guest_log_open(g);
	if (!g->failed)
		g->failed = guest_serve(g);
	if (!g->failed)
		g->failed = tracer_begin(g);
	if (g->failed) {
		kit_printf("host: guest %s: cannot be served again: %s\n",
			   g->cfg->name, g->failed);
		g->phase = GUEST_ENDS;
		return;
	}
	g->phase = GUEST_RUNS;
	g->more = true; /* nobody tells of output that waits */
	guest_serve_again(g);
	kit_printf("host: guest %s: is served again\n", g->cfg->name);
	guest_look(g);
}

static void adopt(struct guest *g, uint64_t part)
{
	g->part = part;
	g->created = g->adopted = true;
	g->nr_assigned = (uint8_t)g->cfg->nr_devices;
	if (was_killed(g)) {
		g->killed = true;
		g->phase = GUEST_ENDS;
	} else {
		serve(g);
	}
}

static struct guest *named(const struct config *c, struct guest *all,
			   const char *name)
{
	for (unsigned i = 0; i < c->nr_guests; i++)
		if (!strcmp(c->guest[i].name, name))
			return &all[i];
	return NULL;
}

static void found(const struct config *c, struct guest *all, uint64_t part)
{
	static struct pv_partition_status s __attribute__((aligned(64)));
	struct guest *g = NULL;

	if (!pv_partition_status(part, kit_gpa(&s)) && s.state != PV_STATE_NEW)
		g = named(c, all, s.name);
	if (!g || g->created)
		return destroy(part);
	adopt(g, part);
}

void restart_adopt(const struct config *c, struct guest *all)
{
	uint64_t self = kit_info()->self, own = 0, part, err = 0;

	pv_query(PV_QUERY_PARTITION, &own);
	for (unsigned i = 0; i < SLOTS_MAX && err != PV_EINVAL; i++) {
		if (i == own)
			continue;
		err = pv_partition_enumerate(self, i, &part);
		if (!err)
			found(c, all, part);
	}
	for (unsigned i = 0; i < c->nr_guests; i++)
		if (!all[i].created)
			recall(&all[i]);
}
