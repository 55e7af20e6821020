/* SPDX-License-Identifier: BSD-2-Clause */
/* One clock on all CPUs, when they start. */
#pragma once

#include "lib/types.h"

/* How far another CPU's TSC is ahead, in ticks, and by how much at most that is
 * wrong. */
struct skew {
	s64 off;
	u64 error;
	u32 samples;
};

/* Takes one round: the boot CPU's TSC before and after, the other's between. */
void skew_sample(struct skew *s, u64 sent, u64 there, u64 back);
/* It is more than the error of its measurement. */
bool skew_found(const struct skew *s);

/* On the boot CPU, while the other one is in skew_answer(); the last ends it. */
struct skew skew_measure(void);
void skew_correct(const struct skew *s);
void skew_end(void);
/* On the other CPU, until skew_end(). */
void skew_answer(void);
