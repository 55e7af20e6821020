/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory: population, copies in and out, walks, shares. */
#pragma once

#include "core/partition.h"

/* First address behind the guest-physical space that Parley offers. */
u64 gmem_limit(void);

/* Copy between hypervisor and guest-physical memory: what the partition has
 * mapped, device memory apart (write: writable). PV_OK or PV_EFAULT (nothing
 * partial is promised on failure). Any size up to 64 KiB. Takes p->lock. */
int gmem_read(struct partition *p, gpa_t at, void *to, u64 n) must_check;
int gmem_write(struct partition *p, gpa_t at, const void *from,
	       u64 n) must_check;
/* From a partition that runs to one that has never run: the latter's lock is
 * held first, so that the order is that of age. PV_OK or PV_EFAULT. */
int gmem_copy(struct partition *to_part, gpa_t to, struct partition *from_part,
	      gpa_t from, u64 n) must_check;

/* Checks a range without copying. */
bool gmem_ok(struct partition *p, gpa_t at, u64 n, bool write);
/* Where the byte at `at` is, and those behind it in its page; NULL unless p may
 * write there. Good until the CPU takes interrupts or a call of its vCPU leaves
 * pending work. */
void *gmem_ptr(struct partition *p, gpa_t at);
/* The same, with p->lock held: how many bytes lie in a row from *ptr on; 0: not
 * so. need: NP_*; with NP_WRITE, they count as written. */
u64 gmem_span_locked(struct partition *p, u64 at, u32 need, u8 **ptr);
/* Is anything mapped, or a region served, in the range? p->lock held. */
bool gmem_taken_locked(struct partition *p, u64 at, u64 size);
/* The frame of p's page at `at`: NULL unless p owns it or has accepted it. */
struct frame *gmem_frame(struct partition *p, gpa_t at);

/*
 * Copies n bytes between buf (NULL: only checks) and a guest-virtual address, by the vCPU's own
 * page tables (4 levels, or no paging) with SDM Vol. 3A 4.6 rights; A/D bits are
 * set as the CPU would. Crosses pages. a.write: from buf. *f says where the last
 * page is; false: where it ended, with the #PF error code; or GMEM_NO_MEMORY where f->gpa is not
 * memory (of p, writable), GMEM_NO_WALK with PAE or 32-bit paging. v loaded, or
 * not running. Takes p->lock.
 */
struct walk_access {
	bool write, exec, user;
};
struct walk_fault {
	u64 at, gpa;
	u32 error;
};
#define GMEM_NO_MEMORY 0xffffffffu
#define GMEM_NO_WALK 0xfffffffeu
bool gmem_gva(struct vcpu *v, u64 at, void *buf, u64 n, struct walk_access a,
	      struct walk_fault *f) must_check;
/*
 * The byte at `at`, which v has just fetched as code, and those behind it in
 * its page; NULL as gmem_gva. Good until v's CPU takes interrupts. Another vCPU
 * may write there: read once. The last page is kept in v->code.
 */
const u8 *gmem_code(struct vcpu *v, u64 at, struct walk_fault *f) must_check;

/* The calls of calls.def, after argument decoding; return PV_*. */
/* At most 512 pages; what *at and *pages then name is left: *more. */
int gmem_populate(struct partition *p, u64 *at, u64 *pages,
		  bool *more) must_check;
/* The same in blocks of exactly 2^order pages. */
int gmem_populate_exact(struct partition *p, u64 *at, u64 *pages, u32 order,
			bool *more) must_check;
/* Gives own, unshared memory back: scrubbed, when no CPU can reach it. */
int gmem_release(struct partition *p, u64 *at, u64 *pages,
		 bool *more) must_check;
int gmem_translate(struct partition *p, gpa_t at,
		   struct pv_translation *t) must_check;
int gmem_device_addr(struct partition *p, gpa_t at, u64 *addr) must_check;
int gmem_share(struct partition *p, struct partition *peer, gpa_t at, u64 pages,
	       bool write) must_check;
int gmem_revoke(struct partition *p, gpa_t at, u64 pages) must_check;
/* Into the caller's space; with PV_ACCEPT_DMA they cannot be revoked until they
 * are returned. */
int gmem_accept(struct partition *owner, gpa_t from, u64 pages, gpa_t at,
		u32 flags) must_check;
int gmem_return(struct partition *p, gpa_t at, u64 pages) must_check;

/* The log of the pages that are written to. Read: at most 512 of them, then
 * *more; one bit each to the caller's memory at *buf. */
void gmem_log_set(struct partition *p, bool on);
int gmem_log_read(struct partition *p, u64 *at, u64 *pages, u64 *buf,
		  bool *more) must_check;

/* Maps frames (the hypervisor's, modules, an accepted share) or device memory
 * into a partition. PV_OK, PV_EEXIST, PV_ENOMEM. */
int gmem_map(struct partition *p, gpa_t at, hpa_t to, u64 size,
	     u32 np_flags) must_check;
/* Takes a 4 KiB mapping away: no split, so that it cannot fail. The caller has
 * the shoot-down made. */
void gmem_unmap_page(struct partition *p, gpa_t at);

/* Up to 512 pages for gmem_release(): unmapped and freed if all are p's own and
 * PLAIN. The second is its half that changes, with share_lock held. */
int gmem_take(struct partition *p, gpa_t at, u64 pages) must_check;
int gmem_take_locked(struct partition *p, u64 at, u64 size) must_check;

/* Before the first partition is made: takes VEC_SHOOT. */
void gmem_init(void);
/*
 * Gives some vCPUs of p, bit n being vCPU n, pending work, and makes the CPUs
 * that run one of them leave it: none is in its guest without having done that
 * work when this returns. Else as the next.
 */
void gmem_shoot(struct partition *p, u64 vcpus, u32 pend);
/* Makes all CPUs drop translations of p; returns when they have, and frees what
 * p had retired before. No lock may be held: another CPU may wait for it with
 * interrupts off. */
void gmem_shootdown(struct partition *p);

/*
 * Has every CPU been out of the hypervisor's calls since quiet_begin()? Then
 * none of them holds a pointer that it found before. Does not wait.
 */
u64 quiet_begin(void);
bool quiet_done(u64 epoch);

/* Frees some `bound` frames of a dying partition; true when none is left. */
bool gmem_reap(struct partition *p, u64 bound);
/* What p has mapped at p->reap_at: borrowed pages go back, as shares that nobody
 * can accept but a p that lives on (also its own, where it has accepted them
 * itself); true: the frames are its own, and are shared no more. */
bool gmem_reap_shares(struct partition *p, struct frame *f, u64 frames);
