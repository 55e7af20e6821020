/* SPDX-License-Identifier: BSD-2-Clause */
/* The block device interface: asynchronous requests over any disk driver. */
#ifndef DRIVERS_BLOCK_H
#define DRIVERS_BLOCK_H

#include "env.h"

#define BLK_SECTOR 512u
#define BLK_SEGS 32u		    /* most segments of one request */
#define BLK_MAX_BYTES (128u * 1024) /* most bytes of one request */
#define BLK_TIMEOUT_NS (30000 * ENV_MS)
#define BLK_LOOK_NS (1000 * ENV_MS) /* is a slow device there at all? */

enum blk_status {
	BLK_OK,
	BLK_EIO,    /* the device says so */
	BLK_EINVAL, /* out of the disk, or not whole sectors */
	BLK_ETIME,  /* no answer; the device was reset */
	BLK_EBUSY,  /* only from blk_ops.start: no room now */
	BLK_ENOMEM,
	BLK_EBROKEN, /* the device broke its protocol, or is gone */
};

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH };

/* A piece of memory that is contiguous for the CPU and for the device. It may
 * belong to a guest: drivers touch it only by DMA or env.copy. */
struct blk_seg {
	void *va;
	dev_addr_t dev;
	uint32_t len; /* bytes */
};

/* Owned by the caller of blk_submit; to be left alone until done() runs. */
struct blk_req {
	enum blk_op op;
	uint64_t sector;
	uint32_t nsegs; /* 0 for BLK_FLUSH */
	struct blk_seg *seg;
	/* Runs once, from blk_submit or from an interrupt handler. */
	void (*done)(struct blk_req *req, enum blk_status status);
	void *arg;
	/* below: private to block.c and the driver */
	uint32_t bytes;
	uint32_t tag;
	uint64_t deadline;
	bool running;
	struct blk_req *next, *prev;
};

struct blk_dev;

struct blk_ops {
	/* Gives one checked request to the device, or BLK_EBUSY. The driver
	 * ends it with blk_complete, perhaps before start returns. */
	enum blk_status (*start)(struct blk_dev *dev, struct blk_req *req);
	/* Tells the device of what start() has given it. Null: start() tells. */
	void (*tell)(struct blk_dev *dev);
	/* Stops the device: it touches no memory of a request any more.
	 * false: it is lost. Forgets all requests; does not complete them. */
	bool (*reset)(struct blk_dev *dev);
};

struct blk_list {
	struct blk_req *first, *last;
};

struct blk_dev {
	const struct blk_ops *ops;
	struct env *env;
	const char *driver;
	const char *name;  /* the owner's, for the log; null: the driver's */
	const char *model; /* null: it has no name */
	uint64_t sectors;
	uint32_t max_segs;  /* at most BLK_SEGS */
	uint32_t max_bytes; /* at most BLK_MAX_BYTES, whole sectors */
	bool read_only;
	bool lost;	   /* every request fails from now on */
	uint64_t requests; /* that were started */
	uint32_t errors;   /* that failed, while it worked */
	uint32_t restarts;
	/* Set by the owner: is the device still in the machine? Null: it does not
	 * know. */
	bool (*present)(struct blk_dev *dev);
	/* private to block.c */
	bool starting;	     /* or in a reset */
	bool corked, untold; /* tell() is put off, and due */
	uint64_t look;	     /* the next time to ask that */
	struct blk_list queued, running;
};

/*
 * Checks and queues a request. done() runs in any case; a request that is out
 * of the disk or malformed ends with BLK_EINVAL.
 */
void blk_submit(struct blk_dev *dev, struct blk_req *req);

/*
 * Around the submission of many requests: the device is told of them at the end,
 * with one write to its doorbell. Between the two nobody waits for a request.
 */
static inline void blk_cork(struct blk_dev *dev) { dev->corked = true; }
void blk_uncork(struct blk_dev *dev);

/* For drivers: a request that was started has ended. */
void blk_complete(struct blk_dev *dev, struct blk_req *req,
		  enum blk_status status);

/* For drivers: there is room again, though no request has ended. */
void blk_resume(struct blk_dev *dev);

/* When the oldest running request is overdue, resets the device and fails all
 * that run; gives a device up that is present no more. Returns the time of the next such check, 0 for none. */
uint64_t blk_check(struct blk_dev *dev, uint64_t now_ns);

/* For drivers: the device has failed, but a reset may help; what runs ends with
 * BLK_EIO. */
void blk_restart(struct blk_dev *dev, const char *why);

/* For drivers: the device broke its protocol; fails all requests for good. */
void blk_break(struct blk_dev *dev, const char *why);

/* For drivers: moves a request's data to the bounce buffer, or from it to the
 * request; false: the request's memory has vanished. */
bool blk_bounce(struct blk_dev *dev, const struct blk_req *req, uint8_t *bounce,
		bool to_request);

/* Transfers whole sectors from or to memory that env.dma_alloc gave, and
 * waits. bytes at most max_bytes. */
enum blk_status blk_sync(struct blk_dev *dev, enum blk_op op, uint64_t sector,
			 void *va, dev_addr_t dev_va, uint32_t bytes);

#endif
