/* SPDX-License-Identifier: BSD-2-Clause */
/* Looks up the generated table of the hypervisor's functions. */
#include "lib/symtab.h"

extern const char ImageBase[] __attribute__((visibility("hidden")));
extern const char hv_text_start[] __attribute__((visibility("hidden")));
extern const char hv_text_end[] __attribute__((visibility("hidden")));

const char *symtab_find(u64 addr, u64 *offset)
{
	u64 off = addr - (u64)ImageBase;
	u32 i = 0;

	if (addr < (u64)hv_text_start || addr >= (u64)hv_text_end)
		return NULL;
	while (i < symtab_count && symtab_offset[i] <= off)
		i++;
	if (!i)
		return NULL;
	*offset = off - symtab_offset[i - 1];
	return symtab_names + symtab_name[i - 1];
}
