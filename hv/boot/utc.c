/* SPDX-License-Identifier: BSD-2-Clause */
/* The time of day, as UEFI's clock has it (UEFI 2.10, 8.3). */
#include "boot/boot.h"
#include "boot/utc.h"
#include "lib/machine.h"

static u64 read_s, read_tsc; /* both 0: not known */

u64 utc_seconds(const EFI_TIME *t)
{
	u64 y = t->Year - (t->Month <= 2);
	u32 m = t->Month > 2 ? t->Month - 3u : t->Month + 9u;
	u64 days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 +
		   t->Day - 719469; /* 1970-01-01 from 0000-03-01, with day 1 */
	s64 zone = t->TimeZone == EFI_UNSPECIFIED_TIMEZONE ? 0 : t->TimeZone;

	return days * 86400 + t->Hour * 3600u + t->Minute * 60u + t->Second +
	       (u64)(zone * 60);
}

void utc_read(void)
{
	EFI_TIME t;

	if (boot_st->RuntimeServices->GetTime(&t, NULL) || t.Year < 1970)
		return;
	read_tsc = rdtsc();
	read_s = utc_seconds(&t);
}

u64 utc_at_tsc_0(void)
{
	u64 ms = read_tsc / tsc_khz, rest = read_tsc % tsc_khz;

	return read_s * 1000000000 - (ms * 1000000 + rest * 1000000 / tsc_khz);
}
