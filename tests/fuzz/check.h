/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the checks of memory (check.c) and those of handles (handles.c). */
#pragma once

#include "tests/fuzz/sim.h"

#define PARTS PARTITION_MAX

/* Only its own return, or its end, takes a page from who has it for DMA. v is NULL
 * where that is not asked. */
void check_pins(const struct vcpu *v, u64 nr);
extern u64 check_turn; /* sim_turns when the call began */
/* What a server has got of a string of p by io_copy is what is there, unless
 * another CPU has run since. */
void check_copy(struct vcpu *v, const struct partition *p, const u64 *a);
/* Nothing of the host partition's is anybody's, and it has borrowed nothing. */
void check_lent(void);
