/* SPDX-License-Identifier: BSD-2-Clause */
/* Partitions for the host partition's rows. */
#ifndef BENCH_HOST_PARTS_H
#define BENCH_HOST_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#define PARTS_MAX 63u /* with the host partition it is 64 */
#define PART_PAGES 64u
#define PART_SERVED 0xfc000000ull /* an address with no memory */

extern uint64_t parts[PARTS_MAX]; /* handles with all rights */

/* One without memory; returns a status. quota: in pages. */
uint64_t part_try(uint64_t *part, uint64_t quota);
uint64_t part_try_of(uint32_t profile, uint64_t *part, uint64_t quota);
uint64_t part_make(uint64_t pages);
/* Makes n partitions without memory, or with `pages` from 0 on. */
void parts_make(uint32_t n, uint64_t pages);
void parts_destroy(uint32_t n);
void parts_close(uint32_t n); /* the handles */
void parts_end(uint32_t n);   /* both */

/* What a started partition does: one call, then it sleeps for ever. */
struct part_call {
	uint64_t call, arg[6];
};
/* Writes that program into one of PART_PAGES pages, and starts it. */
void part_prepare(uint64_t part, const struct part_call *c);
uint64_t part_start(uint64_t part);

#endif
