/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest's vCPUs did: exits by kind and calls by name, at its end. */
#include "guest.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "pvabi/names.h"

static const char *const exit_names[PV_EXIT_KINDS] = PV_EXIT_NAMES;
static const char *const call_names[PV_CALL_COUNT] = PV_CALL_NAMES;

static void row(const struct guest *g, unsigned vcpu, const char *kind,
		const char *name, uint64_t n)
{
	if (!n)
		return;
	if (g->cfg->counters == COUNTERS_CSV)
		kit_printf("counters,%s,%u,%s,%s,%lu\n", g->cfg->name, vcpu,
			   kind, name, n);
	else
		kit_printf("host:   %s %-24s %12lu\n", kind, name, n);
}

static void vcpu_report(const struct guest *g, unsigned vcpu)
{
	static struct pv_vcpu_stats s __attribute__((aligned(64)));
	static struct pv_vcpu_calls c __attribute__((aligned(64)));
	uint64_t exits = 0;

	if (pv_partition_stats(g->part, vcpu, kit_gpa(&s)) ||
	    pv_partition_calls(g->part, vcpu, kit_gpa(&c)))
		return;
	for (unsigned i = 0; i < PV_EXIT_KINDS; i++)
		exits += s.exits[i];
	if (g->cfg->counters == COUNTERS_TEXT)
		kit_printf("host: guest %s, vCPU %u: %lu exits, %lu calls\n",
			   g->cfg->name, vcpu, exits, s.calls);
	for (unsigned i = 0; i < PV_EXIT_KINDS; i++)
		row(g, vcpu, "exit", exit_names[i], s.exits[i]);
	for (unsigned i = 0; i < PV_CALL_COUNT; i++)
		row(g, vcpu, "call", call_names[i], c.calls[i]);
	row(g, vcpu, "call", "unknown", c.unknown);
}

void counters_report(const struct guest *g)
{
	if (!g->created || g->cfg->counters == COUNTERS_NO)
		return;
	for (unsigned i = 0; i < g->cfg->vcpus; i++)
		vcpu_report(g, i);
}
