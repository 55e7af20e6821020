/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest as its virtio device sees it: memory that is shared or not, and a
 * driver of the device's registers and queues. */
#ifndef TESTS_UNIT_HOST_FAKE_GUEST_H
#define TESTS_UNIT_HOST_FAKE_GUEST_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "host/guard.h"
#include "host/vdev.h"

#define MEMORY 0x40000u
#define QUEUE 8u
/* of queue n: + n * QUEUE_STEP */
#define QUEUE_STEP 0x400u
#define DESC 0x1000u
#define AVAIL 0x2000u
#define USED 0x3000u

/* ---- the guest's memory; what is not shared cannot be reached ---- */

static uint8_t memory[MEMORY];
static bool unshared[MEMORY / 4096]; /* with guest_window(true) */

/* What gmem_near gives: the memory, or, where pages are not shared, a window in
 * which every access faults, so that the functions below are asked. */
#define NOWHERE 0x7ffffff00000ull
static struct gmem guest_mem = { .size = MEMORY };

extern const struct guard_fixup __start_host_fixup[], __stop_host_fixup[];

static void guest_fault(int signal, siginfo_t *info, void *context)
{
	greg_t *rip = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

	(void)info;
	for (const struct guard_fixup *x = __start_host_fixup;
	     x < __stop_host_fixup; x++) {
		if ((greg_t)&x->insn + x->insn != *rip)
			continue;
		*rip = (greg_t)&x->resume + x->resume;
		return;
	}
	abort();
}

static inline void guest_window(bool faults)
{
	struct sigaction act = { .sa_sigaction = guest_fault,
				 .sa_flags = SA_SIGINFO };

	guest_mem.window = faults ? NOWHERE : (uint64_t)(uintptr_t)memory;
	sigaction(SIGSEGV, &act, NULL);
}

void *gmem_at(struct gmem *m, uint64_t gpa, uint64_t n)
{
	(void)m;
	if (!n || n > MEMORY || gpa > MEMORY - n)
		return NULL;
	for (uint64_t p = gpa / 4096; p <= (gpa + n - 1) / 4096; p++)
		if (unshared[p])
			return NULL;
	return memory + gpa;
}

/* Null, or what the guest does then. */
static void (*guest_was_read)(uint64_t gpa, uint64_t n);

bool gmem_read(struct gmem *m, uint64_t gpa, void *to, uint64_t n)
{
	void *p = gmem_at(m, gpa, n);

	if (p)
		memcpy(to, p, n);
	if (p && guest_was_read)
		guest_was_read(gpa, n);
	return p;
}

bool gmem_write(struct gmem *m, uint64_t gpa, const void *from, uint64_t n)
{
	void *p = gmem_at(m, gpa, n);

	if (p)
		memcpy(p, from, n);
	return p;
}

bool gmem_read16(struct gmem *m, uint64_t gpa, uint16_t *v)
{
	return gmem_read(m, gpa, v, 2);
}

bool gmem_write16(struct gmem *m, uint64_t gpa, uint16_t v)
{
	return gmem_write(m, gpa, &v, 2);
}

bool gmem_dev(struct gmem *m, uint64_t gpa, dev_addr_t *dev)
{
	unsigned i = gpa / GMEM_PAGE % GMEM_CACHE;

	dev->v = gpa;
	if (!gmem_at(m, gpa, 1))
		return false;
	m->cache[i].page = gpa / GMEM_PAGE * GMEM_PAGE + 1;
	m->cache[i].dev = gpa / GMEM_PAGE * GMEM_PAGE;
	return true;
}

/* A reset comes when no transfer runs any more. */
void gmem_unpin(struct gmem *m)
{
	assert_int_equal(m->busy, 0);
	memset(m->cache, 0, sizeof(m->cache));
}

static unsigned copy_fails_at; /* the n-th copy from now on; 0: none */

bool guard_copy(void *to, const void *from, size_t n)
{
	if (copy_fails_at && !--copy_fails_at)
		return false;
	memmove(to, from, n); /* two buffers of a guest may overlap */
	return true;
}

/* ---- the driver ---- */

static struct vdev *guest_dev;
static unsigned signals;
static uint16_t avail_idx[VDEV_QUEUES];
static bool is_due;

static void guest_signal(struct vdev *d)
{
	assert_ptr_equal(d, guest_dev);
	signals++;
}

static void guest_due(struct vdev *d)
{
	assert_ptr_equal(d, guest_dev);
	is_due = true;
}

/* The device's ops are set. */
static inline void guest_begin(struct vdev *d)
{
	memset(memory, 0, sizeof(memory));
	memset(unshared, 0, sizeof(unshared));
	memset(avail_idx, 0, sizeof(avail_idx));
	guest_mem = (struct gmem){ .size = MEMORY };
	guest_dev = d;
	signals = 0;
	d->signal = guest_signal;
	d->due = guest_due;
	guest_window(false);
	vdev_init(d, &guest_mem);
}

/* As the guest's notification, until there is nothing left to do. */
static inline void work(void)
{
	vdev_look(guest_dev);
	while (is_due) {
		is_due = false;
		vdev_work(guest_dev);
	}
}

static inline void put16(uint32_t at, unsigned x)
{
	memory[at] = (uint8_t)x;
	memory[at + 1] = (uint8_t)(x >> 8);
}

static inline uint16_t get16(uint32_t at) { return le16(memory + at); }

static inline void desc_in(unsigned q, unsigned i, uint64_t addr, uint32_t len,
			   unsigned flags, unsigned next)
{
	struct virtq_desc d = { addr, len, (uint16_t)flags, (uint16_t)next };

	memcpy(memory + DESC + q * QUEUE_STEP + 16 * i, &d, 16);
}

static inline void desc(unsigned i, uint64_t addr, uint32_t len, unsigned flags,
			unsigned next)
{
	desc_in(0, i, addr, len, flags, next);
}

static inline void submit_in(unsigned q, unsigned head)
{
	uint32_t at = AVAIL + q * QUEUE_STEP;

	put16(at + 4 + 2 * (avail_idx[q] % QUEUE), head);
	put16(at + 2, ++avail_idx[q]);
}

static inline void submit(unsigned head) { submit_in(0, head); }

static inline void reg(uint32_t off, uint32_t value)
{
	vdev_write(guest_dev, off, 4, value);
}

static inline uint32_t reg_get(uint32_t off)
{
	return (uint32_t)vdev_read(guest_dev, off, 4);
}

/* From reset to DRIVER_OK, with all queues. */
static inline void bring_up(uint32_t features0)
{
	reg(0x70, 0);
	reg(0x70, 1);
	reg(0x70, 3);
	reg(0x24, 0);
	reg(0x20, features0);
	reg(0x24, 1);
	reg(0x20, 1); /* VERSION_1 */
	reg(0x70, 11);
	assert_int_equal(reg_get(0x70), 11);
	for (unsigned q = 0; q < guest_dev->ops->nr_queues; q++) {
		reg(0x30, q);
		reg(0x38, QUEUE);
		reg(0x80, DESC + q * QUEUE_STEP);
		reg(0x90, AVAIL + q * QUEUE_STEP);
		reg(0xa0, USED + q * QUEUE_STEP);
		reg(0x44, 1);
		assert_int_equal(reg_get(0x44), 1);
		avail_idx[q] = 0;
		put16(AVAIL + q * QUEUE_STEP + 2, 0);
	}
	reg(0x70, 15);
}

static inline bool needs_reset(void)
{
	return reg_get(0x70) & VIRTIO_STATUS_NEEDS_RESET;
}

#endif
