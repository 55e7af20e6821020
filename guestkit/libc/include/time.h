/* SPDX-License-Identifier: BSD-2-Clause */
/* The types of ISO C <time.h>. kit/time.h has the time since boot, and
 * the time of day. */
#ifndef LIBC_TIME_H
#define LIBC_TIME_H

#include <stddef.h>

typedef long time_t;

struct tm {
	int tm_sec, tm_min, tm_hour, tm_mday, tm_mon, tm_year;
	int tm_wday, tm_yday, tm_isdst;
};

#endif
