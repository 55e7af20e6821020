/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest images: recognises them, checks ELF64 ones, reads their symbols. */
#ifndef HOST_IMAGE_H
#define HOST_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_SEGS 16u
#define IMAGE_ACCEPTED "accepted: a static x86-64 ELF64 executable (ET_EXEC)"

#define IMAGE_SEG_X 1u /* as in ELF's p_flags */
#define IMAGE_SEG_W 2u

struct image_seg {
	uint64_t gpa, bytes; /* in the guest's memory */
	uint64_t offset, file_bytes;
	uint32_t flags;
};

struct image {
	const uint8_t *data; /* the file */
	size_t size;
	uint64_t entry;
	unsigned nr_segs;
	struct image_seg seg[IMAGE_SEGS];
	uint64_t start, end; /* of all segments, page-aligned */
};

/*
 * Checks a file; `limit` is how much of the guest's memory segments may use.
 * Null, or what it is or what is wrong with it ("a bzImage (Linux kernel)").
 * Any content is survived.
 */
const char *image_parse(struct image *im, const void *data, size_t size,
			uint64_t limit);

/* The name of the function that holds an address, null if none is known;
 * *off is the distance from its start. The name lies in the file. */
const char *image_symbol(const void *data, size_t size, uint64_t addr,
			 uint64_t *off);

#endif
