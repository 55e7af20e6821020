/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of the calls that only the host partition makes. This stands in the
 * place of the self test of its program, which runs it before the guests start
 * (`selftest = yes`); nothing else is at work then.
 */
#include <string.h>

#include "drivers/host/console.h"
#include "drivers/host/host.h"
#include "kit/console.h"
#include "kit/time.h"
#include "tests/bench/bench.h"
#include "tests/bench/host/rows.h"

#define REPS 3u

void bench_settle(void)
{
	uint64_t until = kit_time_ns() + 3 * KIT_MS;

	console_flush();
	while (kit_time_ns() < until)
		host_wait(until);
}

/* bench.py sets them once, for the guests: `cmdline = "reps=3 calls=0 ..."`. */
static unsigned option(const char *key, unsigned otherwise)
{
	size_t size = 0, len = strlen(key), i;
	const char *text = host_file("parley.cfg", &size);
	unsigned n = 0;

	for (i = 0; text && i + len < size; i++)
		if (!memcmp(text + i, key, len))
			break;
	if (!text || i + len >= size)
		return otherwise;
	for (i += len; i < size && text[i] >= '0' && text[i] <= '9'; i++)
		n = 10 * n + (unsigned)(text[i] - '0');
	return n;
}

void selftest_run(void)
{
	const struct op *op;
	unsigned n = option("reps=", REPS);

	if (!option("calls=", 1))
		return;
	memory_clean();
	for (op = host_ops; op->name; op++)
		op_measure(op, n);
	many_run(n);
}
