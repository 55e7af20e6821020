/* SPDX-License-Identifier: BSD-2-Clause */
/* Emulation, by neutral exit kind. */
#pragma once

#include "core/partition.h"

/* Handles v->last: afterwards RIP is right, a fault is prepared, or the
 * partition has ended. v loaded on this CPU, interrupts off. */
void trap_handle(struct vcpu *v, struct exit *x);
