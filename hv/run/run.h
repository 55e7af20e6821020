/* SPDX-License-Identifier: BSD-2-Clause */
/* The vCPU loop of each CPU. */
#pragma once

#include "lib/types.h"

/* Registers the interrupt handlers of the loop. Boot CPU, once. */
void run_init(void);

/*
 * Runs vCPUs for ever. Each CPU enters it once, on its own stack, interrupts
 * off.
 */
noreturn_fn void run_cpu(void);
