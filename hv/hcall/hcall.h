/* SPDX-License-Identifier: BSD-2-Clause */
/* The dispatch table and the decoders, one file per object. */
#pragma once

#include "virt/virt.h"

/* Fills virt_hcall_table from the generated list; what may not stand in a batch
 * is PV_EINVAL there. main, once. */
void hcall_init(void);
/* Code: what the part of it from HCALL_TRACED on runs, one behind the other. */
extern const u8 hcall_thunks[] __attribute__((visibility("hidden")));
#define HCALL_THUNK_SIZE 16
/* What those run. */
struct hret hcall_traced(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5,
			 u64 slot);
