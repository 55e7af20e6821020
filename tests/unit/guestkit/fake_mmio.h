/* SPDX-License-Identifier: BSD-2-Clause */
/* The kit beneath its virtio front ends, and a virtio-mmio device of version 2
 * whose host partition may die. Included once by each test program. */
#ifndef UNIT_GUESTKIT_FAKE_MMIO_H
#define UNIT_GUESTKIT_FAKE_MMIO_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "kit/call.h"
#include "kit/wait.h"
#include "pvabi/abi.h"

/* The source, with a page of ours, and without its one call. */
static struct pv_partition_page fake_page;
static uint64_t shared_pages;

#undef PV_PARTITION_PAGE
#define PV_PARTITION_PAGE ((uintptr_t)&fake_page)
#define pv_mem_share(host, at, n, flags) (shared_pages += (n), 0)
#include "guestkit/virtio.c"

/* ---- the device ---- */

struct chain {
	uint16_t head;
	unsigned nr;
	struct virtq_desc d[4];
};

static struct device {
	uint32_t status, sel, driver_sel, queue;
	uint64_t offers, agreed;
	uint32_t config[16];
	struct dev_queue {
		uint32_t num, ready;
		uint64_t part[3]; /* descriptors, driver's, device's */
		uint16_t seen;
	} q[KIT_VIRTIO_QUEUES];
	unsigned notified;
} dev;

/* What the device does with a chain: bytes written. -1: its host has died. */
static int64_t (*serve)(unsigned queue, struct chain *c);
static unsigned die_at_write; /* of registers, 0: not */

static void host_dies(void)
{
	fake_page.host_restarts++;
	memset(dev.q, 0, sizeof(dev.q));
	dev.status = VIRTIO_STATUS_NEEDS_RESET;
	dev.agreed = 0;
}

static bool chain_take(struct dev_queue *q, struct chain *c)
{
	const struct virtq_avail *a = kit_ptr(q->part[1]);
	const struct virtq_desc *d = kit_ptr(q->part[0]);
	uint16_t i;

	if (!q->ready || q->seen == a->idx)
		return false;
	i = c->head = a->ring[q->seen++ % q->num];
	for (c->nr = 0; c->nr < 4; i = d[i].next) {
		assert_true(i < q->num);
		c->d[c->nr++] = d[i];
		if (!(d[i].flags & VIRTQ_DESC_NEXT))
			break;
	}
	return true;
}

static void chain_end(struct dev_queue *q, uint16_t head, uint32_t bytes)
{
	struct virtq_used *u = kit_ptr(q->part[2]);

	u->ring[u->idx % q->num] = (struct virtq_used_elem){ head, bytes };
	u->idx++;
}

/* Serves at most so many chains of a queue; how many it did. */
static unsigned device_run(unsigned queue, unsigned most)
{
	struct dev_queue *q = &dev.q[queue];
	struct chain c;
	unsigned n;

	for (n = 0; n < most && chain_take(q, &c); n++) {
		int64_t bytes = serve(queue, &c);

		if (bytes < 0) {
			host_dies();
			break;
		}
		chain_end(q, c.head, (uint32_t)bytes);
	}
	return n;
}

static uint64_t reg_read(uint64_t reg, unsigned size)
{
	switch (reg) {
	case REG_MAGIC:
		return MAGIC;
	case REG_VERSION:
		return 2;
	case REG_DEVICE:
		return kit_device(NULL, PV_DEV_VIRTIO, NULL)->irq;
	case REG_FEATURES:
		return (uint32_t)(dev.offers >> 32 * dev.sel);
	case REG_QUEUE_MAX:
		return VIRTQ_SIZE_MAX;
	case REG_QUEUE_READY:
		return dev.q[dev.queue].ready;
	case REG_STATUS:
		return dev.status;
	}
	assert_in_range(reg, REG_CONFIG, REG_CONFIG + sizeof(dev.config) - 1);
	return dev.config[(reg - REG_CONFIG) / 4];
}

