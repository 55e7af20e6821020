/* SPDX-License-Identifier: BSD-2-Clause */
/* TSC conversions. */
#pragma once

#include "lib/machine.h"

static inline u64 tsc_from_us(u64 us)
{
	return us * tsc_khz / 1000;
}
