/* SPDX-License-Identifier: BSD-2-Clause */
/* Looks up the generated table of the hypervisor's functions. */
#include "lib/symtab.h"

extern const char ImageBase[] __attribute__((visibility("hidden")));
extern const char hv_text_start[] __attribute__((visibility("hidden")));
extern const char hv_text_end[] __attribute__((visibility("hidden")));

const char *symtab_find(u64 addr, u64 *offset)
{
	u64 off = addr - (u64)ImageBase;
	u32 lo = 0, hi = symtab_count;

	if (addr < (u64)hv_text_start || addr >= (u64)hv_text_end || !hi ||
	    off < symtab_offset[0])
		return NULL;
	while (hi - lo > 1) {
		u32 mid = lo + (hi - lo) / 2;

		if (symtab_offset[mid] <= off)
			lo = mid;
		else
			hi = mid;
	}
	*offset = off - symtab_offset[lo];
	return symtab_names + symtab_name[lo];
}