static void queue_write(struct dev_queue *q, uint64_t reg, uint64_t value)
{
	unsigned part = (unsigned)(reg - REG_QUEUE_DESC) / 16;
	unsigned shift = reg % 8 * 8;

	if (reg == REG_QUEUE_NUM) {
		q->num = (uint32_t)value;
	} else if (reg == REG_QUEUE_READY) {
		q->ready = (uint32_t)value;
	} else {
		assert_true(part < 3 && reg % 16 < 8);
		q->part[part] &= ~(0xffffffffull << shift);
		q->part[part] |= value << shift;
	}
}

static void reg_write(uint64_t reg, unsigned size, uint64_t value)
{
	if (die_at_write && !--die_at_write)
		host_dies(); /* and the next one takes what waits */
	if (reg == REG_STATUS && !value)
		memset(dev.q, 0, sizeof(dev.q));
	if (reg == REG_STATUS)
		dev.status = (uint32_t)value;
	else if (reg == REG_FEATURES_SEL)
		dev.sel = (uint32_t)value;
	else if (reg == REG_DRIVER_SEL)
		dev.driver_sel = (uint32_t)value;
	else if (reg == REG_DRIVER)
		dev.agreed |= value << 32 * dev.driver_sel;
	else if (reg == REG_QUEUE_SEL)
		dev.queue = (uint32_t)value;
	else if (reg == REG_NOTIFY)
		dev.notified++;
	else
		queue_write(&dev.q[dev.queue], reg, value);
}

/* ---- the kit ---- */

struct kit_ops kit_ops = { .reg_read = reg_read, .reg_write = reg_write };
static uint64_t now;

enum kit_path kit_op_path(enum kit_op op) { return KIT_CALL; }
uint64_t kit_time_ns(void) { return now; }
void kit_event_register(unsigned port, kit_irq_fn fn, void *arg) {}

/* The kit closes no device: what it has is no leak. */
static void *kept[4096];
static unsigned nr_kept;

static void *keep(void *p)
{
	assert_in_range(nr_kept, 0, 4095);
	return kept[nr_kept++] = p;
}

void *kit_calloc(size_t n, size_t size) { return keep(calloc(n, size)); }
void kit_free(void *p) { free(p); }

void *kit_pages_alloc(size_t n)
{
	void *p = keep(aligned_alloc(KIT_PAGE_SIZE, n * KIT_PAGE_SIZE));

	return memset(p, 0, n * KIT_PAGE_SIZE);
}

void kit_pages_free(void *p, size_t n) { free(p); }

const struct pv_start *kit_info(void)
{
	static struct pv_start s;

	return &s;
}

/* Meanwhile the device works. */
bool kit_wait(uint64_t deadline_ns)
{
	now += 1000000;
	for (unsigned i = 0; i < KIT_VIRTIO_QUEUES; i++)
		device_run(i, VIRTQ_SIZE_MAX);
	return now < deadline_ns;
}

#define BELL 7u /* of the device's, if it has one */
static bool bell_works;
static unsigned nr_rung;

bool kit_send_wait(uint64_t event, uint64_t deadline_ns)
{
	assert_int_equal(event, BELL);
	nr_rung += bell_works;
	return bell_works && (kit_wait(deadline_ns) || true);
}

/* CLI of kit_irq_save() is no instruction of a program. */
static void step_over(int sig, siginfo_t *info, void *arg)
{
	greg_t *rip = &((ucontext_t *)arg)->uc_mcontext.gregs[REG_RIP];

	if (*(const uint8_t *)*rip != 0xfa && *(const uint8_t *)*rip != 0xfb)
		abort();
	++*rip;
}

/* At the beginning of each test. */
static void fake_begin(uint64_t offers)
{
	struct sigaction act = { .sa_sigaction = step_over,
				 .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &act, NULL);
	memset(&dev, 0, sizeof(dev));
	dev.offers = offers | VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM;
	die_at_write = 0;
	now = 0;
}

#endif
