/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a run. */
#pragma once

#include "lib/types.h"

/*
 * Prints "parley: power off, status N", then switches the machine off: a
 * status other than 0 goes to isa-debug-exit (port 0xF4) where CPUID says
 * that this is QEMU; then ACPI S5, the emulators' port (Bochs 0x8900),
 * ResetSystem; else halts. Any CPU, any context after ExitBootServices.
 */
noreturn_fn void power_off(u32 status);

/* ResetSystem, and the page tables to call it on. Set by hv/boot. */
extern u64 power_reset_system, power_runtime_cr3;
