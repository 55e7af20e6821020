/* SPDX-License-Identifier: BSD-2-Clause */
/* Console rings between a partition and the one that serves its console. */
#pragma once

#include "core/partition.h"

/* n bytes at `at` of p's memory. */
struct console_text {
	struct partition *p;
	gpa_t at;
	u64 n;
};

/*
 * From guest memory into the ring. *put is the number of bytes taken; *first
 * says that the ring was empty, so that its reader must be told. PV_EFAULT when
 * any of the n bytes is no memory of p; PV_EAGAIN when the ring is full.
 */
int console_put(struct console_ring *r, struct console_text t, u64 *put,
		bool *first) must_check;
/* From the ring into guest memory. PV_EFAULT as above, then nothing is taken. */
int console_get(struct console_ring *r, struct console_text t,
		u64 *got) must_check;
