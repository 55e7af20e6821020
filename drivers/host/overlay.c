/* SPDX-License-Identifier: BSD-2-Clause */
/* An entry of the tree is the address of a node or of a page; one of a page has
 * its mask in the low bits. A mask without a page: those sectors are zeroes. */
#include "overlay.h"

#include <string.h>

#include "kit/mm.h"

#define BITS 9u
#define ENTRIES (1u << BITS)
#define SECTOR 512u
#define MASK 0xffull
#define WHOLE 0xffull

static void *pointer(uint64_t entry)
{
	return (void *)(uintptr_t)(entry & ~(uint64_t)(OVERLAY_PAGE - 1));
}

/* ---- the tree ---- */

__attribute__((cold)) static uint64_t is_full(struct overlay *o)
{
	if (!o->full)
		o->on_full(o);
	o->full = true;
	return 0;
}

static uint64_t page_take(struct overlay *o)
{
	void *p;

	if (o->pages >= o->limit || kit_pages_left() <= OVERLAY_SPARE)
		return is_full(o);
	p = kit_pages_alloc(1);
	if (!p)
		return is_full(o);
	o->pages++;
	return (uint64_t)(uintptr_t)p;
}

static void page_give(struct overlay *o, uint64_t entry)
{
	if (!pointer(entry))
		return;
	kit_pages_free(pointer(entry), 1);
	o->pages--;
}

/* The entry of a sector's page. Null: there is no node that has it, or, if it is
 * to be made, no room. */
static uint64_t *entry_of(struct overlay *o, uint64_t sector, bool make)
{
	uint64_t page = sector / OVERLAY_SECTORS;
	uint64_t *at = &o->root;

	for (unsigned level = o->levels; level--;) {
		if (!*at && make)
			*at = page_take(o);
		if (!*at)
			return NULL;
		at = (uint64_t *)pointer(*at) +
		     (page >> level * BITS) % ENTRIES;
	}
	return at;
}

static void node_end(struct overlay *o, uint64_t node, unsigned level)
{
	uint64_t *entry = pointer(node);

	for (unsigned i = 0; entry && i < ENTRIES; i++) {
		if (level > 1)
			node_end(o, entry[i], level - 1);
		else
			page_give(o, entry[i]);
	}
	page_give(o, node);
}

void overlay_init(struct overlay *o, uint64_t sectors, uint64_t limit)
{
	uint64_t last = sectors ? (sectors - 1) / OVERLAY_SECTORS : 0;

	o->root = o->pages = 0;
	o->limit = limit;
	o->full = false;
	o->levels = 1;
	while (last >>= BITS)
		o->levels++;
}

void overlay_end(struct overlay *o)
{
	node_end(o, o->root, o->levels);
	o->root = 0;
}

/* ---- sectors ---- */

static bool is_written(const uint64_t *entry, uint64_t sector)
{
	return entry && *entry >> sector % OVERLAY_SECTORS & 1;
}

/* How many of them, from the first on, lie in its page. */
static uint32_t in_page(uint64_t sector, uint64_t count)
{
	uint32_t n = OVERLAY_SECTORS - (uint32_t)(sector % OVERLAY_SECTORS);

	return count < n ? (uint32_t)count : n;
}

static uint64_t mask_of(uint64_t sector, uint32_t count)
{
	return (WHOLE >> (OVERLAY_SECTORS - count)) << sector % OVERLAY_SECTORS;
}

uint32_t overlay_run(struct overlay *o, uint64_t sector, uint32_t count,
		     bool *written)
{
	uint32_t done = 0;

	*written = is_written(entry_of(o, sector, false), sector);
	while (done < count) {
		uint32_t n = in_page(sector + done, count - done);
		uint64_t *e = entry_of(o, sector + done, false);

		for (uint32_t i = 0; i < n; i++)
			if (is_written(e, sector + done + i) != *written)
				return done + i;
		done += n;
	}
	return count;
}

const uint8_t *overlay_data(struct overlay *o, uint64_t sector)
{
	static const uint8_t zeroes[OVERLAY_PAGE];
	uint64_t *e = entry_of(o, sector, false);
	const uint8_t *page = e ? pointer(*e) : NULL;

	return (page ? page : zeroes) + sector % OVERLAY_SECTORS * SECTOR;
}

uint8_t *overlay_room(struct overlay *o, uint64_t sector)
{
	uint64_t *e = entry_of(o, sector, true);

	if (!e)
		return NULL;
	if (!pointer(*e))
		*e |= page_take(o);
	if (!pointer(*e))
		return NULL;
	return (uint8_t *)pointer(*e) + sector % OVERLAY_SECTORS * SECTOR;
}

void overlay_written(struct overlay *o, uint64_t sector, uint32_t count)
{
	*entry_of(o, sector, false) |= mask_of(sector, count);
}

/* Of one page. */
static void page_zero(struct overlay *o, uint64_t *e, uint64_t sector,
		      uint32_t count)
{
	uint8_t *page = pointer(*e);

	*e |= mask_of(sector, count);
	if (count == OVERLAY_SECTORS) {
		page_give(o, *e);
		*e = MASK;
	} else if (page) {
		memset(page + sector % OVERLAY_SECTORS * SECTOR, 0,
		       count * SECTOR);
	}
}

bool overlay_zero(struct overlay *o, uint64_t sector, uint64_t count, bool all)
{
	while (count) {
		uint32_t n = in_page(sector, count);
		uint64_t *e = entry_of(o, sector, all);

		if (e)
			page_zero(o, e, sector, n);
		else if (all)
			return false;
		sector += n;
		count -= n;
	}
	return true;
}
