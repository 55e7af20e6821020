/* SPDX-License-Identifier: BSD-2-Clause */
/* Console rings between a partition and the one that serves its console. */
#pragma once

#include "core/partition.h"

/*
 * n bytes from the caller's memory into a ring of p. *put is the number of those
 * taken. Of its output p's creator is told where the ring was empty, of its input p
 * itself. PV_EFAULT when any of the n bytes is no memory of the caller; PV_EAGAIN
 * when the ring is full.
 */
int console_put(struct partition *p, enum console_way way, gpa_t at, u64 n,
		u64 *put) must_check;
/* From the ring into the caller's memory. PV_EFAULT as above, then nothing is
 * taken. */
int console_get(struct partition *p, enum console_way way, gpa_t at, u64 n,
		u64 *got) must_check;
