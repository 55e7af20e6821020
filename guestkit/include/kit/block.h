/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual disks: a virtio-blk front end (VIRTIO 1.2, 5.2) over virtio-mmio
 * version 2 registers, reached by io_read/io_write or by trapped loads and
 * stores, its queue and buffers in pages shared with the host partition.
 */
#ifndef KIT_BLOCK_H
#define KIT_BLOCK_H

#include "kit/kit.h"

#define KIT_SECTOR 512u
#define KIT_BLOCK_MAX 65536u /* bytes of one request */
#define KIT_BLOCK_DEPTH 32u  /* requests at a time */

struct kit_block;

/* Finds the virtual disk of that name and starts it. NULL when there is none
 * or it does not work (*why, unless NULL, is set to a constant text). */
struct kit_block *kit_block_open(const char *name, const char **why);
uint64_t kit_block_sectors(const struct kit_block *b);
bool kit_block_readonly(const struct kit_block *b);

/*
 * Reads or writes n bytes, a multiple of KIT_SECTOR, from a sector on; returns
 * when the device has answered. Not with interrupts off. Any buffer;
 * one from kit_block_buffer goes without a copy. Longer than KIT_BLOCK_MAX is
 * split. false on an I/O error. One caller at a time per disk.
 */
bool kit_block_read(struct kit_block *b, uint64_t sector, void *buf, size_t n);
bool kit_block_write(struct kit_block *b, uint64_t sector, const void *buf,
		     size_t n);
bool kit_block_flush(struct kit_block *b);

/* ---- without data; they wait as those above do ---- */

/* These sectors read as zeroes from now on; nothing is moved where the device can
 * do it. false: an I/O error, a disk that cannot be written, or no such sectors. */
bool kit_block_write_zeroes(struct kit_block *b, uint64_t sector, uint64_t n);

/* What these sectors hold is not needed any more: what they read as is not said
 * until they are written. An overlay gives memory back; a device that has no such
 * thing does nothing. false as above. */
bool kit_block_discard(struct kit_block *b, uint64_t sector, uint64_t n);

#define KIT_BLOCK_ID 20u /* bytes */

/* The device's name for its disk (GET_ID): Parley's is that of the configuration.
 * false: it has none, or an I/O error. */
bool kit_block_id(struct kit_block *b, char id[KIT_BLOCK_ID + 1]);

/* Page-aligned memory that is shared with the device's server, for transfers
 * without a copy; NULL when there is none. Never given back. */
void *kit_block_buffer(struct kit_block *b, size_t bytes);

/* ---- many requests at a time ---- */

enum kit_block_op { KIT_BLOCK_READ, KIT_BLOCK_WRITE, KIT_BLOCK_FLUSH };

/* The caller's, from kit_block_submit until done() runs. */
struct kit_block_req {
	enum kit_block_op op;
	uint64_t sector;
	void *buf;  /* of kit_block_buffer */
	uint32_t n; /* bytes, a multiple of KIT_SECTOR, at most KIT_BLOCK_MAX;
		       KIT_BLOCK_FLUSH: 0 */
	bool ok;    /* how it ended */
	void (*done)(struct kit_block_req *r); /* in kit_block_poll; or NULL */
	void *arg;
	bool ended;
};

/*
 * Puts a request into the queue. The device hears of it with the next
 * kit_block_kick. false: KIT_BLOCK_DEPTH are under way, the request is
 * malformed or the device has failed.
 */
bool kit_block_submit(struct kit_block *b, struct kit_block_req *r);

/* One notification for all that was submitted; none where the device looks by
 * itself. */
void kit_block_kick(struct kit_block *b);

/* Ends the requests that the device has answered; returns how many are still
 * under way. Costs no exit. After it has found nothing to end the disk's next
 * answer wakes a vCPU that sleeps in kit_wait. */
unsigned kit_block_poll(struct kit_block *b);

/* kit_block_kick, and a sleep until all that is under way has ended; the vCPU is
 * woken once. In profile pv the two are one exit. For a disk that takes a while:
 * one that answers at once has done so when kit_block_kick returns, if the host
 * partition has the same CPU. false: not all has ended by the deadline (of
 * kit_time_ns()). */
bool kit_block_finish(struct kit_block *b, uint64_t deadline_ns);

#endif
