/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must hold after every call: one owner per frame; nothing of the
 * hypervisor mapped but the shared pages; quotas exact; no handle with rights
 * from nowhere, and none lost.
 */
#include <string.h>

#include "core/gmem.h"
#include "core/sched.h"
#include "pvabi/calls.h"
#include "tests/fuzz/check.h"

#define FRAMES (SIM_SIZE / PAGE_SIZE)
#define TABLE_ADDR 0x000ffffffffff000ull
#define TABLE_LARGE (1ull << 7)

/* ---- frames and mappings ---- */

static u8 owner_maps[FRAMES], peer_maps[FRAMES];

static u64 frame_nr(hpa_t at) { return (at.v - SIM_RAM) / PAGE_SIZE; }

static bool is_vcpu_page(const struct partition *p, u64 at, hpa_t h)
{
	u64 n = (at - PV_VCPU_PAGE(0)) / PAGE_SIZE;

	return at >= PV_VCPU_PAGE(0) && n < p->nr_vcpus && p->vcpus[n] &&
	       ptr_hpa(p->vcpus[n]->page).v == h.v;
}

/* The I/O page of a partition that p serves, where it has mapped it. */
static bool is_io_page(const struct partition *p, u64 at, hpa_t h, u32 flags)
{
	for (u32 i = 0; i < PARTS; i++) {
		const struct partition *q = partition_get(i);

		if (q && ptr_hpa(&q->io_page).v == h.v)
			return q->io_mapper.part == p->id &&
			       q->io_mapper.gen == p->gen &&
			       q->io_mapper.at == at && flags == NP_READ;
	}
	return false;
}

/* A page of a trace ring, which the host partition may read in one place. */
static bool is_trace_page(const struct partition *p, hpa_t h, u32 flags)
{
	u64 inside = h.v % sizeof(struct pv_trace_ring);
	const struct pv_trace_ring *r = hpa_ptr(hpa(h.v - inside));

	return !p->id && flags == NP_READ && r->magic == PV_TRACE_MAGIC &&
	       !owner_maps[frame_nr(h)]++;
}

static bool is_shared_page(const struct partition *p, u64 at, hpa_t h,
			   u32 flags)
{
	if (is_io_page(p, at, h, flags) || is_trace_page(p, h, flags))
		return true;
	return flags == (NP_READ | NP_WRITE) &&
	       (is_vcpu_page(p, at, h) ||
		(at == PV_PARTITION_PAGE && ptr_hpa(&p->page).v == h.v));
}

static void check_page(const struct partition *p, u64 at, hpa_t h, u32 flags)
{
	const struct frame *f = frame_of(h);
	u64 n = frame_nr(h);

	if (n >= FRAMES || !f)
		sim_finding("%u maps %lx, which is not RAM", p->id,
			    (unsigned long)h.v);
	if (f->owner < PARTS && f->state == FRAME_TABLE) {
		if (!is_shared_page(p, at, h, flags))
			sim_finding("%u maps a frame of the hypervisor at %lx",
				    p->id, (unsigned long)at);
		return;
	}
	if (f->state == FRAME_ACCEPTED && f->peer == p->id &&
	    f->peer_gpa == at) {
		if (flags & NP_EXEC || (flags & NP_WRITE && !f->write) ||
		    peer_maps[n]++)
			sim_finding("%u maps a share otherwise than offered",
				    p->id);
		return;
	}
	if (f->owner != p->id)
		sim_finding("%u maps %lx of %x at %lx", p->id,
			    (unsigned long)h.v, f->owner, (unsigned long)at);
	if (owner_maps[n]++)
		sim_finding("%u maps its frame %lx twice", p->id,
			    (unsigned long)h.v);
}

static void check_leaf(const struct partition *p, u64 at, hpa_t h, u32 flags,
		       u64 size)
{
	for (u64 o = 0; o < size; o += PAGE_SIZE)
		check_page(p, at + o, hpa(h.v + o), flags);
}

static u32 flags_of(u64 e)
{
	const struct nested_format *f = virt->format;

	e ^= f->invert;
	return (e & f->read ? NP_READ : 0) | (e & f->write ? NP_WRITE : 0) |
	       (e & f->exec ? NP_EXEC : 0) | (e & f->device ? NP_DEVICE : 0);
}

