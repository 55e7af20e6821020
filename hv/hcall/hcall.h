/* SPDX-License-Identifier: BSD-2-Clause */
/* The dispatch table and the decoders, one file per object. */
#pragma once

#include "virt/virt.h"

/* What an entry of a batch runs: PV_EINVAL, unless it may stand in one. */
extern hcall_fn hcall_batch_table[HCALL_TABLE_SIZE];

/* Fills that and virt_hcall_table from the generated list. main, once. */
void hcall_init(void);
