/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers of an emulated MC146818 clock, as PCs have it; pure. */
#include "rtc.h"

#define SECOND_NS 1000000000ull
#define UPDATE_NS 2228000ull /* an update, with the 244 us before it */
#define DAY_S 86400ull
#define PARTS 32768ull	       /* of a second: what periods are made of */
#define DAYS_TO_1970 719468ull /* from 0000-03-01 */

enum {
	SECONDS = 0,
	ALARM_SECONDS = 1,
	MINUTES = 2,
	ALARM_MINUTES = 3,
	HOURS = 4,
	ALARM_HOURS = 5,
	WEEKDAY = 6,
	DAY = 7,
	MONTH = 8,
	YEAR = 9,
	REG_A = 10,
	REG_B = 11,
	REG_C = 12,
	REG_D = 13,
	BASE_KB = 0x15,
	EXTENDED_KB = 0x17,
	EXTENDED_KB_2 = 0x30,
	CENTURY = 0x32,
	ABOVE_16M = 0x34, /* in 64 KiB */
};

#define A_UIP 0x80u
#define A_DEFAULT 0x26u
#define B_SET 0x80u
#define B_BINARY 0x04u
#define B_24H 0x02u
/* Enabled by B, told by C. */
#define PERIODIC 0x40u
#define ALARM 0x20u
#define UPDATE 0x10u
#define C_IRQ 0x80u
#define ALARM_ANY 0xc0u /* in a register of the alarm: whatever it is */
#define D_VALID 0x80u
#define HOUR_PM 0x80u

struct date {
	unsigned year, month, day, hour, minute, second, weekday;
};

/* ---- the calendar ---- */

static uint64_t days_of(unsigned year, unsigned month, unsigned day)
{
	uint64_t y = year - (month <= 2);
	unsigned m = month > 2 ? month - 3 : month + 9;

	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day -
	       1 - DAYS_TO_1970;
}

