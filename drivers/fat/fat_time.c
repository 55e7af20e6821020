/* SPDX-License-Identifier: BSD-2-Clause */
/* Times of directory entries (FAT, 6.2): two seconds each, from 1980. */
#include "fat/fat_int.h"

#define DAY 86400u
#define DAYS_1980 3652u
#define YEARS 127u

static bool leap(unsigned year) /* of 1980 to 2107 */
{
	return year % 4 == 0 && year != 2100;
}

static unsigned year_days(unsigned year) { return 365u + leap(year); }

static unsigned month_days(unsigned year, unsigned month) /* from 1 */
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30,
					31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && leap(year));
}

uint64_t fat_time_read(const uint8_t *p)
{
	unsigned time = le16(p);
	unsigned date = le16(p + 2);
	unsigned year = 1980 + (date >> 9);
	unsigned month = date >> 5 & 15;
	uint64_t days = DAYS_1980;

	if (month < 1 || month > 12 || !(date & 31))
		return (uint64_t)DAYS_1980 * DAY;
	for (unsigned y = 1980; y < year; y++)
		days += year_days(y);
	for (unsigned m = 1; m < month; m++)
		days += month_days(year, m);
	days += (date & 31) - 1;
	return days * DAY + (time >> 11) * 3600u + (time >> 5 & 63) * 60u +
	       (time & 31) * 2u;
}

void fat_time_write(uint8_t *p, uint64_t seconds)
{
	uint64_t days = seconds / DAY;
	unsigned rest = (unsigned)(seconds % DAY);
	unsigned year = 1980, month = 1;

	if (days < DAYS_1980) {
		days = DAYS_1980;
		rest = 0;
	}
	days -= DAYS_1980;
	while (year < 1980 + YEARS && days >= year_days(year))
		days -= year_days(year++);
	while (month < 12 && days >= month_days(year, month))
		days -= month_days(year, month++);
	if (days > 30) /* behind 2107 */
		days = 30;
	fat_put16(p, rest / 3600 << 11 | rest / 60 % 60 << 5 | rest % 60 / 2);
	fat_put16(p + 2,
		  (year - 1980) << 9 | month << 5 | (unsigned)(days + 1));
}

uint64_t fat_now(const struct fat_vol *v)
{
	return v->io.now ? v->io.now(v->io.ctx) : (uint64_t)DAYS_1980 * DAY;
}
