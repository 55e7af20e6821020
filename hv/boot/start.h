/* SPDX-License-Identifier: BSD-2-Clause */
/* Start-of-day page tables, built in a partition's own memory. */
#pragma once

#include "boot/elf.h"

/* The top of the memory, handed out downwards in whole zeroed pages. */
struct start_mem {
	u8 *base;  /* where gpa 0 of the partition is mapped for us */
	u64 size;  /* of its memory; multiple of PAGE_SIZE */
	u64 top;   /* first gpa in use */
	u64 floor; /* lowest gpa that may be used */
};

/* gpa of n pages, 0 when there is no room. */
u64 start_pages(struct start_mem *m, u64 n);

/*
 * Identity tables of 4 levels: each segment of the image with 4 KiB pages and
 * its own permissions, all else writable and not executable, with 2 MiB pages
 * where no segment is. Returns the root's gpa, 0 when there is no room.
 */
u64 start_tables(struct start_mem *m, const struct elf_image *image);
