/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must hold after every call: one owner per frame; nothing of the
 * hypervisor mapped but the shared pages; quotas exact; no handle with rights
 * from nowhere, and none lost.
 */
#include <string.h>

#include "core/gmem.h"
#include "core/sched.h"
#include "lib/pci.h"
#include "pvabi/calls.h"
#include "tests/fuzz/sim.h"

#define FRAMES (SIM_SIZE / PAGE_SIZE)
#define PARTS PARTITION_MAX
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

void check_all(void)
{
	memset(owner_maps, 0, sizeof(owner_maps));
	memset(peer_maps, 0, sizeof(peer_maps));
	for (u32 i = 0; i < PARTS; i++)
		if (partition_get(i))
			check_mappings(partition_get(i));
	check_counts();
	device_check();
}

/* ---- handles ---- */

struct known {
	struct handle h;
	u16 parent; /* table << 8 | index, or HANDLE_NONE */
};
static struct known known[PARTS][HANDLE_MAX];
static u32 table_gen[PARTS];

static bool same(const struct handle *a, const struct handle *b)
{
	return a->type == b->type && a->rights == b->rights &&
	       a->gen == b->gen && a->obj == b->obj &&
	       a->obj_gen == b->obj_gen && a->arg == b->arg;
}

static struct known *known_of(struct partition *p, u64 h)
{
	u32 i = (u32)h;
	struct known *k = &known[p->id][i % HANDLE_MAX];

	return i && i < HANDLE_MAX && k->h.type && k->h.gen == h >> 32 ? k :
									 NULL;
}

/* A handle that is being closed names nothing; its slot is not free yet. */
static bool names(const struct handle *h)
{
	return h->type && h->type != HANDLE_CLOSING;
}

/* What a handle of p named before the call. */
static bool named(struct partition *p, u64 h, struct handle *out)
{
	const struct known *k = known_of(p, h);

	k = k && names(&k->h) ? k : NULL;
	if (h == PV_SELF)
		*out = (struct handle){ .type = HANDLE_PARTITION,
					.rights = PV_RIGHT_ALL &
						  ~PV_RIGHT_MACHINE,
					.obj = p->id,
					.obj_gen = p->gen };
	else if (k)
		*out = k->h;
	return k || h == PV_SELF;
}

static bool dead(const struct handle *h)
{
	return !partition_live(h->obj, h->obj_gen);
}

static u32 nr_of(const struct handle *h) { return h->arg % PCI_MAX_FUNCS; }

static bool is_device(const struct handle *h, u32 to)
{
	return h->type == HANDLE_DEVICE && h->obj == to &&
	       h->rights == (PV_RIGHT_CONTROL | PV_RIGHT_GRANT);
}

/* Is k, or what it is derived from, being closed? */
static bool doomed(const struct known *k)
{
	for (u32 n = 0; k && n < PARTS * HANDLE_MAX; n++) {
		if (k->h.type == HANDLE_CLOSING)
			return true;
		k = k->parent == HANDLE_NONE ?
			    NULL :
			    &known[k->parent >> 8][k->parent & 0xff];
	}
	return false;
}

/* Does this call explain a new handle h in the table of `to`? */
static bool explained(struct vcpu *v, u64 nr, const u64 *a, u32 to,
		      const struct handle *h)
{
	struct handle from, part;

	switch (nr) {
	case PV_CALL_event_bind:
		return to == v->part->id && named(v->part, a[0], &part) &&
		       part.rights & PV_RIGHT_SERVE &&
		       part.type == HANDLE_PARTITION &&
		       h->type == HANDLE_EVENT && h->obj == part.obj &&
		       h->obj_gen == part.obj_gen && h->arg == (u32)a[1] &&
		       h->rights == (PV_RIGHT_SEND | PV_RIGHT_GRANT);
	case PV_CALL_handle_derive:
		return named(v->part, a[0], &part) && part.obj == to &&
		       part.type == HANDLE_PARTITION &&
		       part.rights & PV_RIGHT_CONTROL &&
		       named(v->part, a[1], &from) &&
		       !doomed(known_of(v->part, a[1])) &&
		       from.rights & PV_RIGHT_GRANT && from.type == h->type &&
		       from.obj == h->obj && from.obj_gen == h->obj_gen &&
		       from.arg == h->arg && !(h->rights & ~from.rights);
	case PV_CALL_partition_create:
	case PV_CALL_partition_enumerate:
		return to == v->part->id && named(v->part, a[0], &part) &&
		       part.rights & PV_RIGHT_MACHINE &&
		       h->type == HANDLE_PARTITION &&
		       !(h->rights & PV_RIGHT_MACHINE);
	case PV_CALL_device_assign:
		return named(v->part, a[0], &part) && part.obj == to &&
		       part.type == HANDLE_PARTITION &&
		       part.rights & PV_RIGHT_CONTROL &&
		       named(v->part, a[1], &from) && is_device(h, to) &&
		       from.type == HANDLE_DEVICE && from.obj == v->part->id &&
		       from.rights & PV_RIGHT_CONTROL &&
		       nr_of(&from) == nr_of(h);
	case PV_CALL_device_take:
		return named(v->part, a[0], &part) && to == v->part->id &&
		       part.rights & PV_RIGHT_MACHINE && is_device(h, to) &&
		       nr_of(h) == a[1];
	default:
		return false;
	}
}