/* A walk of its own: that of the hypervisor is under test. */
static void check_table(const struct partition *p, u64 entry, u32 level, u64 at)
{
	u64 table = entry & TABLE_ADDR, used = 0;
	const u64 *t = hpa_ptr(hpa(table)), size = 1ull << (3 + 9 * level);
	const struct frame *f = frame_of(hpa(table));

	if (f->owner != p->id || f->state != FRAME_TABLE)
		sim_finding("%u has a table that is not its own", p->id);
	for (u32 i = 0; i < 512; i++, at += size) {
		u64 to = t[i] & TABLE_ADDR;

		used += !!t[i];
		if (!(t[i] & virt->format->read))
			continue;
		if (level > 1 && !(t[i] & TABLE_LARGE))
			check_table(p, t[i], level - 1, at);
		else if (flags_of(t[i]) & NP_DEVICE)
			device_mapped(p, at, to & ~(size - 1), size);
		else
			check_leaf(p, at, hpa(to & ~(size - 1)), flags_of(t[i]),
				   size);
	}
	if (level < nested_caps.levels && (!used || entry >> 52 != used))
		sim_finding("%u has a table of %lu entries that says %lu",
			    p->id, (unsigned long)used,
			    (unsigned long)(entry >> 52));
}

/* Nobody can use the tables of a dying partition that has left all CPUs. */
static bool is_over(const struct partition *p)
{
	for (u32 i = 0; i < p->nr_vcpus; i++)
		if (sched_on_cpu(p->vcpus[i]))
			return false;
	return p->dying;
}

static void check_mappings(const struct partition *p)
{
	if (is_over(p))
		return;
	check_table(p, p->space.root, nested_caps.levels, 0);
}

static void check_counts(void)
{
	u64 pages[PARTS] = { 0 }, shared[PARTS] = { 0 }, pinned[PARTS] = { 0 };
	u64 n, spare = 0, promised = 0;

	for (n = 0; n < FRAMES; n++) {
		const struct frame *f = frame_of(hpa(SIM_RAM + n * PAGE_SIZE));

		if (f->owner == FRAME_FREE && f->order != FRAME_INNER) {
			spare += 1ull << f->order;
			n += (1ull << f->order) - 1;
		} else if (f->owner < PARTS) {
			pages[f->owner]++;
			shared[f->owner] += f->state == FRAME_SHARED ||
					    f->state == FRAME_ACCEPTED;
			pinned[f->owner] += f->state == FRAME_ACCEPTED &&
					    f->pinned && f->peer != f->owner;
			if (f->state == FRAME_ACCEPTED && !peer_maps[n] &&
			    !is_over(partition_get(f->peer)))
				sim_finding("accepted, and not mapped");
		}
	}
	for (n = 0; n < PARTS; n++)
		promised += partition_get((u32)n) ?
				    partition_get((u32)n)->max_pages :
				    0;
	if (promised > frame_all_count())
		sim_finding("%lu frames are promised, there are %lu",
			    (unsigned long)promised,
			    (unsigned long)frame_all_count());
	if (spare != frame_free_count())
		sim_finding("%lu frames are free, %lu are counted",
			    (unsigned long)spare,
			    (unsigned long)frame_free_count());
	for (n = 0; n < PARTS; n++) {
		const struct partition *p = partition_get((u32)n);

		if (p ? p->pages != pages[n] || p->pages > p->max_pages ||
				    p->pages_shared != shared[n] ||
				    p->pages_pinned != pinned[n] :
			pages[n])
			sim_finding("%lu: quota %lu, counted %lu, are %lu; "
				    "shared %lu",
				    (unsigned long)n,
				    (unsigned long)(p ? p->max_pages : 0),
				    (unsigned long)(p ? p->pages : 0),
				    (unsigned long)pages[n],
				    (unsigned long)shared[n]);
	}
}

/* Whose devices may reach a frame of another: peer + 1. */
static u8 pins[FRAMES];

