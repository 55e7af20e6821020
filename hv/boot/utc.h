/* SPDX-License-Identifier: BSD-2-Clause */
/* The time of day, as UEFI's clock has it. */
#pragma once

#include <efi.h>

#include "lib/types.h"

/* Pure: seconds since 1970, UTC, of a valid date from then on. */
u64 utc_seconds(const EFI_TIME *t);
/* Asks UEFI; while there are boot services. */
void utc_read(void);
/* What that makes at TSC 0, in nanoseconds, modulo 2^64; without an answer
 * 1970 begins with it. tsc_khz is known. */
u64 utc_at_tsc_0(void);