/* Is k the handle, or derived from it? */
static bool below(const struct known *k, const struct known *top)
{
	for (u32 n = 0; k != top && n < PARTS * HANDLE_MAX; n++) {
		if (k->parent == HANDLE_NONE)
			return false;
		k = &known[k->parent >> 8][k->parent & 0xff];
	}
	return k == top;
}

/* Does a handle above k belong to a partition that ends, or has ended? Its end
 * closes all that is derived from its handles. */
static bool below_the_dead(const struct known *k)
{
	for (u32 n = 0; k->parent != HANDLE_NONE && n < PARTS * HANDLE_MAX;
	     n++) {
		const struct partition *p = partition_get(k->parent >> 8);

		if (!p || p->dying)
			return true;
		k = &known[k->parent >> 8][k->parent & 0xff];
	}
	return false;
}

static void check_slot(struct vcpu *v, u64 nr, const u64 *a, u32 t, u32 i)
{
	const struct handle *h = &partition_get(t)->handles.slots[i];
	struct known *k = &known[t][i], *top;

	if (h->type && k->h.type && same(h, &k->h))
		return;
	if (k->h.type) { /* it has gone */
		top = nr == PV_CALL_handle_close  ? known_of(v->part, a[0]) :
		      nr == PV_CALL_device_assign ? known_of(v->part, a[1]) :
						    NULL;
		if (!dead(&k->h) && !partition_get(t)->dying &&
		    !(top && below(k, top)) &&
		    !(nr == PV_CALL_partition_destroy && below_the_dead(k)))
			sim_finding("a handle of %u is lost in call %lu", t,
				    (unsigned long)nr);
	}
	if (names(h) && !explained(v, nr, a, t, h))
		sim_finding("%u has a handle with rights %x from nowhere, in "
			    "call %lu",
			    t, h->rights, (unsigned long)nr);
}

static void learn(struct vcpu *v, u64 nr, const u64 *a, u32 t, u32 i)
{
	const struct handle *h = &partition_get(t)->handles.slots[i];
	struct known *k = &known[t][i];

	if (!h->type) {
		k->h.type = HANDLE_FREE;
	} else if (!k->h.type || !same(h, &k->h)) {
		k->h = *h;
		/* as the run found it, or as the call says */
		k->parent = v ? HANDLE_NONE : h->parent;
		if (v && nr == PV_CALL_handle_derive && a[1] != PV_SELF)
			k->parent = (u16)(v->part->id << 8 | (u32)a[1]);
	}
}

static void learn_all(struct vcpu *v, u64 nr, const u64 *a)
{
	for (u32 t = 0; t < PARTS; t++) {
		const struct partition *p = partition_get(t);

		if (!p || table_gen[t] != p->gen)
			memset(known[t], 0, sizeof(known[t]));
		table_gen[t] = p ? p->gen : 0;
		for (u32 i = 1; p && i < HANDLE_MAX; i++)
			learn(v, nr, a, t, i);
	}
}

/* The model of who owns what, before the names of the call are forgotten. */
static void note_move(struct vcpu *v, u64 nr, const u64 *a)
{
	struct handle part, from;

	if (nr == PV_CALL_device_take)
		device_moved((u32)a[1], v->part);
	if (nr == PV_CALL_device_assign && named(v->part, a[0], &part) &&
	    named(v->part, a[1], &from))
		device_moved(nr_of(&from), partition_get(part.obj));
}

void check_call(struct vcpu *v, u64 nr, const u64 *a, struct hret r)
{
	if (!r.status)
		note_move(v, nr, a);
	for (u32 t = 0; t < PARTS; t++) {
		const struct partition *p = partition_get(t);

		for (u32 i = 1; p && p->gen == table_gen[t] && i < HANDLE_MAX;
		     i++)
			check_slot(v, nr, a, t, i);
	}
	learn_all(v, nr, a);
	if (r.status && r.value)
		sim_finding("call %lu fails with a value", (unsigned long)nr);
	if (nr < PV_CALL_COUNT && r.status >= PV_ERROR_COUNT)
		sim_finding("call %lu: status %lu", (unsigned long)nr,
			    (unsigned long)r.status);
}

void check_reset(void)
{
	memset(known, 0, sizeof(known));
	memset(table_gen, 0, sizeof(table_gen));
	device_reset();
	learn_all(NULL, 0, NULL);
}

u64 check_handle(struct partition *p, u32 n)
{
	u64 found[HANDLE_MAX];
	u32 count = 0;

	for (u32 i = 1; i < HANDLE_MAX; i++)
		if (known[p->id][i].h.type)
			found[count++] = (u64)known[p->id][i].h.gen << 32 | i;
	return count ? found[n % count] : PV_SELF;
}
