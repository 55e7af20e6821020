/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that change guests, and the list of them. */
#include <string.h>

#include "commands.h"
#include "guest.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/time.h"
#include "operate.h"
#include "shell.h"

#define STOP_SECONDS 5u

const char *commands_guest(unsigned i)
{
	const struct guest *g = guests_nth(i);

	return g ? g->cfg->name : NULL;
}

const char *operate_find(const char *name, struct guest **out)
{
	for (unsigned i = 0; (*out = guests_nth(i)); i++)
		if (!strcmp((*out)->cfg->name, name))
			return NULL;
	return commands_fail("there is no such guest", name);
}

const char *operate_running(const char *name, struct guest **out)
{
	const char *wrong = operate_find(name, out);

	if (wrong)
		return wrong;
	return (*out)->phase == GUEST_RUNS ?
		       NULL :
		       commands_fail("it does not run", name);
}

/* A sentence for people; programs have the result's being there. */
static void say(struct out *o, const struct guest *g, const char *what)
{
	if (o->json)
		return;
	out_text(o, g->cfg->name, strlen(g->cfg->name));
	out_text(o, " ", 1);
	out_say(o, what);
}

/* ---- list ---- */

static void list_row(struct out *o, const struct guest *g)
{
	static const char *const profiles[] = { "pv", "hvm", "classic" };
	const char *state = guest_state(g);

	out_row(o);
	out_cell(o, g->cfg->name);
	out_cell(o, state);
	out_cell(o, profiles[g->cfg->profile]);
	out_number(o, g->cfg->vcpus);
	out_number(o, g->cfg->memory >> 20);
	if (!strcmp(state, "exited"))
		out_number(o, g->status.code);
	else
		out_cell(o, NULL);
	out_cell(o, g->failed		   ? g->failed :
		    !strcmp(state, "died") ? g->status.reason :
					     NULL);
}

const char *cmd_list(struct out *o, unsigned argc, char **argv)
{
	static const struct out_column columns[] = {
		{ "name", 23 }, { "state", 7 }, { "profile", 7 },
		{ "vcpus", 5 }, { "mib", 6 },	{ "code", 4 },
		{ "why", 0 },
	};
	const struct guest *g;

	(void)argc;
	(void)argv;
	out_table(o, columns, sizeof(columns) / sizeof(columns[0]));
	for (unsigned i = 0; (g = guests_nth(i)); i++)
		list_row(o, g);
	return NULL;
}

/* ---- begin and end ---- */

const char *cmd_start(struct out *o, unsigned argc, char **argv)
{
	struct guest *g;
	const char *wrong = operate_find(argv[1], &g);

	(void)argc;
	if (wrong)
		return wrong;
	if (g->phase == GUEST_RUNS)
		return commands_fail("it runs already", argv[1]);
	if (g->phase == GUEST_ENDS)
		return commands_fail("it has not quite ended yet", argv[1]);
	guest_begin(g);
	if (g->failed)
		return commands_fail("it cannot start", g->failed);
	say(o, g, "runs");
	return NULL;
}

/* An event is all that a guest gets to hear. */
static const char *ask(struct guest *g)
{
	uint64_t event, err;

	if (g->status.state == PV_STATE_PAUSED)
		return commands_fail("it is paused", g->cfg->name);
	err = pv_event_bind(g->part, PV_PORT_SHUTDOWN, 0, &event);
	if (!err) {
		err = pv_event_send(event);
		pv_handle_close(event);
	}
	return err ? commands_fail("it cannot be asked", kit_status_name(err)) :
		     NULL;
}

const char *cmd_shutdown(struct out *o, unsigned argc, char **argv)
{
	struct guest *g;
	const char *wrong = operate_running(argv[1], &g);

	(void)argc;
	if (!wrong)
		wrong = ask(g);
	if (!wrong)
		say(o, g, "is asked to end");
	return wrong;
}

static void destroy(struct guest *g)
{
	g->by_operator = true;
	guest_kill(g);
}

