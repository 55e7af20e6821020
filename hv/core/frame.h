/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame table: one owner and one share state for each 4 KiB frame. */
#pragma once

#include "lib/bootinfo.h"

#define FRAME_NOBODY 0xffffu /* not RAM that UEFI calls usable */
#define FRAME_FREE 0xfffeu

enum frame_state { FRAME_PLAIN, FRAME_SHARED, FRAME_ACCEPTED, FRAME_TABLE };

/*
 * 16 bytes. An allocated frame's share fields are guarded by share_lock
 * (gmem_share.c), the rest never changes; a free one's by frame_lock. Inside a
 * free block only the first frame is kept up to date.
 */
struct frame {
	u16 owner; /* partition id or FRAME_* */
	u16 peer;  /* SHARED, ACCEPTED: the partition it is shared with */
	u8 state;  /* enum frame_state */
	u8 write;  /* shared writable */
	u8 order;  /* of a free block's first frame, else FRAME_INNER */
	union {
		u8 clean;  /* of a free block: it is all zero */
		u8 pinned; /* ACCEPTED: for DMA, until it is returned */
	};
	union {
		u64 peer_gpa; /* ACCEPTED: where the peer maps it; SHARED: the
				 peer's generation */
		struct {
			u32 prev, next; /* free: list links, frame numbers */
		};
	};
};
static_assert_size(struct frame, BOOT_FRAME_SIZE);
#define FRAME_INNER 0xffu

/* Takes over all BOOT_MEM_FREE memory, and gives the host partition's, which hv/boot
 * has made ready and no list holds, to partition 0, as PLAIN. Once. */
void frame_init(struct boot_info *bi);

/*
 * 2^order contiguous zeroed frames of partition `owner`, as state PLAIN, or
 * TABLE for what the hypervisor keeps on its behalf; with order FRAME_MAX_ORDER
 * also the free block of that size at `at`. NULL: none left, or it is none.
 */
void *frame_alloc(hpa_t at, u16 owner, enum frame_state st,
		  unsigned order) must_check;
#define FRAME_ANYWHERE hpa(0)
/* Where HUGE_SIZE, aligned, of free blocks begins; 0: nowhere. */
hpa_t frame_find_huge(void);
/* Scrubs and frees. Any part of what was allocated, if naturally aligned. */
void frame_free(void *at, unsigned order);

struct frame *frame_of(hpa_t at); /* NULL outside the table */
hpa_t frame_hpa(const struct frame *f);
u64 frame_free_count(void);
u64 frame_all_count(void); /* all that partitions may ever have */

#define FRAME_MAX_ORDER 9 /* 2 MiB */
