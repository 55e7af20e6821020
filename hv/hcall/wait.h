/* SPDX-License-Identifier: BSD-2-Clause */
/* The sleep that several calls end in. */
#ifndef HCALL_WAIT_H
#define HCALL_WAIT_H

#include "core/partition.h"

/* vcpu_wait for v, which is the caller: PV_OK (perhaps after a sleep, which may
 * turn it into PV_ETIME) or PV_ETIME. Deadline in guest TSC, 0: none. */
u64 vcpu_wait(struct vcpu *v, u64 deadline);

#endif
