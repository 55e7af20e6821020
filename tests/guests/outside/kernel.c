/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel that brings everything but the kit itself. */
#include <kit/console.h>
#include <kit/mm.h>
#include <kit/time.h>

#include "own.h"

static char copy[32];

int kit_main(const char *cmdline)
{
	memcpy(copy, "own memcpy", 11);
	printf("outside: %s, own printf %d, profile %s\n", copy, 42,
	       kit_profile_name());
	kit_sleep_ns(10 * KIT_MS);
	return kit_pages_alloc(1) ? 0 : 1;
}
