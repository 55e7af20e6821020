/* SPDX-License-Identifier: BSD-2-Clause */
/* Partitions with real nested tables in a made-up entry format. */
#ifndef UNIT_CORE_FAKE_SPACE_H
#define UNIT_CORE_FAKE_SPACE_H

#include "arch/iommu.h"
#include "core/gmem.h"
#include "core/ioreq.h"
#include "fake.h"
#include "pvabi/calls.h"

#define PARTS 4
#define E_FLAGS_SHIFT 1

struct cpu_features cpu_feat = { .phys_bits = 40 };
u32 mitigations;
struct nested_caps nested_caps = { .levels = 4 };
struct iommu_info iommu;
struct partition *partition_table[PARTITION_MAX];
static struct partition parts[PARTS];
static u32 shot[PARTS]; /* shoot-downs of each */
static struct boot_info bi;
static struct cpu cpu;
static struct vcpu asker; /* whose call this is */
static u64 all_free;	  /* frames before any was taken */

static struct nested_format format = {
	.read = 1ull << E_FLAGS_SHIFT,
	.write = 2ull << E_FLAGS_SHIFT,
	.exec = 4ull << E_FLAGS_SHIFT,
	.device = 8ull << E_FLAGS_SHIFT,
	.table = 1ull << E_FLAGS_SHIFT,
	.dirty = 16ull << E_FLAGS_SHIFT,
};
static const struct virt_ops fake_ops = { .name = "fake", .format = &format };
const struct virt_ops *virt = &fake_ops;

static u32 iotlb_flushed; /* the last domain */

void iommu_flush(u32 domain) { iotlb_flushed = domain; }

struct cpu *cpu_this(void) { return &cpu; }

struct partition *partition_get(u32 id)
{
	return id < PARTITION_MAX ? partition_table[id] : NULL;
}

bool ioreq_overlaps(const struct partition *p, u32 space, u64 addr, u64 len)
{
	return false;
}

void *partition_frames(struct partition *p, hpa_t where, enum frame_state st,
		       unsigned order)
{
	void *at;

	if (p->pages + (1ull << order) > p->max_pages)
		return NULL;
	at = frame_alloc(where, (u16)p->id, st, order);
	if (at)
		p->pages += 1ull << order;
	return at;
}

void *partition_pages(struct partition *p, unsigned order)
{
	return partition_frames(p, FRAME_ANYWHERE, FRAME_TABLE, order);
}

void partition_pages_free(struct partition *p, void *at, unsigned order)
{
	p->pages -= 1ull << order;
	frame_free(at, order);
}

/* What waits for a shoot-down, which has its turn when the test says so. */
void partition_retire(struct partition *p, void *at, unsigned order)
{
	struct frame *f = frame_of(ptr_hpa(at));

	f->state = FRAME_TABLE;
	f->peer_gpa = p->retired;
	p->retired = ptr_hpa(at).v | order;
}

static void retired_drop(struct partition *p)
{
	while (p->retired) {
		u64 at = p->retired;

		p->retired = frame_of(hpa(at & ~PAGE_MASK))->peer_gpa;
		partition_pages_free(p, (void *)(at & ~PAGE_MASK),
				     at & PAGE_MASK);
	}
}

void gmem_shootdown(struct partition *p)
{
	assert_false(lock_held(&p->lock));
	shot[p->id]++;
	retired_drop(p);
}

/* p calls, to map what `owner` shares with it. */
static inline int accepts(struct partition *p, struct partition *owner,
			  u64 from, u64 pages, u64 at, u32 flags)
{
	asker.part = p;
	return gmem_accept(owner, gpa(from), pages, gpa(at), flags);
}

static inline int fake_setup(void **state)
{
	if (!bi.nr_ranges) {
		fake_ram(&bi);
		frame_init(&bi);
		all_free = frame_free_count();
	}
	memset(parts, 0, sizeof(parts));
	memset(shot, 0, sizeof(shot));
	cpu.current = &asker.hw;
	for (u32 i = 0; i < PARTS; i++) {
		struct partition *p = &parts[i];

		p->id = i;
		p->gen = 100 + i;
		p->max_pages = 4096;
		p->space.owner = p;
		p->space.block_alloc = partition_pages;
		p->space.block_free = partition_pages_free;
		p->space.block_retire = partition_retire;
		assert_int_equal(nested_init(&p->space), 0);
		partition_table[i] = p;
	}
	return 0;
}

/* Everything goes back, and nothing is lost. */
static inline int fake_teardown(void **state)
{
	for (u32 i = 0; i < PARTS; i++) {
		while (!gmem_reap(&parts[i], 64))
			;
		retired_drop(&parts[i]);
		nested_free(&parts[i].space);
		assert_int_equal(parts[i].pages, 0);
	}
	assert_int_equal(frame_free_count(), all_free);
	return 0;
}

/* All rounds of it. */
static inline int populate_all(struct partition *p, u64 at, u64 pages)
{
	bool more;
	int err;

	do {
		err = gmem_populate(p, &at, &pages, &more);
	} while (!err && more);
	return err;
}

static inline void populate(u32 part, u64 at, u64 pages)
{
	assert_int_equal(populate_all(&parts[part], at, pages), PV_OK);
}

#endif