static u8 pin_of(const struct frame *f)
{
	return f->owner < PARTS && f->state == FRAME_ACCEPTED && f->pinned &&
			       f->peer != f->owner ?
		       (u8)(f->peer + 1) :
		       0;
}

void check_pins(const struct vcpu *v, u64 nr)
{
	for (u64 n = 0; n < FRAMES; n++) {
		u8 now = pin_of(frame_of(hpa(SIM_RAM + n * PAGE_SIZE)));
		u8 was = pins[n];
		const struct partition *p = was ? partition_get(was - 1u) :
						  NULL;

		pins[n] = now;
		if (!p || now == was || p->dying || !v ||
		    (nr == PV_CALL_mem_return && v->part == p))
			continue;
		sim_finding("%u loses what its devices may reach in call %lu",
			    p->id, (unsigned long)nr);
	}
}

/* A request that waits is in the I/O page, for whoever serves it next. */
static void check_requests(struct partition *p)
{
	for (u32 i = 0; i < p->nr_vcpus; i++) {
		const struct pv_io_slot *s = &p->io_page.slot[i];
		u64 cookie = load_acquire(&p->vcpus[i]->io_cookie);

		if (cookie &&
		    (s->state != PV_IO_WAITING || s->cookie != cookie))
			sim_finding("a request of %u is not to be found",
				    p->id);
	}
}

u64 check_turn;

static u64 page_at(struct partition *p, u64 at)
{
	u32 flags;
	u64 size;
	hpa_t h;

	return nested_lookup(&p->space, gpa(at), &h, &flags, &size) ?
		       h.v / PAGE_SIZE :
		       ~0ull;
}

/* Is the server's buffer a page that the string lies in? */
static bool overlaps(struct partition *server, u64 buf, struct partition *p,
		     u64 at, u64 n)
{
	u64 page = page_at(server, buf);

	return page == page_at(p, at) || page == page_at(p, at + n - 1);
}

/* Another CPU may end the request, or write to its bytes. */
static bool was_alone(void) { return sim_turns == check_turn; }

void check_copy(struct vcpu *v, const struct partition *p, const u64 *a)
{
	static u8 mine[PAGE_SIZE], its[PAGE_SIZE];
	u32 id = a[1] & 63;
	const struct pv_io_slot *s = &p->io_page.slot[id];
	u64 n = (u64)s->count * s->size;
	struct partition *its_part = partition_get(p->id);
	u64 at = p->vcpus[id]->io_gpa;
	bool same;

	if (n > PAGE_SIZE || p->vcpus[id]->io_cookie != a[1]) {
		if (was_alone())
			sim_finding("a copy for a request that does not wait");
		return;
	}
	same = !gmem_read(v->part, gpa(a[2]), mine, n) &&
	       !gmem_read(its_part, gpa(at), its, n) && !memcmp(mine, its, n);
	if (!same && was_alone() && !overlaps(v->part, a[2], its_part, at, n))
		sim_finding("a string of %lu bytes is copied badly",
			    (unsigned long)n);
}

void check_all(void)
{
	memset(owner_maps, 0, sizeof(owner_maps));
	memset(peer_maps, 0, sizeof(peer_maps));
	for (u32 i = 0; i < PARTS; i++)
		if (partition_get(i)) {
			check_mappings(partition_get(i));
			check_requests(partition_get(i));
		}
	check_counts();
	device_check();
}

void check_lent(void)
{
	const struct partition *host = partition_get(0);

	for (u64 n = 0; n < FRAMES; n++) {
		const struct frame *f = frame_of(hpa(SIM_RAM + n * PAGE_SIZE));
		bool lent = f->state == FRAME_SHARED ||
			    f->state == FRAME_ACCEPTED;

		if (f->owner < PARTS && lent &&
		    (!f->owner || (!f->peer && f->state == FRAME_ACCEPTED)))
			sim_finding("%u lends to %u what a restart forgot",
				    f->owner, f->peer);
		/* with a spent quota a large page may not be split */
		if (!f->owner && f->state == FRAME_PLAIN &&
		    n * PAGE_SIZE - SIM_HOST >= SIM_HOST_SIZE &&
		    host->pages < host->max_pages)
			sim_finding("a frame of the old life is left");
	}
}
