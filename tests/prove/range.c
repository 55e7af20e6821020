/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The check of a range, and the index that it keeps in bounds.
 *
 * PROVE: range_exact 1 range_within is start + size <= limit, for all of 64 bits
 * MUTANT: range_exact | lib/types.h | size <= limit - start | start + size <= limit
 * MUTANT: range_exact | lib/types.h | start <= limit && size | size
 */
#include "prove.h"

void range_exact(void)
{
	u64 start = nondet_u64(), size = nondet_u64(), limit = nondet_u64();
	unsigned __int128 end = (unsigned __int128)start + size;

	ASSERT(range_within(start, size, limit) == (end <= limit));
}
