/* SPDX-License-Identifier: BSD-2-Clause */
/* Accepts the pages that guests share, and reaches them. */
#include "gmem.h"

#include <string.h>

#include "guard.h"
#include "host.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "pvabi/calls.h"

#define PAGE GMEM_PAGE

bool gmem_init(struct gmem *m, uint64_t part, unsigned slot, uint64_t size)
{
	memset(m, 0, sizeof(*m));
	m->part = part;
	m->window = HOST_WINDOW + slot * HOST_WINDOW_STEP;
	m->size = size;
	m->accepted = kit_calloc(1, (size_t)(size / PAGE + 7) / 8);
	m->pinned = kit_calloc(1, (size_t)(size / PAGE + 7) / 8);
	return m->accepted && m->pinned;
}

void gmem_end(struct gmem *m)
{
	kit_free(m->accepted);
	kit_free(m->pinned);
	m->accepted = m->pinned = NULL;
	m->size = 0;
}

static bool has(const uint8_t *bits, uint64_t page)
{
	return bits[page / 8] >> page % 8 & 1;
}

static void mark(uint8_t *bits, uint64_t page, bool on)
{
	uint8_t bit = (uint8_t)(1u << page % 8);

	bits[page / 8] =
		(uint8_t)(on ? bits[page / 8] | bit : bits[page / 8] & ~bit);
}

static bool page_accept(struct gmem *m, uint64_t page, uint64_t flags)
{
	uint64_t gpa = page * PAGE;
	uint64_t at = m->window + gpa;
	uint64_t err = pv_mem_accept(m->part, gpa, 1, at, flags);

	/* After a revoke our note of the page may be older than the share. */
	if (err && err != PV_EEXIST)
		return false;
	if (!kit_map(at, at, PAGE, KIT_WRITE))
		return false;
	mark(m->accepted, page, true);
	return true;
}

void *gmem_at(struct gmem *m, uint64_t gpa, uint64_t n)
{
	if (!n || n > m->size || gpa > m->size - n)
		return NULL;
	for (uint64_t p = gpa / PAGE; p <= (gpa + n - 1) / PAGE; p++)
		if (!has(m->accepted, p) && !page_accept(m, p, 0))
			return NULL;
	return (void *)(uintptr_t)(m->window + gpa);
}

/* A page that faulted was revoked; it may be shared anew. */
static void forget(struct gmem *m, uint64_t gpa, uint64_t n)
{
	for (uint64_t p = gpa / PAGE; p <= (gpa + n - 1) / PAGE; p++) {
		mark(m->accepted, p, false);
		m->cache[p % GMEM_CACHE].page = 0;
	}
}

/* Runs an access; once more if the share was renewed in between. */
#define ACCESS(m, gpa, n, access)                         \
	do {                                              \
		for (int tries = 0; tries < 2; tries++) { \
			void *p = gmem_at(m, gpa, n);     \
                                                          \
			if (!p)                           \
				return false;             \
			if (access)                       \
				return true;              \
			forget(m, gpa, n);                \
		}                                         \
		return false;                             \
	} while (0)

bool gmem_read(struct gmem *m, uint64_t gpa, void *to, uint64_t n)
{
	ACCESS(m, gpa, n, guard_copy(to, p, n));
}

bool gmem_write(struct gmem *m, uint64_t gpa, const void *from, uint64_t n)
{
	ACCESS(m, gpa, n, guard_copy(p, from, n));
}

bool gmem_read16(struct gmem *m, uint64_t gpa, uint16_t *v)
{
	ACCESS(m, gpa, 2, guard_read16(p, v));
}

bool gmem_write16(struct gmem *m, uint64_t gpa, uint16_t v)
{
	ACCESS(m, gpa, 2, guard_write16(p, v));
}

/* An accepted page is given back first: what it is accepted for cannot change. */
static bool page_pin(struct gmem *m, uint64_t page)
{
	if (has(m->pinned, page))
		return true;
	if (has(m->accepted, page))
		pv_mem_return(m->window + page * PAGE, 1);
	mark(m->accepted, page, false);
	if (!page_accept(m, page, PV_ACCEPT_DMA))
		return false;
	mark(m->pinned, page, true);
	return true;
}

void gmem_unpin(struct gmem *m)
{
	m->unpin = m->busy;
	if (m->busy || !m->pinned)
		return;
	for (uint64_t p = 0; p < m->size / PAGE; p++)
		if (has(m->pinned, p)) {
			pv_mem_return(m->window + p * PAGE, 1);
			mark(m->pinned, p, false);
			forget(m, p * PAGE, 1);
		}
}

bool gmem_dev(struct gmem *m, uint64_t gpa, dev_addr_t *dev)
{
	uint64_t page = gpa / PAGE;
	unsigned i = page % GMEM_CACHE;
	uint64_t addr;

	if (m->cache[i].page != (page * PAGE | 1)) {
		if (gpa >= m->size || !page_pin(m, page) ||
		    pv_mem_device_addr(m->window + page * PAGE,
				       kit_info()->self, &addr))
			return false;
		m->cache[i].page = page * PAGE | 1;
		m->cache[i].dev = addr;
	}
	dev->v = m->cache[i].dev + gpa % PAGE;
	return true;
}
