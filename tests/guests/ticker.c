/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts: a line `tick N` each tenth of a second; says what was typed; by the
 * virtio console `hvc`, if it has one. Ends with the exit code `code=` when it is
 * asked to, unless `deaf` is on its command line. */
#include <stdio.h>

#include "kit/console.h"
#include "kit/irq.h"
#include "kit/kit.h"
#include "kit/time.h"
#include "kit/vconsole.h"

static volatile bool asked;

static void shutdown(void *arg)
{
	(void)arg;
	asked = true;
}

int kit_main(const char *cmdline)
{
	struct kit_vconsole *console = kit_vconsole_open("hvc", NULL);
	char text[32];
	size_t n;

	(void)cmdline;
	if (console)
		kit_vconsole_use(console);
	if (!kit_option("deaf", text, sizeof(text)))
		kit_event_register(PV_PORT_SHUTDOWN, shutdown, NULL);
	for (unsigned i = 0; !asked; i++) {
		printf("tick %u\n", i);
		kit_sleep_ns(100 * KIT_MS);
		n = kit_read_try(text, sizeof(text) - 1);
		text[n] = 0;
		if (n)
			printf("typed: %s\n", text);
	}
	printf("asked to end\n");
	return (int)kit_option_u64("code", 0);
}
