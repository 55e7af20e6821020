/* SPDX-License-Identifier: BSD-2-Clause */
/* The dispatch table and the decoders, one file per object. */
#pragma once

#include "virt/virt.h"

/* Fills virt_hcall_table from the generated list; what may not stand in a batch
 * is PV_EINVAL there. main, once. */
void hcall_init(void);
