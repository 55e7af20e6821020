/* SPDX-License-Identifier: BSD-2-Clause */
/* The host partition's tables of operations. */
#ifndef BENCH_HOST_ROWS_H
#define BENCH_HOST_ROWS_H

#include "tests/bench/bench.h"

extern const struct op host_ops[];

/* Lets all free frames be scrubbed, so that none needs it when it is taken. */
void memory_clean(void);

/* The fast calls with one partition and with 64. */
void many_run(unsigned reps);

#endif
