/* SPDX-License-Identifier: BSD-2-Clause */
/* Seconds since 1970 of the firmware's dates. */
/* TEST-SRC: hv/boot/utc.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "boot/boot.h"
#include "boot/utc.h"
#include "lib/machine.h"

EFI_SYSTEM_TABLE *boot_st;
u64 tsc_khz = 1000;

static u64 seconds(int y, int mon, int d, int h, int min, int s, int zone)
{
	EFI_TIME t = { .Year = (UINT16)y,
		       .Month = (UINT8)mon,
		       .Day = (UINT8)d,
		       .Hour = (UINT8)h,
		       .Minute = (UINT8)min,
		       .Second = (UINT8)s,
		       .TimeZone = (INT16)zone };

	return utc_seconds(&t);
}

static void is_libc_s(void **state)
{
	(void)state;
	for (time_t at = 0; at < 6000000000; at += 86399 * 3) {
		struct tm *t = gmtime(&at);

		assert_int_equal(seconds(t->tm_year + 1900, t->tm_mon + 1,
					 t->tm_mday, t->tm_hour, t->tm_min,
					 t->tm_sec, 0),
				 at);
	}
}

static void zone_is_taken_off(void **state)
{
	(void)state;
	/* local time = UTC - zone */
	assert_int_equal(seconds(1970, 1, 1, 1, 0, 0, -60), 0);
	assert_int_equal(seconds(1970, 1, 1, 0, 0, 0, 90), 5400);
	assert_int_equal(seconds(1970, 1, 2, 0, 0, 0, 0x7ff), 86400);
}

static EFI_STATUS EFIAPI no_clock(EFI_TIME *t, EFI_TIME_CAPABILITIES *c)
{
	(void)t;
	(void)c;
	return EFI_UNSUPPORTED;
}

static EFI_STATUS EFIAPI in_1971(EFI_TIME *t, EFI_TIME_CAPABILITIES *c)
{
	(void)c;
	*t = (EFI_TIME){ .Year = 1971, .Month = 1, .Day = 1 };
	return 0;
}

static void begins_with_the_tsc(void **state)
{
	EFI_RUNTIME_SERVICES rs = { .GetTime = no_clock };
	EFI_SYSTEM_TABLE st = { .RuntimeServices = &rs };

	(void)state;
	boot_st = &st;
	utc_read();
	assert_int_equal(utc_at_tsc_0(), 0);
	rs.GetTime = in_1971;
	utc_read();
	assert_true(utc_at_tsc_0() + 1000 * __builtin_ia32_rdtsc() -
			    365 * 86400 * 1000000000ull <
		    1000ull * 1000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_libc_s),
		cmocka_unit_test(zone_is_taken_off),
		cmocka_unit_test(begins_with_the_tsc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
