/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's own symbols, embedded by the second link. */
#pragma once

#include "lib/types.h"

/*
 * Name of the function that holds addr, and the offset in it; NULL if none.
 * The table is generated: sorted u32 offsets from the image base, and names.
 */
const char *symtab_find(u64 addr, u64 *offset);

/*
 * The generated table (hv/boot/symtab.py), in read-only data; the first link
 * has it empty. Entry i: symtab_offset[i] from the image base, ascending, and
 * its name at symtab_names + symtab_name[i].
 */
extern const u32 symtab_count;
extern const u32 symtab_offset[];
extern const u32 symtab_name[];
extern const char symtab_names[];
