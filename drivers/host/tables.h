/* SPDX-License-Identifier: BSD-2-Clause */
/* The page tables that a guest starts with. */
#ifndef HOST_TABLES_H
#define HOST_TABLES_H

#include "image.h"

/* How many pages the tables of a guest with that much RAM take. */
uint64_t tables_pages(const struct image *im, uint64_t ram);

/*
 * Builds identity tables in `buf` (zeroed, tables_pages() pages), which will
 * lie at guest-physical `at`; the root is the first page. The image's pages
 * have their segments' permissions, all other RAM is writable and not
 * executable. ram is a multiple of 4 KiB, at most 512 GiB.
 */
void tables_build(const struct image *im, uint64_t ram, uint64_t *buf,
		  uint64_t at);

#endif
