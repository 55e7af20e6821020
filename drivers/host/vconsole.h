/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's virtio console device (VIRTIO 1.2, 5.3): one port. */
#ifndef HOST_VCONSOLE_H
#define HOST_VCONSOLE_H

#include "vdev.h"

#define VCONSOLE_QUEUE 128u
#define VCONSOLE_ROUND 4096u /* bytes that are taken before others' turn */
#define VCONSOLE_DRAIN 65536u

struct vconsole {
	struct vdev dev;
	/* The owner's, called with dev.arg: what the guest writes; and it has given
	 * room for input, perhaps. */
	void (*out)(void *arg, const char *text, size_t n);
	void (*room)(void *arg);
	/* a text that is shown in part */
	struct vq_chain chain;
	bool begun;
	uint32_t at;
	/* not told of single lines: looks by itself at this time */
	bool rests;
	uint64_t rest_ns;
	struct vconsole *next;
};

/* The driver takes what is typed. */
bool vconsole_takes(const struct vdev *v);

/* Gives it as much as it has room for; returns how many bytes that were. */
size_t vconsole_type(struct vdev *v, const void *text, size_t n);

/* Shows what a guest that has ended wrote before (at most VCONSOLE_DRAIN bytes). */
void vconsole_drain(struct vdev *v);

/* Looks after those that rest. */
void vconsoles_run(void);

#endif
