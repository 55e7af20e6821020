/* SPDX-License-Identifier: BSD-2-Clause */
/* Console rings between a partition and the one that serves its console. */
#pragma once

#include "core/partition.h"

/*
 * n bytes from p's memory into the ring. *put is the number of those taken. Where it
 * is p's output, and was empty, p's creator is told. PV_EFAULT when any of the n
 * bytes is no memory of p; PV_EAGAIN when the ring is full.
 */
int console_put(struct console_ring *r, struct partition *p, gpa_t at, u64 n,
		u64 *put) must_check;
/* From the ring into p's memory. PV_EFAULT as above, then nothing is taken. */
int console_get(struct console_ring *r, struct partition *p, gpa_t at, u64 n,
		u64 *got) must_check;
