/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's commands: a table, for the shell and for the control channel. */
#ifndef HOST_COMMANDS_H
#define HOST_COMMANDS_H

#include "out.h"

#define COMMAND_WORDS 8u

struct command {
	const char *name;
	/* Words; [those] may be left out; a|b are the choices, and what is in
	 * capitals is described by its name. */
	const char *args;
	const char *help;
	/* argv[0] is the name. NULL, or why not: then nothing was put out. */
	const char *(*run)(struct out *o, unsigned argc, char **argv);
};

/* Runs one; the result is complete. NULL, or why not: nothing was put out. */
const char *commands_run(struct out *o, unsigned argc, char **argv);

/* The same with the words of a line, which it cuts; "quotes" hold blanks. An
 * empty line does nothing. */
const char *commands_line(struct out *o, char *line);

/* For the completion of lines: see struct line_edit. */
const char *commands_candidate(const char *first, unsigned word, unsigned i);

/* Puts a message together, for a command to return; kept until the next. */
const char *commands_fail(const char *what, const char *about);

/* A number of an argument; false: it is none. */
bool commands_number(const char *s, uint64_t *v);

/* The i-th guest's name; NULL behind the last. */
const char *commands_guest(unsigned i);

/* ---- the commands ---- */

typedef const char *command_fn(struct out *o, unsigned argc, char **argv);

/* operate.c */
command_fn cmd_list, cmd_start, cmd_stop, cmd_shutdown, cmd_reboot, cmd_pause,
	cmd_resume, cmd_destroy, cmd_type, cmd_off;
/* devices.c */
command_fn cmd_devices;
/* map.c */
command_fn cmd_map;
/* show.c */
command_fn cmd_console, cmd_log, cmd_stats, cmd_trace;

#endif
