/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads what IDENTIFY DEVICE says (ACS-3, 7.12.7). */
#include "ata.h"

#include <stddef.h>

#define WORD49_DMA (1u << 8)
#define WORD49_LBA (1u << 9)
#define WORD83_LBA48 (1u << 10)
#define WORD83_FLUSH (1u << 12)
#define WORD83_FLUSH_EXT (1u << 13)
#define LBA28_SECTORS (1ull << 28)
#define LBA48_SECTORS (1ull << 48)
/* Word 106: bit 15 clear and bit 14 set: valid; bit 12: long sectors. */
#define WORD106_MASK 0xd000u
#define WORD106_LONG 0x5000u

static void model_copy(char model[41], const uint16_t id[256])
{
	int end = 0;

	for (int i = 0; i < 40; i++) {
		uint8_t c =
			(uint8_t)(i & 1 ? id[27 + i / 2] : id[27 + i / 2] >> 8);

		model[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
		if (c != ' ')
			end = i + 1;
	}
	model[end] = 0;
}

const char *ata_id_parse(struct ata_id *d, const uint16_t id[256])
{
	d->lba48 = id[83] & WORD83_LBA48;
	if (!(id[49] & WORD49_LBA))
		return "has no LBA";
	if ((id[106] & WORD106_MASK) == WORD106_LONG)
		return "its sectors are not of 512 bytes";
	d->dma = id[49] & WORD49_DMA;
	d->flush_cmd = id[83] & WORD83_FLUSH_EXT ? ATA_FLUSH_CACHE_EXT :
		       id[83] & WORD83_FLUSH	 ? ATA_FLUSH_CACHE :
						   0;
	d->sectors = id[60] | (uint64_t)id[61] << 16;
	if (d->lba48)
		d->sectors = id[100] | (uint64_t)id[101] << 16 |
			     (uint64_t)id[102] << 32 | (uint64_t)id[103] << 48;
	if (!d->sectors)
		return "has no capacity";
	if (d->sectors > (d->lba48 ? LBA48_SECTORS : LBA28_SECTORS))
		return "has sectors without an address";
	model_copy(d->model, id);
	return NULL;
}
