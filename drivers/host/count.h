/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests: how much of the machine's memory nobody has (`count`). */
#ifndef HOST_COUNT_H
#define HOST_COUNT_H

/* Takes all that is to be had, prints how many pages that were, gives it back. */
void count_print(void);

#endif
