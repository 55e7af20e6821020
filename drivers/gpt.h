/* SPDX-License-Identifier: BSD-2-Clause */
/* GUID partition table (UEFI 2.10, chapter 5.3), read only. */
#ifndef DRIVERS_GPT_H
#define DRIVERS_GPT_H

#include "env.h"

#define GPT_PARTS_MAX 128u
#define GPT_NAME_MAX 37u

struct gpt_part {
	uint64_t first, count;	 /* sectors */
	char name[GPT_NAME_MAX]; /* what is not ASCII becomes '?' */
};

struct gpt_header {
	uint64_t first_usable, last_usable, entries_at;
	uint32_t entry_count, entry_size, entries_crc;
};

uint32_t crc32_add(uint32_t crc, const void *data, size_t n); /* start at 0 */

/* Checks a header sector read from `lba` of a disk. Null, or what is wrong. */
const char *gpt_header_parse(const uint8_t sector[512], uint64_t lba,
			     uint64_t disk_sectors, struct gpt_header *h);

/* Size of the entry array in sectors; bounded by gpt_header_parse. */
uint32_t gpt_entries_sectors(const struct gpt_header *h);

/* Checks the entry array and takes its used entries. Returns how many were
 * taken, -1 when the checksum is wrong. Entries out of the usable range or of
 * a disk are left out. */
int gpt_entries_parse(const struct gpt_header *h, const uint8_t *entries,
		      struct gpt_part *out, unsigned max);

#endif
