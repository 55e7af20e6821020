/* SPDX-License-Identifier: BSD-2-Clause */
/* Time since boot in nanoseconds, sleeping, and one timer a vCPU. */
#ifndef KIT_TIME_H
#define KIT_TIME_H

#include "kit/kit.h"

#define KIT_FOREVER UINT64_MAX
#define KIT_MS 1000000ull
#define KIT_SECOND 1000000000ull

uint64_t kit_time_ns(void); /* monotonic; costs no exit under pv and hvm */

static inline uint64_t kit_tsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return (uint64_t)hi << 32 | lo;
}
/* Time of day: nanoseconds since 1970, UTC; from 1970 on, where the firmware
 * knows none. */
uint64_t kit_utc_ns(void);

uint64_t kit_tsc_khz(void);
uint64_t kit_tsc_of_ns(uint64_t ns); /* a point of time; not below it */
uint64_t kit_ns_of_tsc(uint64_t tsc);

/* Sleeps at least so long; events and timers are served meanwhile. */
void kit_sleep_ns(uint64_t ns);

/* Calls fn(arg) on this vCPU, in interrupt context, once kit_time_ns() has
 * reached the deadline; replaces the vCPU's timer before. KIT_FOREVER: none. */
void kit_timer_set(uint64_t deadline_ns, void (*fn)(void *), void *arg);

#endif
