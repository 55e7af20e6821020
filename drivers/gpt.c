/* SPDX-License-Identifier: BSD-2-Clause */
/* Parses a GUID partition table; the disk may hold anything. */
#include "gpt.h"

#define SECTOR 512u
#define HEADER_MIN 92u
#define ENTRY_MIN 128u

uint32_t crc32_add(uint32_t crc, const void *data, size_t n)
{
	const uint8_t *p = data;

	crc = ~crc;
	while (n--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* The header's checksum is made with its own field as zero. */
static bool header_crc_ok(const uint8_t *s, uint32_t size)
{
	static const uint8_t zero[4];
	uint32_t crc = crc32_add(0, s, 16);

	crc = crc32_add(crc, zero, 4);
	return crc32_add(crc, s + 20, size - 20) == le32(s + 16);
}

const char *gpt_header_parse(const uint8_t s[512], uint64_t lba,
			     uint64_t disk_sectors, struct gpt_header *h)
{
	uint32_t size = le32(s + 12);
	uint32_t sectors;

	if (le64(s) != 0x5452415020494645ull) /* "EFI PART" */
		return "no GPT signature";
	if (size < HEADER_MIN || size > SECTOR || !header_crc_ok(s, size))
		return "the GPT header's checksum is wrong";
	if (le64(s + 24) != lba)
		return "the GPT header is not where it says";
	h->first_usable = le64(s + 40);
	h->last_usable = le64(s + 48);
	h->entries_at = le64(s + 72);
	h->entry_count = le32(s + 80);
	h->entry_size = le32(s + 84);
	h->entries_crc = le32(s + 88);
	if (h->entry_size < ENTRY_MIN || h->entry_size > SECTOR ||
	    h->entry_size % ENTRY_MIN || !h->entry_count ||
	    h->entry_count > GPT_PARTS_MAX)
		return "the GPT's entries have a size out of bounds";
	sectors = gpt_entries_sectors(h);
	if (h->entries_at < 2 || sectors > disk_sectors ||
	    h->entries_at > disk_sectors - sectors ||
	    h->last_usable >= disk_sectors || h->first_usable > h->last_usable)
		return "the GPT lies outside of the disk";
	return NULL;
}

uint32_t gpt_entries_sectors(const struct gpt_header *h)
{
	return (h->entry_count * h->entry_size + SECTOR - 1) / SECTOR;
}

static bool entry_used(const uint8_t *e)
{
	return le64(e) || le64(e + 8); /* the type GUID */
}

static void name_copy(char *to, const uint8_t *utf16)
{
	unsigned i;

	for (i = 0; i < GPT_NAME_MAX - 1; i++) {
		uint16_t c = le16(utf16 + 2 * i);

		if (!c)
			break;
		to[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	to[i] = 0;
}

int gpt_entries_parse(const struct gpt_header *h, const uint8_t *entries,
		      struct gpt_part *out, unsigned max)
{
	size_t bytes = (size_t)h->entry_count * h->entry_size;
	unsigned n = 0;

	if (crc32_add(0, entries, bytes) != h->entries_crc)
		return -1;
	for (uint32_t i = 0; i < h->entry_count && n < max; i++) {
		const uint8_t *e = entries + (size_t)i * h->entry_size;
		uint64_t first = le64(e + 32);
		uint64_t last = le64(e + 40);

		if (!entry_used(e) || first < h->first_usable || last < first ||
		    last > h->last_usable)
			continue;
		out[n].first = first;
		out[n].count = last - first + 1;
		name_copy(out[n].name, e + 56);
		n++;
	}
	return (int)n;
}
