/* SPDX-License-Identifier: BSD-2-Clause */
/* Comparing memory, which only the boot stage does. */
#include "boot/string.h"

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
