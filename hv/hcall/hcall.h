/* SPDX-License-Identifier: BSD-2-Clause */
/* The dispatch table and the decoders, one file per object. */
#pragma once

#include "virt/virt.h"

/* Fills virt_hcall_table from the generated list. main, once. */
void hcall_init(void);

/* Each decoder is `struct hret hc_NAME(u64 a0, ..., u64 a5)`; the generated
 * header pvabi/hcalls.h declares them all and lists them as
 * PV_CALL_LIST(X) -> X(number, name). */
