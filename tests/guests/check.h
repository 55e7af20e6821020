/* SPDX-License-Identifier: BSD-2-Clause */
/* What the test guests share: PASS, FAIL and NOTE lines, a CRC, a generator. */
#ifndef GUESTS_CHECK_H
#define GUESTS_CHECK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "kit/kit.h"

/* of all files */
__attribute__((weak)) int check_failed, check_passed, check_left_out;

/* Prints `PASS name` or `FAIL name: why`, the why being a format. */
__attribute__((format(printf, 3, 4))) static inline bool
check(bool ok, const char *name, const char *why, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, why);
	vsnprintf(text, sizeof(text), why, ap);
	va_end(ap);
	if (ok) {
		check_passed++;
		printf("PASS %s\n", name);
	} else {
		check_failed++;
		printf("FAIL %s: %s\n", name, text);
	}
	return ok;
}

/* Does the command line say without=WHAT? Then `NOTE name: why` is printed, and
 * the caller leaves that out: the emulator cannot show it. */
static inline bool check_without(const char *what, const char *name,
				 const char *why)
{
	char without[16];

	if (!kit_option("without", without, sizeof(without)) ||
	    strcmp(without, what) != 0)
		return false;
	check_left_out++;
	printf("NOTE %s: left out: %s\n", name, why);
	return true;
}

/* The last line, and the exit code. */
static inline int check_summary(const char *guest)
{
	printf("%s: %d passed, %d failed", guest, check_passed, check_failed);
	if (check_left_out)
		printf(", %d left out", check_left_out);
	printf("\n");
	return check_failed ? 1 : 0;
}

/* CRC-32 (IEEE 802.3), bit by bit over a table of 16. */
static inline uint32_t crc32_add(uint32_t crc, const void *data, unsigned n)
{
	static const uint32_t t[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const uint8_t *p = data;

	for (crc = ~crc; n--; p++) {
		crc = crc >> 4 ^ t[(crc ^ *p) & 15];
		crc = crc >> 4 ^ t[(crc ^ *p >> 4) & 15];
	}
	return ~crc;
}

static inline uint64_t rand_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif
