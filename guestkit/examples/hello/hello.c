/* SPDX-License-Identifier: BSD-2-Clause */
/* The smallest useful guest: says who it is, sleeps, answers its name. */
#include <stdio.h>

#include "kit/kit.h"
#include "kit/smp.h"
#include "kit/time.h"

int kit_main(const char *cmdline)
{
	char name[32] = "world";
	uint64_t before = kit_time_ns();

	kit_option("name", name, sizeof(name));
	printf("hello, %s: profile %s, %u vCPU(s), command line \"%s\"\n", name,
	       kit_profile_name(), kit_vcpus(), cmdline);

	kit_sleep_ns(100 * KIT_MS);
	printf("slept for %llu ms\n",
	       (unsigned long long)((kit_time_ns() - before) / KIT_MS));
	return 0;
}
