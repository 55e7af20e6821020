/* SPDX-License-Identifier: BSD-2-Clause */
/* A space with nested tables in a format of the test's own. */
#ifndef UNIT_VIRT_FAKE_NESTED_H
#define UNIT_VIRT_FAKE_NESTED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "virt/virt.h"

#define RWX (NP_READ | NP_WRITE | NP_EXEC)
/* A format of the test's own: "may not be executed" is a bit. */
static struct nested_format format = {
	.read = 1ull << 0,
	.write = 1ull << 8,
	.exec = 1ull << 63,
	.device = 3ull << 9,
	.invert = 1ull << 63,
	.leaf = 1ull << 2,
	.table = 1ull << 0,
	.accessed = 1ull << 5,
	.dirty = 1ull << 6,
};
static const struct virt_ops ops = { .name = "test", .format = &format };
const struct virt_ops *virt = &ops;

struct cpu *cpu_this(void);
struct cpu *cpu_this(void) { return NULL; }

static int live, budget;

static inline void *page_get(struct partition *owner, unsigned order)
{
	void *p;

	assert_ptr_equal(owner, &live);
	if (!budget)
		return NULL;
	budget--;
	live++;
	p = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	assert_non_null(p);
	return memset(p, 0, PAGE_SIZE);
}

static inline void page_put(struct partition *owner, void *page, unsigned order)
{
	assert_ptr_equal(owner, &live);
	live--;
	free(page);
}

/* A table that CPUs may cache: it stays as it is until the flush. */
static struct {
	u64 *table, was[512];
} retired[4096];
static unsigned nr_retired;

static inline void page_retire(struct partition *owner, void *table,
			       unsigned order)
{
	memcpy(retired[nr_retired].was, table, PAGE_SIZE);
	retired[nr_retired++].table = table;
}

static inline void flush(void)
{
	while (nr_retired) {
		u64 *t = retired[--nr_retired].table;

		assert_memory_equal(t, retired[nr_retired].was, PAGE_SIZE);
		page_put((void *)&live, t, 0);
	}
}

static struct virt_space space;

static inline int setup(void **state)
{
	live = 0;
	budget = 1000;
	nested_caps.levels = 4;
	nested_caps.gb_pages = true;
	nested_caps.dirty = true;
	space = (struct virt_space){ .block_alloc = page_get,
				     .block_free = page_put,
				     .block_retire = page_retire,
				     .owner = (struct partition *)&live };
	return nested_init(&space);
}

static inline int teardown(void **state)
{
	mitigations = 0;
	flush();
	nested_free(&space);
	assert_int_equal(live, 0);
	return 0;
}

static inline u64 where(u64 at)
{
	hpa_t to;

	return nested_lookup(&space, gpa(at), &to, NULL, NULL) ? to.v : ~0ull;
}

static inline u64 page_at(u64 at)
{
	hpa_t to;
	u64 page = 0;

	nested_lookup(&space, gpa(at), &to, NULL, &page);
	return page;
}

static inline int map(u64 at, u64 to, u64 size, unsigned max)
{
	return nested_map(&space, gpa(at), hpa(to), size, RWX, max);
}

#endif
