/* SPDX-License-Identifier: BSD-2-Clause */
/* The network device interface: Ethernet frames over any card's driver. */
#ifndef DRIVERS_NET_H
#define DRIVERS_NET_H

#include "env.h"

#define NET_MAC 6u
#define NET_HEADER 14u	    /* destination, source, type */
#define NET_FRAME_MAX 1518u /* with a VLAN tag, without the checksum */
#define NET_MTU 1500u
#define NET_MTU_MIN 68u	 /* RFC 791 */
#define NET_BUFFER 2048u /* for one frame and what a device puts before it */
#define NET_SEGS 8u	 /* most segments of a frame to send */
#define NET_BOUNCES 64u	 /* frames that net_send_copy has under way */
#define NET_BUDGET 64u	 /* frames that an interrupt takes at a time */
#define NET_TIMEOUT_NS (5000 * ENV_MS)
#define NET_LOOK_NS (1000 * ENV_MS) /* is the card there at all? */
#define NET_HANGS 3u /* restarts without a frame sent, then it is given up */

enum net_status {
	NET_OK,
	NET_EBUSY, /* no room now: send it again, or drop it */
	NET_EINVAL,
	NET_EDOWN,   /* the link is down */
	NET_EIO,     /* the device says so */
	NET_ERESET,  /* the device was restarted meanwhile */
	NET_EBROKEN, /* the device broke its protocol, or is gone */
};

/* A checksum that somebody has yet to compute: that of the bytes from `start`
 * on, which goes to start + offset, where the pseudo header's sum is already
 * (VIRTIO 1.2, 5.1.6.2). */
struct net_csum {
	bool needed;
	uint16_t start, offset;
};

/* A frame in memory of our own, from the destination's address on. */
struct net_frame {
	const uint8_t *data;
	uint32_t len;
	struct net_csum csum;
	bool csum_good; /* somebody has verified it */
};

/* A piece of memory that is contiguous for the CPU and for the device. */
struct net_seg {
	void *va;
	dev_addr_t dev;
	uint32_t len; /* bytes */
};

/* Owned by the caller of net_send; to be left alone until done() runs. */
struct net_tx {
	uint32_t nsegs; /* 1 to NET_SEGS */
	struct net_seg *seg;
	struct net_csum csum; /* needed: only where net_dev.csum says so */
	/* Runs once when net_send has returned NET_OK, not from it. */
	void (*done)(struct net_tx *tx, enum net_status status);
	void *arg;
	/* below: private to net.c and the driver */
	uint32_t bytes;
	uint64_t deadline;
	struct net_tx *next;
};

struct net_dev;

struct net_ops {
	/* Queues a checked frame, or NET_EBUSY. The driver ends it by net_sent,
	 * from poll. */
	enum net_status (*send)(struct net_dev *dev, struct net_tx *tx);
	/* Tells the device of what was queued. */
	void (*flush)(struct net_dev *dev);
	/* Ends what was sent, and hands at most `budget` frames to net_receive.
	 * True: nothing is left, and interrupts are on. */
	bool (*poll)(struct net_dev *dev, unsigned budget);
	/* Stops the device: it touches no memory any more. Then starts it anew,
	 * unless it is lost. Forgets all frames; does not end them. False: the
	 * device is of no use any more. */
	bool (*restart)(struct net_dev *dev);
};

struct net_counters {
	uint64_t rx_frames, rx_bytes, rx_errors;
	uint64_t tx_frames, tx_bytes, tx_errors, tx_busy;
	uint32_t restarts;
};

struct net_bounce;

struct net_dev {
	const struct net_ops *ops;
	struct env *env;
	const char *driver;
	const char *name; /* the owner's, for the log; null: the driver's */
	uint8_t mac[NET_MAC];
	uint16_t mtu; /* bytes behind the header */
	bool link;
	bool csum; /* it computes the checksum of what it sends */
	bool lost; /* nothing is sent or received from now on */
	struct net_counters count;
	/* Set by the owner. A frame is valid until rx returns. */
	void (*rx)(struct net_dev *dev, const struct net_frame *f);
	/* False: the card is not there any more; null: nobody can tell. */
	bool (*present)(struct net_dev *dev);
	/* Cause to call net_poll soon; null: interrupts take all there is. */
	void (*due)(struct net_dev *dev);
	void *arg;
	/* private to net.c */
	struct net_tx *first, *last;
	struct net_bounce *bounce, *bounce_free;
	unsigned hangs;
	uint64_t look; /* when to ask present again */
};

/* Queues a frame; the device learns of it by net_flush. */
enum net_status net_send(struct net_dev *dev, struct net_tx *tx);

/* The same of a copy; a checksum that the device does not compute is computed
 * here. Nobody is told what becomes of it. */
enum net_status net_send_copy(struct net_dev *dev, const struct net_frame *f);

void net_flush(struct net_dev *dev);

/* Takes what is there, at most `budget` frames. True: nothing is left, and the
 * device interrupts again; else call again. */
bool net_poll(struct net_dev *dev, unsigned budget);

/* Restarts the device when the oldest frame to send is overdue; gives it up when
 * it is present no more, also when nothing is sent. Returns the time of the next
 * such check, 0 for none. */
uint64_t net_check(struct net_dev *dev, uint64_t now_ns);

/* Restarts a device that is in trouble; gives it up when that does not help. */
void net_restart(struct net_dev *dev, const char *why);

/* ---- for drivers ---- */

/* Memory for net_send_copy; false: there is none. */
bool net_init(struct net_dev *dev);

/* The device has interrupted, and must not do so again before poll says. */
void net_interrupt(struct net_dev *dev);

/* A frame that was queued has ended. */
void net_sent(struct net_dev *dev, struct net_tx *tx, enum net_status status);

/* A frame has come; malformed ones are counted and dropped. */
void net_receive(struct net_dev *dev, const struct net_frame *f);

/* The device broke its protocol; ends all for good. */
void net_break(struct net_dev *dev, const char *why);

/* ---- frames ---- */

/* Is the checksum's place inside the frame? */
bool net_csum_ok(const struct net_csum *c, uint32_t len);

/* Computes and stores it; the frame's other bytes stay. */
void net_csum_finish(uint8_t *frame, uint32_t len, const struct net_csum *c);

static inline bool net_mac_multicast(const uint8_t mac[NET_MAC])
{
	return mac[0] & 1;
}

/* May it be a card's own address? */
bool net_mac_usable(const uint8_t mac[NET_MAC]);

#endif
