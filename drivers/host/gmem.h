/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's memory as far as the guest shares it, accepted page by page. */
#ifndef HOST_GMEM_H
#define HOST_GMEM_H

#include "env.h"

#define GMEM_CACHE 256u
#define GMEM_PAGE 4096ull

struct gmem {
	uint64_t part;	 /* handle */
	uint64_t window; /* guest-physical x is at window + x here */
	uint64_t size;
	uint8_t *accepted; /* a bit for each page */
	uint8_t *pinned;   /* those that were accepted for DMA */
	bool all;	   /* without its sharing anything */
	unsigned busy;	   /* transfers that may reach pinned pages */
	bool unpin;	   /* give them back when there is none */
	struct {
		uint64_t page; /* gpa | 1; 0: empty */
		uint64_t dev;
	} cache[GMEM_CACHE];
};

/* false: no memory. */
bool gmem_init(struct gmem *m, uint64_t part, unsigned slot, uint64_t size);
void gmem_end(struct gmem *m);

/*
 * All of these accept what is needed first. false or null: the guest does not
 * share it, or it is no memory. A guest may take a page back at any time: the
 * pointer of gmem_at is for the accesses of guard.h only.
 */
void *gmem_at(struct gmem *m, uint64_t gpa, uint64_t n);

/* Where memory is; only for an address that is known to be in it. */
static inline void *gmem_known(const struct gmem *m, uint64_t gpa)
{
	return (void *)(uintptr_t)(m->window + gpa);
}

static inline bool gmem_has(const struct gmem *m, uint64_t gpa, uint64_t n)
{
	return n <= m->size && gpa <= m->size - n;
}

/* Where it is, accepted or not; null: it is no memory. For an access of guard.h
 * that may fail: then the functions below accept it. */
static inline void *gmem_near(const struct gmem *m, uint64_t gpa, uint64_t n)
{
	return gmem_has(m, gpa, n) ? gmem_known(m, gpa) : NULL;
}

bool gmem_read(struct gmem *m, uint64_t gpa, void *to, uint64_t n);
bool gmem_write(struct gmem *m, uint64_t gpa, const void *from, uint64_t n);
bool gmem_read16(struct gmem *m, uint64_t gpa, uint16_t *v);
bool gmem_write16(struct gmem *m, uint64_t gpa, uint16_t v);

/*
 * The device address of a byte; the bytes up to its page's end follow. The page
 * is pinned then: the guest cannot take it back before gmem_unpin(), which waits
 * until no transfer is between its gmem_hold() and gmem_drop().
 */
bool gmem_dev(struct gmem *m, uint64_t gpa, dev_addr_t *dev);
/* The same if the page is pinned already, its address known. */
static inline bool gmem_dev_known(const struct gmem *m, uint64_t gpa,
				  dev_addr_t *dev)
{
	unsigned i = gpa / GMEM_PAGE % GMEM_CACHE;

	dev->v = m->cache[i].dev + gpa % GMEM_PAGE;
	return m->cache[i].page == (gpa & -GMEM_PAGE) + 1;
}
void gmem_unpin(struct gmem *m);

static inline void gmem_hold(struct gmem *m) { m->busy++; }

static inline void gmem_drop(struct gmem *m)
{
	m->busy--;
	if (m->unpin)
		gmem_unpin(m);
}

#endif
