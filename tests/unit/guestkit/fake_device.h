/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio device as the kit's front ends see it: its registers are faked by the
 * functions of guestkit/virtio.h, its queues are the test's. */
#ifndef TESTS_UNIT_GUESTKIT_FAKE_DEVICE_H
#define TESTS_UNIT_GUESTKIT_FAKE_DEVICE_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "guestkit/virtio.h"
#include "kit/mm.h"
#include "kit/wait.h"

static struct kit_virtio *dev; /* NULL: none was opened */
static kit_irq_fn dev_fn;
static void *dev_arg;
static uint64_t dev_offers; /* features */
static uint32_t dev_config[4];
static unsigned dev_kicks, dev_opened, dev_sleeps;
static bool dev_lost, dev_absent, dev_no_memory, dev_gone;
static uint16_t dev_seen[KIT_VIRTIO_QUEUES]; /* chains taken */
/* Set by the test: the device works in a notification, or while the driver
 * sleeps. */
static void (*dev_kicked)(unsigned queue);
static void (*dev_sleep)(void);
static void *dev_pages[16]; /* shared */
static unsigned dev_nr_pages;

/* CLI and STI fault here: they are skipped. */
static void cli_skip(int signal, siginfo_t *info, void *context)
{
	greg_t *rip = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	uint8_t insn = *(const uint8_t *)(uintptr_t)*rip;

	(void)signal;
	(void)info;
	if (insn != 0xfa && insn != 0xfb)
		abort();
	++*rip;
}

/* Before the first of them: cmocka has taken the signal for itself when the test
 * began. */
static inline void dev_traps(void)
{
	struct sigaction act = { .sa_sigaction = cli_skip,
				 .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &act, NULL);
}

static inline int dev_begin(void **state)
{
	(void)state;
	dev = NULL;
	dev_offers = dev_kicks = dev_opened = dev_sleeps = 0;
	dev_lost = dev_absent = dev_no_memory = dev_gone = false;
	memset(dev_config, 0, sizeof(dev_config));
	dev_kicked = NULL;
	dev_sleep = NULL;
	return 0;
}

static inline int dev_end(void **state)
{
	(void)state;
	while (dev_nr_pages)
		free(dev_pages[--dev_nr_pages]);
	return 0;
}

/* ---- the kit ---- */

const struct pv_device *kit_device(const struct pv_device *from, uint32_t type,
				   const char *name)
{
	static const struct pv_device d;

	return dev_absent ? NULL : &d;
}

void *kit_shared_pages(size_t n)
{
	void *p;

	if (dev_no_memory)
		return NULL;
	p = aligned_alloc(4096, n * 4096);
	memset(p, 0, n * 4096);
	dev_pages[dev_nr_pages++] = p;
	return p;
}

void *kit_calloc(size_t n, size_t size) { return calloc(n, size); }

void kit_free(void *p) { free(p); }

static void queues_start(struct kit_virtio *v)
{
	for (unsigned i = 0; i < v->nr_queues; i++) {
		memset(v->ring[i], 0, 4096);
		virtq_init(&v->q[i], (uint16_t)v->size, v->ring[i],
			   dev_addr(kit_gpa(v->ring[i])), true);
		dev_seen[i] = 0;
	}
}

const char *kit_virtio_open(struct kit_virtio *v, const char *name, uint32_t id,
			    uint64_t wanted, unsigned queues, unsigned size,
			    kit_irq_fn fn, void *arg)
{
	dev = v;
	dev_fn = fn;
	dev_arg = arg;
	v->nr_queues = queues;
	v->size = size;
	v->features = dev_offers & wanted;
	for (unsigned i = 0; i < queues; i++)
		if (!(v->ring[i] = kit_shared_pages(1)))
			return "memory could not be shared";
	queues_start(v);
	return NULL;
}

void kit_virtio_ready(struct kit_virtio *v) { dev_opened++; }

void kit_virtio_ack(struct kit_virtio *v) {}

bool kit_virtio_lost(const struct kit_virtio *v) { return dev_lost; }

const char *kit_virtio_again(struct kit_virtio *v)
{
	dev_lost = false;
	if (dev_gone)
		return "the device is of another kind";
	queues_start(v);
	return NULL;
}

void kit_virtio_kick(struct kit_virtio *v, unsigned queue)
{
	dev_traps();
	dev_kicks++;
	if (dev_kicked)
		dev_kicked(queue);
}

uint32_t kit_virtio_config(struct kit_virtio *v, unsigned off)
{
	return dev_config[off / 4];
}

static uint64_t now;

uint64_t kit_time_ns(void) { return now; }

/* A sleep ends with the device's doing, or at its deadline. */
bool kit_wait(uint64_t deadline_ns)
{
	dev_sleeps++;
	if (!dev_sleep) {
		now = deadline_ns;
		return false;
	}
	dev_sleep();
	dev_fn(dev_arg);
	return true;
}

/* ---- the device ---- */

/* The next chain's first descriptor, or NULL. */
static inline volatile struct virtq_desc *dev_next(unsigned queue,
						   uint16_t *head)
{
	struct virtq *q = &dev->q[queue];

	if (dev_seen[queue] == q->avail->idx)
		return NULL;
	*head = q->avail->ring[dev_seen[queue]++ % q->size];
	return &q->desc[*head];
}

static inline void dev_push(unsigned queue, uint32_t id, uint32_t len)
{
	struct virtq *q = &dev->q[queue];
	volatile struct virtq_used_elem *e =
		&q->used->ring[q->used->idx % q->size];

	e->id = id;
	e->len = len;
	q->used->idx++;
}

#endif
