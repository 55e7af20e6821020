/* SPDX-License-Identifier: BSD-2-Clause */
/* What hv/core/handle.c knows of a partition, and no more: a whole one is too
 * much for the prover. Found before hv/core/partition.h. */
#pragma once

#include "core/handle.h"
#include "pvabi/abi.h"
#include "pvabi/calls.h"
#include "lib/lock.h"

#define PARTITION_MAX 80

struct partition {
	u32 id, gen, dying;
	struct handle_table handles;
};
extern struct partition *partition_table[PARTITION_MAX];
struct partition *partition_get(u32 id);
struct partition *partition_live(u32 id, u32 gen);
