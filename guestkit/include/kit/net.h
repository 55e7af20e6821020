/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network devices: a virtio-net front end (VIRTIO 1.2, 5.1). Frames begin with
 * the destination's address and end before the wire's checksum. One caller at a
 * time per device. When the host partition has died and is back the device goes
 * on with the next call; frames that were in its queues are lost.
 */
#ifndef KIT_NET_H
#define KIT_NET_H

#include "kit/kit.h"

#define KIT_NET_MAC 6u
#define KIT_NET_HEADER 14u  /* destination, source, type */
#define KIT_NET_FRAME 1518u /* most bytes of a frame */
#define KIT_NET_DEPTH 64u   /* frames in each direction */

struct kit_net;

/* Finds the network device of that name and starts it. NULL when there is none
 * or it does not work (*why, unless NULL, is set to a constant text). */
struct kit_net *kit_net_open(const char *name, const char **why);
const uint8_t *kit_net_mac(const struct kit_net *n);
unsigned kit_net_mtu(const struct kit_net *n);
/* It works no more: neither sends nor receives. */
bool kit_net_dead(const struct kit_net *n);

/* ---- sending ---- */

/* A checksum for the device to compute, if it can: that of the bytes from start
 * on, to be stored at start + offset, where the pseudo header's sum is. */
struct kit_net_csum {
	uint16_t start, offset;
};
bool kit_net_can_csum(const struct kit_net *n);

/* Queues a copy of a frame; csum may be NULL. The device hears of it with the next
 * kit_net_kick. false: no room now (its coming wakes a vCPU that sleeps in
 * kit_wait), the frame's length is none, or the device is dead. */
bool kit_net_send(struct kit_net *n, const void *frame, size_t len,
		  const struct kit_net_csum *csum);

/* One notification for all that was queued; none where the device looks by
 * itself. */
void kit_net_kick(struct kit_net *n);

/* kit_net_kick and kit_wait (kit/wait.h), which in profile pv are one exit. With
 * interrupts off. */
bool kit_net_kick_wait(struct kit_net *n, uint64_t deadline_ns);

/* ---- receiving ---- */

struct kit_net_frame {
	const uint8_t *data; /* until the next kit_net_next */
	size_t len;
	/* Its checksum need not be looked at: it was, or the frame has not been on
	 * a wire, and may have none yet. */
	bool csum_good;
};

/* The next frame. false: none is there; the next one's coming wakes a vCPU that
 * sleeps in kit_wait. Costs no exit. */
bool kit_net_next(struct kit_net *n, struct kit_net_frame *f);

#endif
