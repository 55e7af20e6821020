/* SPDX-License-Identifier: BSD-2-Clause */
/* An emulated MC146818 clock with its memory, at ports 0x70 and 0x71 of an
 * unported guest (Motorola MC146818 data sheet). */
#ifndef HOST_RTC_H
#define HOST_RTC_H

#include <stdbool.h>
#include <stdint.h>

#define RTC_PORT 0x70u
#define RTC_BYTES 128u

struct rtc {
	uint8_t index;
	uint8_t byte[RTC_BYTES]; /* the time as it was last looked at */
	uint64_t ahead; /* of the clock that callers name, seconds, mod 2^64 */
	uint64_t seen;	/* the flags of register C are those of then, ns */
};

/* memory: the guest's, in bytes, from 0; utc: now, nanoseconds since 1970. */
void rtc_init(struct rtc *r, uint64_t memory, uint64_t utc);
/* reg: 0 is the index, 1 the byte that it names. */
uint8_t rtc_read(struct rtc *r, unsigned reg, uint64_t utc);
void rtc_write(struct rtc *r, unsigned reg, uint8_t v, uint64_t utc);
/* Is one of its interrupts enabled? */
bool rtc_interrupts(const struct rtc *r);
/* Its interrupt line. */
bool rtc_irq(struct rtc *r, uint64_t utc);
/* When it may go up, if nothing is written; 0: it will not. Behind rtc_irq. */
uint64_t rtc_next(const struct rtc *r, uint64_t utc);

#endif
