/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the headers of the host partition's ELF image, with every bound. */
#pragma once

#include "lib/types.h"

#define ELF_MAX_SEGMENTS 12

#define ELF_X 1u
#define ELF_W 2u
#define ELF_R 4u

/* A PT_LOAD segment; memory from page(addr) to the page end of addr + memsz is
 * its own. */
struct elf_segment {
	u64 addr;   /* guest-physical and, identity-mapped, virtual */
	u64 offset; /* in the file */
	u64 filesz, memsz;
	u32 flags; /* ELF_* */
};

struct elf_image {
	u64 entry;
	u64 start, end; /* of all segments, page-aligned */
	u32 nr;
	struct elf_segment seg[ELF_MAX_SEGMENTS];
};

/*
 * Checks a file of `size` bytes: 64-bit little-endian x86-64 executable, all
 * ranges in the file and in memory [PAGE_SIZE, limit), no page in two segments,
 * none writable and executable, the entry in an executable one. NULL and *out,
 * or a sentence. (System V ABI, chapters 4 and 5.)
 */
const char *elf_parse(const void *file, u64 size, u64 limit,
		      struct elf_image *out);
