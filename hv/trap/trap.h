/* SPDX-License-Identifier: BSD-2-Clause */
/* Emulation, by neutral exit kind. */
#pragma once

#include "core/partition.h"

/* Handles v->last. Called with v loaded on this CPU, interrupts off. Ends the
 * partition itself when the exit has no answer. Guest RIP is advanced here. */
typedef void (*trap_fn)(struct vcpu *v, struct exit *x);
extern const trap_fn trap_table[24]; /* by enum exit_kind */

void trap_init(void); /* CPUID allow-list and MSR policy from the machine */
/* Opens the MSRs that profile may touch natively (FS/GS base, STAR, ...). */
void trap_space_setup(struct partition *p);
/* Prepares the fault that a refused instruction raises. */
void trap_inject_exception(struct vcpu *v, u8 vector, bool has_error,
			   u32 error);
