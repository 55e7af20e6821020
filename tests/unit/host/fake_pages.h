/* SPDX-License-Identifier: BSD-2-Clause */
/* The pages of the host partition's program: counted, and limited. */
#ifndef TESTS_UNIT_HOST_FAKE_PAGES_H
#define TESTS_UNIT_HOST_FAKE_PAGES_H

#include <stdlib.h>
#include <string.h>

#include "kit/mm.h"

static size_t pages_left = 100000;
static unsigned pages_given; /* calls of kit_pages_alloc so far */
static long pages_in_use;
static unsigned pages_fail_at; /* the n-th call from now on; 0: none */

void *kit_pages_alloc(size_t n)
{
	void *p;

	pages_given++;
	if (n > pages_left || (pages_fail_at && !--pages_fail_at))
		return NULL;
	p = aligned_alloc(4096, n * 4096);
	memset(p, 0, n * 4096);
	pages_left -= n;
	pages_in_use += (long)n;
	return p;
}

void kit_pages_free(void *p, size_t n)
{
	memset(p, 0xdd, n * 4096);
	free(p);
	pages_left += n;
	pages_in_use -= (long)n;
}

size_t kit_pages_left(void) { return pages_left; }

#endif