/* Asks one that can hear, and does not wait for ever. */
static const char *stop(struct guest *g, unsigned argc, char **argv)
{
	uint64_t seconds = STOP_SECONDS;

	if (argc > 2 && (!commands_number(argv[2], &seconds) || seconds > 3600))
		return commands_fail("expected seconds, 3600 at most", argv[2]);
	g->by_operator = true;
	if (!seconds || ask(g))
		destroy(g);
	else
		guest_kill_at(g, kit_time_ns() + seconds * KIT_SECOND);
	return NULL;
}

const char *cmd_stop(struct out *o, unsigned argc, char **argv)
{
	struct guest *g;
	const char *wrong = operate_running(argv[1], &g);

	if (!wrong)
		wrong = stop(g, argc, argv);
	if (!wrong)
		say(o, g, g->phase == GUEST_RUNS ? "is asked to end" : "ends");
	return wrong;
}

const char *cmd_reboot(struct out *o, unsigned argc, char **argv)
{
	struct guest *g;
	const char *wrong = operate_running(argv[1], &g);

	if (!wrong)
		wrong = stop(g, argc, argv);
	if (wrong)
		return wrong;
	g->again = true;
	say(o, g, "ends, and starts again");
	return NULL;
}

const char *cmd_destroy(struct out *o, unsigned argc, char **argv)
{
	struct guest *g;
	const char *wrong = operate_find(argv[1], &g);

	(void)argc;
	if (wrong)
		return wrong;
	if (g->phase != GUEST_RUNS && g->phase != GUEST_WAITS)
		return commands_fail("it does not run", argv[1]);
	destroy(g);
	say(o, g, "ends");
	return NULL;
}

/* ---- pause ---- */

const char *cmd_pause(struct out *o, unsigned argc, char **argv)
{
	struct guest *g;
	const char *wrong = operate_running(argv[1], &g);
	uint64_t err;

	(void)argc;
	if (wrong)
		return wrong;
	if (g->status.state == PV_STATE_PAUSED)
		return commands_fail("it is paused already", argv[1]);
	err = pv_partition_pause(g->part);
	guest_look(g);
	if (err)
		return commands_fail("it cannot be paused",
				     kit_status_name(err));
	say(o, g, "is paused");
	return NULL;
}

const char *cmd_resume(struct out *o, unsigned argc, char **argv)
{
	struct guest *g;
	const char *wrong = operate_running(argv[1], &g);
	uint64_t err;

	(void)argc;
	if (wrong)
		return wrong;
	if (g->status.state != PV_STATE_PAUSED)
		return commands_fail("it is not paused", argv[1]);
	err = pv_partition_resume(g->part);
	guest_look(g);
	if (err)
		return commands_fail("it cannot be resumed",
				     kit_status_name(err));
	say(o, g, "runs");
	return NULL;
}

/* ---- the rest ---- */

const char *cmd_type(struct out *o, unsigned argc, char **argv)
{
	struct guest *g;
	const char *wrong = operate_running(argv[1], &g);

	(void)o;
	(void)argc;
	if (!wrong)
		guest_type(g, argv[2], strlen(argv[2]));
	return wrong;
}

static bool off;
static uint64_t off_status;

bool operate_off(unsigned *status)
{
	if (off && status && off_status <= 255)
		*status = (unsigned)off_status;
	return off;
}

const char *cmd_off(struct out *o, unsigned argc, char **argv)
{
	struct guest *g;
	uint64_t status = UINT64_MAX; /* as the guests have ended */

	(void)o;
	if (argc > 1 && (!commands_number(argv[1], &status) || status > 255))
		return commands_fail("expected a status, 0 to 255", argv[1]);
	off = true;
	off_status = status;
	for (unsigned i = 0; (g = guests_nth(i)); i++) {
		g->again = false;
		g->by_hand = true; /* and none follows another one now */
		if (g->phase == GUEST_WAITS)
			g->phase = GUEST_OFF;
		if (g->phase == GUEST_RUNS)
			destroy(g);
	}
	return NULL;
}