static struct date date_of(uint64_t s)
{
	uint64_t z = s / DAY_S + DAYS_TO_1970, era = z / 146097;
	unsigned doe = (unsigned)(z % 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned m = (5 * doy + 2) / 153;
	unsigned sec = (unsigned)(s % DAY_S);

	return (struct date){
		.year = (unsigned)(yoe + era * 400) + (m >= 10),
		.month = m < 10 ? m + 3 : m - 9,
		.day = doy - (153 * m + 2) / 5 + 1,
		.hour = sec / 3600,
		.minute = sec / 60 % 60,
		.second = sec % 60,
		.weekday = (unsigned)((s / DAY_S + 4) % 7) + 1,
	};
}

/* ---- registers ---- */

static uint8_t coded(const struct rtc *r, unsigned v)
{
	return (uint8_t)(r->byte[REG_B] & B_BINARY ? v : v / 10 << 4 | v % 10);
}

static unsigned plain(const struct rtc *r, uint8_t v)
{
	return r->byte[REG_B] & B_BINARY ? v : (v >> 4) * 10u + (v & 15u);
}

static uint8_t hour_coded(const struct rtc *r, unsigned h)
{
	if (r->byte[REG_B] & B_24H)
		return coded(r, h);
	return (uint8_t)(coded(r, h % 12 ? h % 12 : 12) |
			 (h >= 12 ? HOUR_PM : 0));
}

static unsigned hour_plain(const struct rtc *r)
{
	uint8_t v = r->byte[HOURS];

	if (r->byte[REG_B] & B_24H)
		return plain(r, v);
	return plain(r, v & 0x7f) % 12 + (v & HOUR_PM ? 12 : 0);
}

static uint64_t now_s(const struct rtc *r, uint64_t utc)
{
	return utc / SECOND_NS + r->ahead;
}

/* While SET is on the time stands. */
static void time_show(struct rtc *r, uint64_t utc)
{
	struct date d = date_of(now_s(r, utc));

	if (r->byte[REG_B] & B_SET)
		return;
	r->byte[SECONDS] = coded(r, d.second);
	r->byte[MINUTES] = coded(r, d.minute);
	r->byte[HOURS] = hour_coded(r, d.hour);
	r->byte[WEEKDAY] = coded(r, d.weekday);
	r->byte[DAY] = coded(r, d.day);
	r->byte[MONTH] = coded(r, d.month);
	r->byte[YEAR] = coded(r, d.year % 100);
	r->byte[CENTURY] = coded(r, d.year / 100 % 100);
}

/* The clock goes on from what the bytes say; dates that are none go on from
 * the day that they would be. */
static void time_take(struct rtc *r, uint64_t utc)
{
	unsigned year =
		plain(r, r->byte[CENTURY]) * 100 + plain(r, r->byte[YEAR]);
	unsigned month = plain(r, r->byte[MONTH]);
	uint64_t s;

	year = year < 1970 ? 1970 : year;
	month = month - 1 < 12 ? month : 1;
	s = days_of(year, month, plain(r, r->byte[DAY])) * DAY_S +
	    hour_plain(r) * 3600ull + plain(r, r->byte[MINUTES]) * 60ull +
	    plain(r, r->byte[SECONDS]);
	r->ahead = s - utc / SECOND_NS;
}

/* ---- interrupts ---- */

/* A period is so many of 32,768 parts of a second, as a shift; 0 in register A:
 * there is none. */
static unsigned period_shift(const struct rtc *r)
{
	unsigned rate = r->byte[REG_A] & 15;

	return rate < 3 ? rate + 6 : rate - 1;
}

static uint64_t periods(const struct rtc *r, uint64_t ns)
{
	uint64_t t =
		ns / SECOND_NS * PARTS + ns % SECOND_NS * PARTS / SECOND_NS;

	return r->byte[REG_A] & 15 ? t >> period_shift(r) : 0;
}

static bool alarm_byte(const struct rtc *r, unsigned i, uint8_t now)
{
	return r->byte[i] >= ALARM_ANY || r->byte[i] == now;
}

/* Has the alarm's time of day been in the n seconds up to s? */
static bool alarm_met(const struct rtc *r, uint64_t s, uint64_t n)
{
	for (n = n < DAY_S ? n : DAY_S; n--; s--) {
		unsigned day = (unsigned)(s % DAY_S);

		if (alarm_byte(r, ALARM_SECONDS, coded(r, day % 60)) &&
		    alarm_byte(r, ALARM_MINUTES, coded(r, day / 60 % 60)) &&
		    alarm_byte(r, ALARM_HOURS, hour_coded(r, day / 3600)))
			return true;
	}
	return false;
}

/* Notes in register C what has happened up to now. */
static void flags_note(struct rtc *r, uint64_t utc)
{
	uint64_t s = utc / SECOND_NS - r->seen / SECOND_NS;

	if (periods(r, utc) != periods(r, r->seen))
		r->byte[REG_C] |= PERIODIC;
	if (s && !(r->byte[REG_B] & B_SET)) {
		r->byte[REG_C] |= UPDATE;
		if (alarm_met(r, now_s(r, utc), s))
			r->byte[REG_C] |= ALARM;
	}
	r->seen = utc;
}

static bool asserted(const struct rtc *r)
{
	return r->byte[REG_C] & r->byte[REG_B] & (PERIODIC | ALARM | UPDATE);
}

bool rtc_interrupts(const struct rtc *r)
{
	return r->byte[REG_B] & (PERIODIC | ALARM | UPDATE);
}

bool rtc_irq(struct rtc *r, uint64_t utc)
{
	flags_note(r, utc);
	return asserted(r);
}

static uint64_t period_end(const struct rtc *r, uint64_t utc)
{
	uint64_t t = (periods(r, utc) + 1) << period_shift(r);

	return t / PARTS * SECOND_NS +
	       (t % PARTS * SECOND_NS + PARTS - 1) / PARTS;
}

uint64_t rtc_next(const struct rtc *r, uint64_t utc)
{
	uint8_t b = r->byte[REG_B];
	uint64_t at = 0;

	if (asserted(r))
		return 0;
	if (b & (ALARM | UPDATE) && !(b & B_SET))
		at = (utc / SECOND_NS + 1) * SECOND_NS;
	if (b & PERIODIC && r->byte[REG_A] & 15 &&
	    (!at || period_end(r, utc) < at))
		at = period_end(r, utc);
	return at;
}

/* What has happened since it was read last; the line goes down. */
static uint8_t flags_take(struct rtc *r, uint64_t utc)
{
	uint8_t v;

	flags_note(r, utc);
	v = r->byte[REG_C] | (asserted(r) ? C_IRQ : 0);
	r->byte[REG_C] = 0;
	return v;
}

/* ---- accesses ---- */

static bool is_time(unsigned i)
{
	return i == SECONDS || i == MINUTES || i == HOURS ||
	       (i >= WEEKDAY && i <= YEAR) || i == CENTURY;
}

uint8_t rtc_read(struct rtc *r, unsigned reg, uint64_t utc)
{
	bool updates = utc % SECOND_NS >= SECOND_NS - UPDATE_NS &&
		       !(r->byte[REG_B] & B_SET);

	if (!reg)
		return 0xff; /* it can only be written */
	if (r->index == REG_A)
		return (uint8_t)(r->byte[REG_A] | (updates ? A_UIP : 0));
	if (r->index == REG_C)
		return flags_take(r, utc);
	if (is_time(r->index))
		time_show(r, utc);
	return r->byte[r->index];
}

static void mode_write(struct rtc *r, uint8_t v, uint64_t utc)
{
	bool was = r->byte[REG_B] & B_SET;

	time_show(r, utc);
	/* SET ends the updates, and switches their interrupt off */
	r->byte[REG_B] = v & B_SET ? v & (uint8_t)~UPDATE : v;
	if (was && !(v & B_SET))
		time_take(r, utc);
}

void rtc_write(struct rtc *r, unsigned reg, uint8_t v, uint64_t utc)
{
	flags_note(r, utc);
	if (!reg) {
		r->index = v &
			   0x7f; /* bit 7 masks NMIs, of which there are none */
	} else if (r->index == REG_A) {
		r->byte[REG_A] = v & (uint8_t)~A_UIP;
	} else if (r->index == REG_B) {
		mode_write(r, v, utc);
	} else if (r->index != REG_C && r->index != REG_D) {
		time_show(r, utc);
		r->byte[r->index] = v;
		if (is_time(r->index) && r->index != WEEKDAY &&
		    !(r->byte[REG_B] & B_SET))
			time_take(r, utc);
	}
}

/* ---- set-up ---- */

static void put16(struct rtc *r, unsigned at, uint64_t v)
{
	v = v > 0xffff ? 0xffff : v;
	r->byte[at] = (uint8_t)v;
	r->byte[at + 1] = (uint8_t)(v >> 8);
}

void rtc_init(struct rtc *r, uint64_t memory, uint64_t utc)
{
	uint64_t kb = memory >> 10;

	*r = (struct rtc){ .seen = utc };
	r->byte[REG_A] = A_DEFAULT;
	r->byte[REG_B] = B_24H;
	r->byte[REG_D] = D_VALID;
	put16(r, BASE_KB, kb < 640 ? kb : 640);
	put16(r, EXTENDED_KB, kb > 1024 ? kb - 1024 : 0);
	put16(r, EXTENDED_KB_2, kb > 1024 ? kb - 1024 : 0);
	put16(r, ABOVE_16M, kb > 16384 ? (kb - 16384) / 64 : 0);
}
