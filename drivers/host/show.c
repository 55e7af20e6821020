/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that only show something. */
#include <string.h>

#include "commands.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "operate.h"
#include "shell.h"
#include "tracer.h"
#include "vdisk.h"
#include "vnet.h"

/* ---- texts ---- */

static void scroll_out(struct out *o, const struct scroll *s)
{
	struct scroll_text t = scroll_get(s);

	out_text(o, t.part[0], t.n[0]);
	out_text(o, t.part[1], t.n[1]);
}

const char *cmd_log(struct out *o, unsigned argc, char **argv)
{
	(void)argc;
	(void)argv;
	scroll_out(o, console_log_back());
	return NULL;
}

const char *cmd_console(struct out *o, unsigned argc, char **argv)
{
	struct guest *g;
	const char *wrong = operate_find(argv[1], &g);

	(void)argc;
	if (wrong)
		return wrong;
	if (!o->json && g->phase == GUEST_RUNS)
		shell_console(g);
	else
		scroll_out(o, &g->back);
	return NULL;
}

/* ---- trace ---- */

static bool trace_kinds(const char *s, unsigned *what)
{
	static const char *const words[] = { "calls", "exits", "switches" };
	size_t n;

	for (*what = 0;; s += n + 1) {
		unsigned i = 0;

		n = strcspn(s, ",");
		while (i < 3 &&
		       (strlen(words[i]) != n || strncmp(words[i], s, n)))
			i++;
		if (i == 3)
			return false;
		*what |= 1u << i;
		if (!s[n])
			return true;
	}
}

const char *cmd_trace(struct out *o, unsigned argc, char **argv)
{
	struct guest *g;
	const char *wrong = operate_running(argv[1], &g);
	unsigned what = PV_TRACE_CALLS;
	bool on = !strcmp(argv[2], "on");

	(void)o;
	if (wrong)
		return wrong;
	if (!on && strcmp(argv[2], "off"))
		return commands_fail("expected on or off", argv[2]);
	if (argc > 3 && !trace_kinds(argv[3], &what))
		return commands_fail("expected some of calls,exits,switches",
				     argv[3]);
	if (on)
		return tracer_set(g, what);
	tracer_end(g);
	return NULL;
}

/* ---- stats ---- */

struct sample {
	uint64_t tsc, run, exits, calls, requests, bytes;
};

/* The last one of each, for the rates: of people and of programs. */
static struct sample before[2][CFG_GUESTS + 1];

static void vcpus_add(struct sample *s, uint64_t part, unsigned vcpus)
{
	static struct pv_vcpu_stats v __attribute__((aligned(64)));

	for (unsigned n = 0; n < vcpus; n++) {
		if (pv_partition_stats(part, n, kit_gpa(&v)))
			return;
		for (unsigned i = 0; i < PV_EXIT_KINDS; i++)
			s->exits += v.exits[i];
		s->calls += v.calls;
		s->run += v.run_tsc;
	}
}

static void stats_row(struct out *o, const char *name, const struct sample *now,
		      struct sample *last)
{
	struct sample was = *last;
	uint64_t ms;

	if (now->run < was.run) /* it has been started anew */
		was = (struct sample){ .tsc = was.tsc };
	ms = (now->tsc - was.tsc) / (kit_tsc_khz() + !kit_tsc_khz());
	ms += !ms;
	out_row(o);
	out_cell(o, name);
	out_tenths(o, (now->run - was.run) / kit_tsc_khz() * 1000 / ms);
	out_number(o, now->exits);
	out_number(o, (now->exits - was.exits) * 1000 / ms);
	out_number(o, now->calls);
	out_number(o, (now->calls - was.calls) * 1000 / ms);
	out_number(o, now->requests);
	out_number(o, (now->requests - was.requests) * 1000 / ms);
	out_number(o, now->bytes >> 10);
	*last = *now;
}

/* A disk's requests, or a network card's frames. */
static void io_add(struct sample *s, const struct guest *g, unsigned n)
{
	const struct vdisk *d = guest_disk(g, n);
	const struct netswitch_port *p;

	if (d) {
		s->requests += d->nr_requests;
		s->bytes += d->nr_bytes;
	} else if (g->vdev[n] && g->cfg->vdev[n].type == VDEV_NET) {
		p = &((const struct vnet *)g->vdev[n])->port;
		s->requests += p->count.in_frames + p->count.out_frames;
		s->bytes += p->count.in_bytes + p->count.out_bytes;
	}
}

static void guest_stats(struct out *o, struct guest *g)
{
	struct sample s = { .tsc = kit_tsc() };

	vcpus_add(&s, g->part, g->cfg->vcpus);
	for (unsigned i = 0; i < g->cfg->nr_vdevs; i++)
		io_add(&s, g, i);
	stats_row(o, g->cfg->name, &s, &before[o->json][g->slot]);
}

const char *cmd_stats(struct out *o, unsigned argc, char **argv)
{
	static const struct out_column columns[] = {
		{ "name", 23 },	  { "cpu", 5 },	   { "exits", 10 },
		{ "exits_s", 8 }, { "calls", 10 }, { "calls_s", 8 },
		{ "io", 8 },	  { "io_s", 7 },   { "io_kib", 0 },
	};
	struct sample host = { .tsc = kit_tsc() };
	struct guest *g;
	uint64_t seconds = 0;

	if (argc > 1 &&
	    (!commands_number(argv[1], &seconds) || !seconds || seconds > 3600))
		return commands_fail("expected seconds, 1 to 3600", argv[1]);
	if (seconds && o->json)
		return "the table is live on the console only";
	out_table(o, columns, sizeof(columns) / sizeof(columns[0]));
	vcpus_add(&host, kit_info()->self, kit_info()->vcpus);
	stats_row(o, "(host)", &host, &before[o->json][CFG_GUESTS]);
	for (unsigned i = 0; (g = guests_nth(i)); i++)
		if (g->phase == GUEST_RUNS)
			guest_stats(o, g);
	if (seconds)
		shell_repeat_stats(seconds);
	return NULL;
}
