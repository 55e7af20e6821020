/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests: how much of the machine's memory nobody has (`count`). */
#ifndef HOST_COUNT_H
#define HOST_COUNT_H

#include <stdint.h>

/* A partition that has nothing but the promise of so many pages; its status. */
uint64_t count_hold(uint64_t quota, uint64_t *part);
/* The largest promise that the machine can make now. */
uint64_t count_quota_left(void);

/* Takes all that is to be had, prints how many pages that were, gives it back. */
void count_print(void);

#endif
