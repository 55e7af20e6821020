/* SPDX-License-Identifier: BSD-2-Clause */
/* What ATA disks have in common, whatever controller they hang on (ACS-3). */
#ifndef DRIVERS_ATA_H
#define DRIVERS_ATA_H

#include <stdbool.h>
#include <stdint.h>

#define ATA_READ_DMA_EXT 0x25u
#define ATA_WRITE_DMA_EXT 0x35u
#define ATA_FLUSH_CACHE 0xe7u
#define ATA_FLUSH_CACHE_EXT 0xeau
#define ATA_IDENTIFY 0xecu

#define ATA_STATUS_ERR 0x01u
#define ATA_STATUS_DRQ 0x08u
#define ATA_STATUS_DF 0x20u
#define ATA_STATUS_BSY 0x80u

#define ATA_DEVICE_LBA 0x40u

struct ata_id {
	uint64_t sectors;
	bool lba48, dma;
	uint8_t flush_cmd; /* 0: nothing to flush */
	char model[41];
};

/* Reads the answer to IDENTIFY DEVICE; null, or why it is no usable disk. */
const char *ata_id_parse(struct ata_id *d, const uint16_t id[256]);

#endif
