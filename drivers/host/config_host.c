/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of the configuration's section [host]; pure. */
#include <string.h>

#include "config_values.h"

static bool host_memory(struct parse *p, char *v)
{
	return config_set_memory(p, v, &p->c->host_memory);
}

static bool host_selftest(struct parse *p, char *v)
{
	return config_set_yes(p, v, &p->c->selftest);
}

static bool host_shell(struct parse *p, char *v)
{
	return config_set_yes(p, v, &p->c->shell);
}

static bool host_control(struct parse *p, char *v)
{
	static const char *const words[] = { "no", "com2", NULL };

	return config_set_word(p, v, words, &p->c->control);
}

static bool host_screen(struct parse *p, char *v)
{
	static const char *const words[] = { "auto", "no", "yes", NULL };

	return config_set_word(p, v, words, &p->c->screen);
}

static bool host_pcap(struct parse *p, char *v)
{
	static const char *const words[] = { "no", "com3", NULL };

	return config_set_word(p, v, words, &p->c->pcap);
}

#define CRASH_MAX 10000000u

static bool host_crash(struct parse *p, char *v)
{
	struct config *c = p->c;
	unsigned i = c->nr_crashes;
	char *insns = strchr(v, ':');

	if (i == CFG_CRASHES)
		return config_bad(p, "too many", v);
	if (insns)
		*insns++ = 0;
	c->nr_crashes++;
	return config_set_number(p, v, insns ? 0 : 1, CRASH_MAX,
				 &c->crash[i].step) &&
	       (!insns ||
		config_set_number(p, insns, 1, CRASH_MAX, &c->crash[i].insns));
}

static bool host_count(struct parse *p, char *v)
{
	return config_set_yes(p, v, &p->c->count);
}

static bool host_trace(struct parse *p, char *v)
{
	static const char *const words[] = { "text", "raw", "both", NULL };

	return config_set_word(p, v, words, &p->c->trace);
}

static bool host_netprobe(struct parse *p, char *v)
{
	return config_set_ip4(p, v, &p->c->netprobe);
}

/* The boot stage has read it, and gives what it says. */
static bool host_devices(struct parse *p, char *v)
{
	(void)p;
	(void)v;
	return true;
}

const struct key config_host_keys[] = {
	{ "memory", host_memory, false },
	{ "devices", host_devices, false },
	{ "selftest", host_selftest, false },
	{ "trace", host_trace, false },
	{ "shell", host_shell, false },
	{ "control", host_control, false },
	{ "screen", host_screen, false },
	{ "pcap", host_pcap, false },
	{ "netprobe", host_netprobe, false },
	{ "crash", host_crash, true },
	{ "count", host_count, false },
	{ NULL, NULL, false },
};
